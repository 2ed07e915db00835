"""How well a signal fits a situation: four weighted reasons, each with its figures. Pure arithmetic, exact.

score = Σ weight × value ÷ Σ weight, over the reasons that are known

space   1 − metres ÷ radius, from the middle of the situation
time    1 − minutes outside of [first, last signal] ÷ window
kind    1 the same category; less for related ones, the same major class, and an unknown one (the city's policy)
asset   1 the same device or asset; less for linked assets; 0 for two others; unknown where a side names none
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from scoc.command.intake.pack import IntakeSettings
from scoc.kit.geometry import distance_m
from scoc.kit.scaled import ratio
from scoc.kit.text import Text

PLACES = 4
_NAMES = {
    "space": Text("空间", "Space"),
    "time": Text("时间", "Time"),
    "kind": Text("类别", "Category"),
    "asset": Text("设施", "Asset"),
}
_KIND = {
    "same": Text("同一类别", "the same category"),
    "related": Text("关联类别", "related categories"),
    "major": Text("同一大类", "the same major class"),
    "unknown": Text("一方类别未知", "one category is unknown"),
    "different": Text("类别不同", "different categories"),
}
_ASSET = {
    "device": Text("同一设备", "the same device"),
    "same": Text("同一设施", "the same asset"),
    "linked": Text("设施相连", "linked assets"),
    "different": Text("设施不同", "different assets"),
    "unknown": Text("设施未知，不计入", "asset unknown, not counted"),
}
_UNKNOWN_SPACE = Text("位置未知，不计入", "position unknown, not counted")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its weight, its value (None: unknown), and the figures it was made of."""

    what: str
    weight: int
    value: Decimal | None
    has: int | None = None
    of: int | None = None
    how: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As it is stored with a join."""
        value = None if self.value is None else str(self.value)
        return {"what": self.what, "weight": self.weight, "value": value, "has": self.has, "of": self.of,
                "how": self.how}  # fmt: skip

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Reason:
        """From its stored form."""
        value = stored["value"]
        return cls(stored["what"], stored["weight"], None if value is None else Decimal(value), stored["has"],
                   stored["of"], stored["how"])  # fmt: skip

    @property
    def name(self) -> Text:
        """What it compares."""
        return _NAMES[self.what]

    @property
    def evidence(self) -> Text:
        """The figures in words, e.g. `48 m of 200 m`."""
        match self.what:
            case "space" if self.has is None:
                return _UNKNOWN_SPACE
            case "space":
                return Text(f"相距 {self.has} 米，范围 {self.of} 米", f"{self.has} m of {self.of} m")
            case "time":
                zh, en = _span(self.has or 0), _span_en(self.has or 0)
                return Text(f"相隔{zh}，窗口{_span(self.of or 0)}", f"{en} of {_span_en(self.of or 0)}")
            case "kind":
                return _KIND[self.how]
            case _:
                return _ASSET[self.how]


def _span(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f" {rest} 秒"
    return f" {minutes} 分 {rest} 秒" if rest else f" {minutes} 分钟"


def _span_en(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of a signal or of a situation."""

    first_at: datetime
    last_at: datetime
    category: str = ""
    lon: float | None = None
    lat: float | None = None
    asset_id: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How well two things fit, and why."""

    value: Decimal
    reasons: tuple[Reason, ...]

    def stored(self) -> list[dict[str, Any]]:
        """The reasons as they are stored with a join."""
        return [reason.as_dict() for reason in self.reasons]


def _share(part: int, whole: int) -> Decimal:
    return ratio(max(0, whole - part), whole, PLACES) or Decimal(0)


def space(weight: int, one: Side, other: Side, radius_m: int) -> Reason:
    """How near they are; unknown where a side has no position."""
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return Reason("space", weight, None, None, radius_m)
    metres = round(distance_m(one.lon, one.lat, other.lon, other.lat))
    return Reason("space", weight, _share(metres, radius_m), metres, radius_m)


def time(weight: int, one: Side, other: Side, window_minutes: int) -> Reason:
    """How far apart their spans of time are; spans that touch are together."""
    apart = max(one.first_at - other.last_at, other.first_at - one.last_at)
    seconds = max(0, int(apart.total_seconds()))
    return Reason("time", weight, _share(seconds, window_minutes * 60), seconds, window_minutes * 60)


def kind(weight: int, one: str, other: str, related: frozenset[frozenset[str]], settings: IntakeSettings) -> Reason:
    """Whether the categories speak of the same thing."""
    kinship = settings.kinship
    if not one or not other:
        return Reason("kind", weight, kinship.unknown, how="unknown")
    if one == other:
        return Reason("kind", weight, Decimal(1), how="same")
    if frozenset((one, other)) in related:
        return Reason("kind", weight, kinship.related, how="related")
    if one[:-2] == other[:-2]:
        return Reason("kind", weight, kinship.major, how="major")
    return Reason("kind", weight, Decimal(0), how="different")


def asset(weight: int, how: str, settings: IntakeSettings) -> Reason:
    """Whether they are about the same device or asset; `how` is device, same, linked, different or unknown."""
    values = {"device": Decimal(1), "same": Decimal(1), "linked": settings.kinship.linked, "different": Decimal(0)}
    return Reason("asset", weight, values.get(how), how=how)


def total(reasons: tuple[Reason, ...]) -> Score:
    """The weighted mean of the known reasons, to four places; 0 when nothing is known."""
    known = [reason for reason in reasons if reason.value is not None]
    above = sum((reason.weight * reason.value for reason in known if reason.value is not None), Decimal(0))
    return Score(ratio(above, sum(reason.weight for reason in known), PLACES) or Decimal(0), reasons)


def score(
    one: Side,
    other: Side,
    *,
    radius_m: int,
    window_minutes: int,
    asset_how: str,
    related: frozenset[frozenset[str]],
    settings: IntakeSettings,
) -> Score:
    """The score of two sides under a rule of joining."""
    weights = settings.weights
    return total(
        (
            space(weights.space, one, other, radius_m),
            time(weights.time, one, other, window_minutes),
            kind(weights.kind, one.category, other.category, related, settings),
            asset(weights.asset, asset_how, settings),
        )
    )
