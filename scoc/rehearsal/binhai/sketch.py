"""The city as drawn by hand: control points of its coast, borders, river, islands and roads, on a plane of 50 m steps.

x grows to the east and y to the south; `to_lonlat` puts the drawing into the sea at 123.4° E 30.0° N.
"""

from __future__ import annotations

import math

Point = tuple[float, float]
STEP_M = 50.0
ORIGIN = (700.0, 420.0)
CENTER = (123.4, 30.0)
_M_PER_DEGREE = 111_320.0
FRAME = (300.0, 40.0, 1200.0, 780.0)
"""West, north, east, south of the city's box in steps."""
AROUND = (-650.0, -720.0, 2150.0, 1540.0)
"""How far sea and neighbouring land are drawn: a screen is wider than the city."""

OUTLINE: list[Point] = [
    (388, 272), (420, 240), (455, 205), (500, 178), (560, 168), (620, 160), (680, 150), (725, 128), (760, 138),
    (800, 130), (845, 128), (875, 130), (884, 160), (910, 190), (940, 208), (965, 225), (985, 240), (1002, 262),
    (1015, 290), (1020, 312), (1000, 318), (978, 335), (958, 348), (930, 335), (902, 320), (885, 332), (865, 345),
    (845, 352), (820, 356), (790, 360), (765, 370), (740, 378), (715, 368), (690, 357), (662, 345), (645, 338),
    (645, 347), (665, 362), (690, 378), (712, 392), (735, 410), (748, 430), (745, 448), (737, 462), (746, 482),
    (765, 492), (790, 500), (815, 510), (832, 520),
]  # fmt: skip
"""Land border and coast, clockwise from the north-west to the port."""
PORT: list[Point] = [
    (845, 530), (845, 515), (872, 515), (872, 530), (884, 530), (884, 516), (897, 516), (897, 550), (878, 550),
    (878, 557), (916, 557), (916, 576), (888, 576), (888, 562), (872, 562),
]  # fmt: skip
"""Quays: drawn straight."""
OUTLINE_SOUTH: list[Point] = [
    (868, 575), (850, 605), (830, 622), (810, 640), (790, 655), (770, 660), (745, 675), (715, 690), (690, 700),
    (660, 712), (640, 706), (625, 712), (608, 718), (570, 690), (520, 670), (490, 650), (453, 625), (430, 600),
    (418, 560), (400, 520), (385, 480), (377, 430), (380, 400), (390, 370), (386, 325), (394, 300),
]  # fmt: skip
COAST_FROM, COAST_TO = (875.0, 130.0), (608.0, 718.0)
"""Where the land border meets the sea in the north and in the south."""
NEIGHBOUR_COAST_NORTH: list[Point] = [
    (875, 130), (890, 105), (898, 80), (925, 55), (950, 30), (960, 0), (1010, -70), (1040, -170), (1120, -260),
    (1150, -400), (1260, -520), (1290, -760),
]  # fmt: skip
NEIGHBOUR_COAST_SOUTH: list[Point] = [
    (608, 718), (590, 735), (575, 748), (560, 770), (540, 800), (530, 830), (470, 900), (450, 1010), (360, 1100),
    (340, 1230), (250, 1340), (230, 1580),
]  # fmt: skip

RIVER: list[Point] = [(386, 325), (408, 336), (430, 337), (470, 321), (510, 312), (550, 312), (590, 319), (625, 332),
                      (645, 342)]  # fmt: skip
RIVER_ABOVE: list[Point] = [
    (-660, 520), (-560, 470), (-430, 490), (-300, 420), (-170, 440), (-40, 380), (80, 410), (200, 370), (290, 372),
    (330, 350), (360, 345), (386, 325),
]  # fmt: skip
DISTRICT_BORDERS: list[list[Point]] = [
    [(725, 128), (728, 165), (742, 195), (757, 225), (769, 260), (760, 290), (745, 312), (748, 340), (740, 378)],
    [(590, 319), (583, 340), (571, 375), (575, 415), (592, 440), (590, 465), (575, 482), (560, 498)],
    [(560, 498), (532, 545), (510, 580), (480, 608), (453, 625)],
    [(560, 498), (600, 495), (630, 505), (655, 513), (690, 499), (718, 490), (746, 482)],
]  # fmt: skip
ISLANDS: dict[str, tuple[Point, float]] = {
    "ou": ((1061, 363), 21.0), "ou-2": ((1013, 404), 10.0), "ou-3": ((939, 429), 8.0),
    "chang": ((1001, 600), 30.0), "chang-2": ((957, 646), 8.5),
}  # fmt: skip


def to_lonlat(point: Point) -> Point:
    """A point of the drawing in WGS84 degrees."""
    lat = CENTER[1] - (point[1] - ORIGIN[1]) * STEP_M / _M_PER_DEGREE
    lon = CENTER[0] + (point[0] - ORIGIN[0]) * STEP_M / (_M_PER_DEGREE * math.cos(math.radians(CENTER[1])))
    return lon, lat


def frame_degrees() -> tuple[float, float, float, float]:
    """West, south, east, north of the map in degrees."""
    west, north = to_lonlat((FRAME[0], FRAME[1]))
    east, south = to_lonlat((FRAME[2], FRAME[3]))
    return round(west, 4), round(south, 4), round(east, 4), round(north, 4)
