"""The four hundred devices of the city: each on a plausible place, named after it, with its owner."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import shapely
from shapely.geometry import LineString
from shapely.geometry import Point as ShapelyPoint

from scoc.rehearsal.binhai.curves import rounded
from scoc.rehearsal.binhai.features import river_on_plane
from scoc.rehearsal.binhai.names import DISTRICTS, ROADS, Street
from scoc.rehearsal.binhai.organisations import codes
from scoc.rehearsal.binhai.partition import Land
from scoc.rehearsal.binhai.sketch import RIVER, Point, to_lonlat

HOUSE_STEP_M = 30


@dataclass(frozen=True, slots=True)
class Device:
    """One device on the drawing."""

    key: str
    type: str
    zh: str
    en: str
    owner: str
    at: Point
    place: str


def _roads(ranks: tuple[int, ...]) -> list[tuple[str, str, LineString]]:
    return [(zh, en, LineString(rounded(points, 3))) for zh, en, rank, points in ROADS if rank in ranks]


def _streets() -> list[Street]:
    return [street for district in DISTRICTS for street in district.streets]


class _Placer:
    """Finds places: on land, out of the river, and not on top of another device of the same type."""

    def __init__(self, seed: int, land: Land) -> None:
        self.chance = random.Random(f"{seed}:devices")  # noqa: S311  # a made-up city, no secret
        ground = shapely.union_all([shape.buffer(-1.5) for shape in [*land.districts, *land.islands.values()]])
        self.dry = ground.difference(river_on_plane(seed).buffer(1.5))
        self.inside = ground
        shapely.prepare(self.dry)
        shapely.prepare(self.inside)

    def along_roads(self, count: int, apart: float, roads: list[tuple[str, str, LineString]]) -> Iterator[
        tuple[str, str, Point, int]
    ]:  # fmt: skip
        """`count` places beside roads: name of the road in both languages, the point, the house number."""
        taken: list[Point] = []
        lengths = [line.length for _, _, line in roads]
        tries = 0
        while len(taken) < count:
            tries += 1
            zh, en, line = roads[self.chance.choices(range(len(roads)), lengths)[0]]
            along = self.chance.uniform(2, line.length - 2)
            side = self.chance.choice((-0.5, 0.5))
            on, ahead = line.interpolate(along), line.interpolate(along + 1)
            at = (round(on.x - (ahead.y - on.y) * side, 2), round(on.y + (ahead.x - on.x) * side, 2))
            near = apart if tries < 4000 else apart / 3
            if not self.dry.covers(ShapelyPoint(at)) or any(abs(at[0] - x) + abs(at[1] - y) < near for x, y in taken):
                continue
            taken.append(at)
            number = int(along * 50 / HOUSE_STEP_M) * 2 + (1 if side > 0 else 2)
            yield zh, en, at, number

    def near(self, middle: Point, spread: float) -> Point:
        """A dry place near a point."""
        while True:
            at = (round(self.chance.gauss(middle[0], spread), 2), round(self.chance.gauss(middle[1], spread), 2))
            if self.dry.covers(ShapelyPoint(at)):
                return at


def draw_devices(seed: int, land: Land) -> list[Device]:
    """All devices, in the order of their keys."""
    placer = _Placer(seed, land)
    made: list[Device] = []

    def add(letters: str, type_: str, zh: str, en: str, owner: str, at: Point, place: str) -> None:
        number = sum(device.key.startswith(f"{letters}-") for device in made) + 1
        made.append(Device(f"{letters}-{number:04d}", type_, zh, en, owner, at, place))

    _stations(placer, add)
    _water(placer, add)
    everywhere = _roads((1, 2))
    for zh, en, at, number in placer.along_roads(60, 14, everywhere):
        add("GY", "pipe_pressure", f"{zh}{number}号管网压力计", f"{en} {number} Pressure Gauge", "waterworks", at,
            f"{zh}{number}号")  # fmt: skip
    for n, (zh, en, at, number) in enumerate(placer.along_roads(90, 9, everywhere)):
        owner = ("waterworks", "drainage")[n % 2]
        add(
            "JG", "manhole_cover", f"{zh}{number}号智能井盖", f"{en} {number} Smart Cover", owner, at, f"{zh}{number}号"
        )
    for zh, en, at, number in placer.along_roads(50, 14, _roads((2,))):
        add("RQ", "gas_leak", f"{zh}{number}号燃气泄漏监测点", f"{en} {number} Gas Detector", "gas", at,
            f"{zh}{number}号燃气阀井")  # fmt: skip
    for zh, en, at, number in placer.along_roads(50, 15, everywhere):
        add("LD", "light_cabinet", f"{zh}{number}号路灯控制柜", f"{en} {number} Lighting Cabinet", "lights", at,
            f"{zh}{number}号")  # fmt: skip
    for zh, en, at, number in placer.along_roads(36, 18, everywhere):
        add("ZS", "noise_monitor", f"{zh}{number}号噪声监测点", f"{en} {number} Noise Monitor", "ecology", at,
            f"{zh}{number}号")  # fmt: skip
    return made


class _Add(Protocol):
    def __call__(self, letters: str, type_: str, zh: str, en: str, owner: str, at: Point, place: str) -> None:
        """Put one device down."""


def _stations(placer: _Placer, add: _Add) -> None:
    """Air stations and rain gauges near the offices of streets."""
    for street in [street for street in _streets() if street.communities >= 3][:20]:
        name = street.zh.removesuffix("街道").removesuffix("镇")
        add("KQ", "air_station", f"{name}空气站", f"{street.en.split()[0]} Air Station", "ecology",
            placer.near(street.at, 3), f"{street.zh}办事处楼顶")  # fmt: skip
    for street in _streets()[:30]:
        add("YL", "rain_gauge", f"{street.zh}雨量站", f"{street.en} Rain Gauge", "weather", placer.near(street.at, 4),
            f"{street.zh}")  # fmt: skip


def _water(placer: _Placer, add: _Add) -> None:
    """Gauges of underpasses, three of them on 东海路, of the river and of flood channels near the coast."""
    everywhere = _roads((1, 2))
    donghai = next(road for road in everywhere if road[0] == "东海路")
    for n, (zh, en, at, number) in enumerate(
        [*placer.along_roads(3, 12, [donghai]), *placer.along_roads(37, 22, everywhere)]
    ):
        side = ("北口", "中段", "南口")[n] if n < 3 else ("北口", "南口", "东口", "西口")[n % 4]
        add("YW", "underpass_gauge", f"{zh}下穿{side}液位计", f"{en} Underpass Gauge {n + 1}", "drainage", at,
            f"{zh}{number}号下穿通道{side}")  # fmt: skip
    bed = LineString(rounded(RIVER, 3))
    for n in range(14):
        on = bed.interpolate((n + 0.5) / 14, normalized=True)
        at = (round(on.x, 2), round(on.y, 2))
        if placer.inside.distance(ShapelyPoint(at)) > 0:
            nearest = shapely.shortest_line(placer.inside, ShapelyPoint(at)).coords[0]
            at = (round(nearest[0], 2), round(nearest[1], 2))
        add(
            "HD",
            "river_gauge",
            f"澜江{n + 1}号水位站",
            f"Lan River Gauge {n + 1}",
            "water",
            at,
            f"澜江干流第{n + 1}断面",
        )
    coastal = [road for road in everywhere if road[0] in _COASTAL]
    for n, (zh, en, at, number) in enumerate(placer.along_roads(10, 8, coastal)):
        add("HD", "river_gauge", f"{zh}排洪渠水位站{n + 1}", f"{en} Flood Channel Gauge {n + 1}", "water", at,
            f"{zh}{number}号排洪渠")  # fmt: skip


_COASTAL = ("环湾路", "望海路", "南湾路", "东屿路")


def device_rows(seed: int, land: Land) -> dict[str, list[dict[str, str | float]]]:
    """The rows of `devices/<type>.csv` by type."""
    code = codes()
    rows: dict[str, list[dict[str, str | float]]] = {}
    for device in draw_devices(seed, land):
        lon, lat = to_lonlat(device.at)
        rows.setdefault(device.type, []).append(
            {
                "key": device.key, "type": device.type, "name_zh": device.zh, "name_en": device.en,
                "organisation": code[device.owner], "lon": round(lon, 5), "lat": round(lat, 5), "datum": "WGS84",
                "place": device.place,
            }
        )  # fmt: skip
    return rows
