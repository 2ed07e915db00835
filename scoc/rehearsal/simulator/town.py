"""The city as the simulator sees it: its devices and its communities, read once from what runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from shapely import prepare
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from scoc.core.access import system_actor
from scoc.core.city import city_settings
from scoc.core.city.reading import Manifest
from scoc.core.models import Area
from scoc.core.now import city_zone
from scoc.rehearsal.simulator.chance import chance
from scoc.sensing import queries as sensing
from scoc.spatial import queries as spatial

ACTOR = "rehearsal"


@dataclass(frozen=True, slots=True)
class SimDevice:
    """A device that will report."""

    key: str
    type: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Community:
    """Where people live and report from."""

    code: str
    zh: str
    people: int
    district: str
    outline: BaseGeometry

    def somewhere(self, *parts: object) -> tuple[float, float]:
        """A point inside, the same for the same parts."""
        dice = chance("somewhere", self.code, *parts)
        west, south, east, north = self.outline.bounds
        for _ in range(200):
            lon, lat = dice.uniform(west, east), dice.uniform(south, north)
            if self.outline.covers(Point(lon, lat)):
                return round(lon, 6), round(lat, 6)
        inside = self.outline.representative_point()
        return round(inside.x, 6), round(inside.y, 6)


@dataclass(slots=True)
class Town:
    """All of it."""

    seed: int
    center: tuple[float, float]
    zone: ZoneInfo
    devices: list[SimDevice]
    communities: list[Community]
    by_type: dict[str, list[SimDevice]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for device in self.devices:
            self.by_type.setdefault(device.type, []).append(device)


def read_town() -> Town:
    """The city that runs now."""
    viewer = system_actor(ACTOR)
    head = city_settings(Manifest)
    devices = [SimDevice(d.key, d.type, d.lon, d.lat) for d in sensing.device_points(viewer)]
    people = dict(Area.objects.filter(valid_to=None, level="community").values_list("code", "population"))
    paths = dict(Area.objects.filter(valid_to=None, level="community").values_list("code", "path"))
    communities = []
    for feature in spatial.area_shapes(viewer, "community").features:
        outline = shape(feature.geometry)
        prepare(outline)
        communities.append(
            Community(
                code=feature.id, zh=str(feature.properties["name_zh"]), people=people.get(feature.id) or 1000,
                district=paths[feature.id].split("/")[1], outline=outline,
            )
        )  # fmt: skip
    return Town(
        seed=head.seed, center=(head.center[0], head.center[1]), zone=city_zone(),
        devices=sorted(devices, key=lambda device: device.key), communities=communities,
    )  # fmt: skip
