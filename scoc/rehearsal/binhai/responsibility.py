"""Who handles what in Binhai (权责清单): every class in every district, written with the generator's keys."""

from __future__ import annotations

from scoc.rehearsal.binhai.names import DISTRICTS
from scoc.rehearsal.binhai.organisations import DISTRICT_KEYS, codes

_BY_DISTRICT: dict[str, tuple[str, ...]] = {
    "roads": ("component/0200", "event/0113", "event/0505", "component/0123", "event/0507"),
    "sanitation": ("component/0300", "event/0110", "event/0111", "event/0112", "event/0114", "event/0120", "event/0137",
                   "event/0125", "event/0312"),
    "parks": ("component/0400", "event/0117"),
    "urban": ("event/0100", "event/0200", "event/0400", "event/0600", "component/0100", "component/0500", "event/0300",
              "event/0500"),
}  # fmt: skip
"""District unit → classes, or whole major classes (00), that it handles."""
_BY_CITY: dict[str, tuple[str, ...]] = {
    "waterworks": ("component/0101", "event/0501"),
    "drainage": (
        "component/0102",
        "component/0103",
        "component/0104",
        "component/0118",
        "component/0207",
        "event/0503",
        "event/0506",
    ),
    "gas": ("component/0111", "component/0149", "component/0504", "event/0502"),
    "power": ("component/0128", "component/0130", "component/0154", "event/0508"),
    "heat": ("component/0110", "event/0504"),
    "lights": ("component/0106", "component/0137", "component/0139"),
    "bus": ("component/0204",),
    "telecom": ("component/0127",),
    "traffic": ("component/0217", "component/0211", "component/0150"),
    "transport": ("component/0208", "component/0209"),
    "water": ("component/0506", "component/0507", "component/0508", "event/0198"),
    "ecology": ("event/0199", "event/0128"),
    "housing": ("event/0301", "event/0304"),
    "urban": ("component/0306", "event/0203"),
    "parks": ("component/0401",),
    "emergency": ("component/0503",),
    "iot": ("component/0599",),
}
"""City bureau or utility → classes that it handles in all districts: the city goes before the district."""
BASIS_ZH = "滨海市城市管理权责清单（2026 年版）"
BASIS_EN = "Binhai list of duties of city management (2026)"


def responsibility_rows() -> list[dict[str, str | int]]:
    """The rows of `responsibility.csv`."""
    code = codes()
    rows: list[dict[str, str | int]] = []
    for unit, classes in _BY_CITY.items():
        rows += [_row(f"{unit}.{_short(c)}", c, "", code[unit], 3) for c in classes]
    for district in DISTRICTS:
        d = DISTRICT_KEYS[district.code]
        for unit, classes in _BY_DISTRICT.items():
            rows += [_row(f"{d}.{_short(c)}", c, district.code, code[f"{d}-{unit}"], 5) for c in classes]
    return rows


def _short(category: str) -> str:
    return category.replace("component/", "c").replace("event/", "e")


def _row(code: str, category: str, area: str, organisation: str, priority: int) -> dict[str, str | int]:
    return {
        "code": code, "category": category, "area": area, "organisation": organisation, "priority": priority,
        "basis_zh": BASIS_ZH, "basis_en": BASIS_EN,
    }  # fmt: skip
