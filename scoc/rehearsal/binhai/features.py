"""What the base map draws beside the areas: sea, coast, bay, river, islands, roads, bridge, neighbour, labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from scoc.rehearsal.binhai import sketch
from scoc.rehearsal.binhai.curves import rough, rounded
from scoc.rehearsal.binhai.names import BRIDGE, DISTRICTS, ROADS
from scoc.rehearsal.binhai.partition import Land
from scoc.rehearsal.binhai.sketch import Point, to_lonlat


@dataclass(frozen=True, slots=True)
class Drawn:
    """One feature of the map, in degrees."""

    key: str
    kind: str
    zh: str
    en: str
    rank: int
    shape: BaseGeometry


def _degrees(shape: BaseGeometry, tolerance: float = 0.0) -> BaseGeometry:
    lighter = shape.simplify(tolerance) if tolerance else shape
    return shapely.transform(lighter, _to_degrees)


def _to_degrees(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([to_lonlat((x, y)) for x, y in points.tolist()])


def river_on_plane(seed: int) -> Polygon:
    """The river 澜江: narrow at the city's border, wide where it meets the bay."""
    above = rough(rounded(sketch.RIVER_ABOVE), f"{seed}:river", 0.06, 5.0)
    inside = rough(rounded(sketch.RIVER), f"{seed}:land:0", 0.06, 5.0)
    line = [*above, *inside[1:], (652, 342), (664, 346)]
    widths = [3.2 + 7.0 * (max(0, n - len(above)) / (len(line) - len(above))) ** 2 for n in range(len(line))]
    parts = [
        shapely.union_all(
            [LineString([a, b]).buffer(width / 2), LineString([b, (b[0] + 0.01, b[1])]).buffer(width / 2)]
        )
        for a, b, width in zip(line, line[1:], widths, strict=False)
    ]
    return shapely.union_all(parts).simplify(0.4)  # type: ignore[return-value]  # overlapping parts make one polygon


def _neighbour(land: Land) -> BaseGeometry:
    """The land of 沙河市 around the city, to the edge of the map."""
    north = rough(rounded(sketch.NEIGHBOUR_COAST_NORTH), "neighbour", 0.14, 8.0)
    south = rough(rounded(sketch.NEIGHBOUR_COAST_SOUTH), "neighbour", 0.14, 8.0)
    west, top, _, bottom = sketch.AROUND
    ring = [*north, (west, top - 60), (west, bottom + 60), *reversed(south), (600, 600), (600, 350), (760, 200)]
    frame = box(*sketch.AROUND)
    around = Polygon(ring).buffer(0).intersection(frame).difference(land.mainland)
    parts = [part for part in shapely.get_parts(around) if part.area > 200]
    return shapely.union_all(parts)


def _lattice(seed: int, land: Land, river: Polygon) -> list[tuple[str, MultiLineString]]:
    """Local streets of the built-up part of each district, as gently bent lattices."""
    made = []
    for d, district in enumerate(DISTRICTS):
        spacing = 7.0 if d == 0 else 10.0
        radius = 62.0 if d == 0 else 36.0
        offices = [LineString([s.at, (s.at[0] + 1, s.at[1])]).buffer(radius) for s in district.streets if not s.town]
        core = shapely.union_all(offices).intersection(land.districts[d].buffer(-3)).difference(river.buffer(2))
        west, north, east, south = core.bounds
        turn = 0.18 * math.sin(d * 1.7 + seed % 7)
        lines = []
        for vertical in (True, False):
            low, high = (west - 60, east + 60) if vertical else (north - 60, south + 60)
            start, stop = (north, south) if vertical else (west, east)
            at = low
            while at < high:
                line: list[Point] = []
                along = start
                while along <= stop + 9:
                    bend = at + turn * (along - start) * (1 if vertical else -1) + 2.2 * math.sin(along / 23 + at / 31)
                    line.append((bend, along) if vertical else (along, bend))
                    along += 9
                lines.append(LineString(line))
                at += spacing * (1.0 if vertical else 1.25)
        inside = shapely.union_all(lines).intersection(core)
        parts = [
            p for p in shapely.get_parts(shapely.line_merge(inside)) if p.geom_type == "LineString" and p.length > 5
        ]
        made.append((district.code, MultiLineString([part.simplify(0.3) for part in parts])))
    return made


_LABELS: tuple[tuple[str, str, str, Point, int], ...] = (
    ("bay", "滨海湾", "Binhai Bay", (822, 430), 2), ("sea", "东海", "East Sea", (1085, 500), 1),
    ("river", "澜江", "Lan River", (450, 318), 3), ("neighbour", "沙河市", "Shahe City", (400, 90), 2),
    ("island", "鸥屿", "Ouyu Island", (1061, 392), 3), ("island", "长屿", "Changyu Island", (1001, 642), 3),
    ("bridge", "滨海湾大桥", "Binhai Bay Bridge", (930, 395), 3),
)  # fmt: skip


def draw_features(seed: int, land: Land) -> list[Drawn]:
    """Every feature of the base map, in the order in which it is drawn."""
    river = river_on_plane(seed)
    neighbour = _neighbour(land)
    frame = box(*sketch.AROUND)
    all_land = shapely.union_all([land.mainland, neighbour.buffer(0.3), *land.islands.values()])
    sea = frame.difference(all_land)
    coast_line = land.mainland.exterior.difference(neighbour.buffer(1.5))
    made = [
        Drawn("sea", "sea", "", "", 0, _degrees(sea, 0.3)),
        Drawn("neighbour-shahe", "neighbour", "沙河市", "Shahe City", 0, _degrees(neighbour, 0.3)),
        Drawn("coast", "coast", "", "", 1, _degrees(coast_line, 0.3)),
        Drawn("river-lan", "river", "澜江", "Lan River", 1, _degrees(river)),
    ]
    names = {"ou": ("鸥屿", "Ouyu Island"), "chang": ("长屿", "Changyu Island")}
    made += [
        Drawn(f"island-{key}", "island", *names.get(key, ("", "")), 1, _degrees(shape, 0.2))
        for key, shape in land.islands.items()
    ]
    for number, (zh, en, rank, points) in enumerate(ROADS, 1):
        line = LineString(rounded(points, 3)).intersection(land.mainland)
        made.append(Drawn(f"road-{number:02d}", "road", zh, en, rank, _degrees(line, 0.15)))
    made += [
        Drawn(f"lattice-{code}", "road", "", "", 4, _degrees(lines)) for code, lines in _lattice(seed, land, river)
    ]
    made.append(Drawn("bridge-binhai", "bridge", "滨海湾大桥", "Binhai Bay Bridge", 1,
                      _degrees(LineString(rounded(BRIDGE, 3)), 0.15)))  # fmt: skip
    made += [
        Drawn(f"label-{kind}-{number}", "label", zh, en, rank, shapely.Point(to_lonlat(at)))
        for number, (kind, zh, en, at, rank) in enumerate(_LABELS, 1)
    ]
    return made


def geojson(shape: BaseGeometry) -> dict[str, object]:
    """The shape as GeoJSON on the raster of the pack."""
    return dict(mapping(shapely.set_precision(shape, 1e-5, mode="pointwise")))
