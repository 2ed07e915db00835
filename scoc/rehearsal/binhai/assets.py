"""Components of the city (部件) where its devices stand: covers, lighting cabinets and the lamps they switch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from shapely import STRtree
from shapely.geometry import Point as ShapelyPoint

from scoc.rehearsal.binhai.devices import draw_devices
from scoc.rehearsal.binhai.organisations import codes
from scoc.rehearsal.binhai.partition import Land, Piece
from scoc.rehearsal.binhai.sketch import to_lonlat

COVER_CLASS = {"waterworks": "0101", "drainage": "0103"}
CABINET_CLASS, LAMP_CLASS = "0128", "0137"
LAMP_STEP = 0.0003
"""Degrees of longitude between a cabinet and its lamps: about 30 m."""


class _Register:
    """Gives each component its identity code of 16 digits, and the grid that it stands in."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.grids = [piece for piece in pieces if piece.level == "grid"]
        self.tree = STRtree([grid.shape for grid in self.grids])
        self.serials: Counter[str] = Counter()
        self.rows: dict[str, list[dict[str, Any]]] = {"manhole_cover": [], "street_light": []}
        self.links: list[dict[str, str]] = []

    def add(self, file: str, class_: str, zh: str, en: str, owner: str, lon: float, lat: float) -> str | None:
        """One component; None where there is no land."""
        lon, lat = round(lon, 5), round(lat, 5)
        found = sorted(int(index) for index in self.tree.query(ShapelyPoint(lon, lat), predicate="intersects"))
        if not found:
            return None
        grid = min((self.grids[index] for index in found), key=lambda piece: piece.code)
        kind = f"{grid.code[:6]}{class_}"
        self.serials[kind] += 1
        code = f"{kind}{self.serials[kind]:06d}"
        self.rows[file].append(
            {
                "code": code, "category": f"component/{class_}", "name_zh": zh, "name_en": en, "owner": owner,
                "area": grid.code, "lon": lon, "lat": lat, "datum": "WGS84",
            }
        )  # fmt: skip
        return code


def asset_files(
    seed: int, land: Land, pieces: Sequence[Piece]
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, str]]]:
    """The rows of `assets/<file>.csv` by file, and those of `asset_links.csv`."""
    register, code = _Register(pieces), codes()
    for device in draw_devices(seed, land):
        lon, lat = to_lonlat(device.at)
        if device.type == "manhole_cover":
            what = "上水井盖" if device.owner == "waterworks" else "雨水井盖"
            register.add("manhole_cover", COVER_CLASS[device.owner], f"{device.place}{what}",
                         device.en.replace("Smart Cover", "Cover"), code[device.owner], lon, lat)  # fmt: skip
        elif device.type == "light_cabinet":
            cabinet = register.add("street_light", CABINET_CLASS, device.zh, device.en, code[device.owner], lon, lat)
            for number, step in ((1, -LAMP_STEP), (2, LAMP_STEP)):
                lamp = register.add("street_light", LAMP_CLASS, f"{device.place}{number}号路灯",
                                    device.en.replace("Lighting Cabinet", f"Lamp {number}"), code[device.owner],
                                    lon + step, lat)  # fmt: skip
                if cabinet is not None and lamp is not None:
                    register.links.append({"origin": cabinet, "kind": "controls", "target": lamp})
    return register.rows, register.links
