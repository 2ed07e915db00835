"""Where a case is, of which class, and how urgent: what reporting and accepting share."""

from __future__ import annotations

from datetime import datetime

import h3
from django.db.models import Q

from scoc.command.cases.models import Case
from scoc.command.cases.moving import must_say
from scoc.core.models import Area, Category
from scoc.core.now import city_zone
from scoc.core.refusals import invalid
from scoc.core.registry import category as category_of
from scoc.core.validity import in_area
from scoc.kit.coordinates import Datum, convert
from scoc.spatial.queries import area_at

CELL = 10
"""Resolution of the H3 cells by which cases at the same place are found."""
URGENT, SUPERVISED = 1, 2
"""Priorities (DOMAIN.md 1.8): danger to life or property; a leader's matter."""


def located(lon: float, lat: float, datum: Datum, at: datetime) -> tuple[float, float, Area]:
    """Position in WGS84 and the finest area that held it at a time. Raises Invalid outside the city."""
    lon, lat = convert(lon, lat, datum, Datum.WGS84)
    area = area_at(lon, lat, at.astimezone(city_zone()).date())
    if area is None:
        raise invalid(
            "lon", "The position is outside the city.", "Give longitude and latitude in degrees, and their datum.",
            code="outside_the_city", zh="位置不在本市范围内。",
        )  # fmt: skip
    return lon, lat, area


def within(code: str, path: str = "area_path") -> Q:
    """Rows in an area and all below it, in all its versions. Raises Invalid for a code that no area has."""
    inside = in_area(code, path)
    if inside is None:
        raise invalid("area", f"There is no area {code}.", "Use a code of the directory.", zh=f"没有区域 {code}。")
    return inside


def category_at(code: str | None, moment: datetime) -> Category | None:
    """The class that holds at a moment. Raises Invalid for a code that none has."""
    if code is None:
        return None
    found = category_of(code, moment)
    if found is None:
        raise invalid("category", f"There is no class {code}.", "Choose one of the city's classes.",
                      zh=f"没有分类 {code}。")  # fmt: skip
    return found


def cell_of(lon: float | None, lat: float | None) -> str:
    """The H3 cell of a position; empty without one."""
    return "" if lon is None or lat is None else h3.latlng_to_cell(lat, lon, CELL)


def priority_of(case: Case, least: int) -> int:
    """The most urgent of what speaks for it; 1 comes first."""
    return min([least, *([URGENT] if case.urgent else []), *([SUPERVISED] if case.supervised else [])])


def priority_accepted(case: Case, urgency: int, wanted: int | None, opinion: str) -> int:
    """The priority at acceptance: what the acceptor says, else the more urgent of the condition's and the situation's.

    A situation was judged by somebody who saw it, so its level is lowered only by somebody who says so and why.
    Raises Invalid for a lower one without a word of reason.
    """
    due = priority_of(case, min(urgency, case.priority) if case.situation_id is not None else urgency)
    if wanted is None:
        return due
    if wanted > due:
        must_say(opinion)
    return wanted


def cells_around(cell: str, metres: int) -> list[str]:
    """The cells that hold everything within so many metres of any point of a cell; its neighbours lie 100 m apart."""
    return list(h3.grid_disk(cell, metres // 100 + 1))
