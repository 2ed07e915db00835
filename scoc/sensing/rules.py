"""What an alarm rule decides about a series of readings: pure functions, no database (DOMAIN.md 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from scoc.kit.text import Text
from scoc.sensing.hours import Inside, always, told

Verdict = Literal["broken", "between", "recovered", "unknown"]
MOST_MICROS = 2**62
LEAST_SAMPLES = 3
"""Default of `least_samples`."""


@dataclass(slots=True)
class Standing:
    """Where a rule stands over a datastream. Times are microseconds."""

    phase: Literal["normal", "pending", "alarm"] = "normal"
    since: int = 0
    last_at: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    """`peak` while pending or in alarm; `low` and `high` of a rate rule's window; of a rule over n of m readings
    `recent`, the times of the last ones that broke it (None for one that did not), and `calm`, how many in a row have
    recovered."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The condition has held long enough; it began at `since`."""

    at: int
    value: float | None
    """The value that raised it; for silence the last one known, if any."""
    since: int
    peak: float | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """The condition is gone."""

    at: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Worse:
    """An alarm that stands got a value further out."""

    at: int
    peak: float


Event = Raised | Cleared | Worse
Usual = Callable[[int], tuple[float, float] | None]
"""Median and MAD of the hour of the week that a time lies in; None where it is not known."""


def nothing_usual(at: int) -> None:
    """No baseline at all."""


def _threshold(settings: dict[str, Any], value: float) -> Verdict:
    above = settings["side"] == "above"
    if value >= settings["raise_at"] if above else value <= settings["raise_at"]:
        return "broken"
    if value < settings["clear_at"] if above else value > settings["clear_at"]:
        return "recovered"
    return "between"


def _deviation(settings: dict[str, Any], at: int, value: float, usual: Usual) -> Verdict:
    found = usual(at)
    if found is None:
        return "unknown"
    median, mad = found
    away = (value - median) / max(mad, settings["least_spread"])
    away = {"above": away, "below": -away, "both": abs(away)}[settings["side"]]
    if away > settings["k"]:
        return "broken"
    return "recovered" if away <= settings["clear_k"] else "between"


def _slide(window: list[list[float]], at: int, value: float, start: int, sign: int) -> float:
    """Add a reading to the falling (sign 1) or rising (-1) tops of a window; returns the window's extreme."""
    while window and sign * window[-1][1] >= sign * value:
        window.pop()
    window.append([at, value])
    while window[0][0] < start:
        window.pop(0)
    return window[0][1]


def _rate(settings: dict[str, Any], at: int, value: float, memory: dict[str, Any]) -> Verdict:
    start = at - settings["window_seconds"] * 1_000_000
    rise = value - _slide(memory.setdefault("low", []), at, value, start, 1)
    fall = _slide(memory.setdefault("high", []), at, value, start, -1) - value
    change = {"above": rise, "below": fall, "both": max(rise, fall)}[settings["side"]]
    if change >= settings["change"]:
        return "broken"
    return "recovered" if change < settings["clear_change"] else "between"


def _further(settings: dict[str, Any], at: int, value: float, peak: float, usual: Usual) -> bool:
    """Whether a value lies further out than the furthest so far."""
    side = settings["side"]
    if side == "both":
        found = usual(at)
        middle = found[0] if found else 0.0
        return abs(value - middle) > abs(peak - middle)
    return value > peak if side == "above" else value < peak


def longest_gap(cadence: int, cadences: int) -> int:
    """How many microseconds readings may be apart before a condition begins anew: without bound where nobody has said
    how often they come."""
    return cadence * cadences or MOST_MICROS


def decide(
    kind: str,
    settings: dict[str, Any],
    standing: Standing,
    readings: Iterable[tuple[int, float]],
    gap_micros: int,
    usual: Usual = nothing_usual,
    inside: Inside = always,
) -> list[Event]:
    """Move a rule of kind threshold, rate or deviation over readings in order of time; what happened on the way.

    After more microseconds than `gap_micros` without a reading nobody knows whether a condition went on: its duration
    starts anew. `standing` is changed in place. A threshold is reached at the value itself; it clears strictly beyond
    `clear_at`. With `of_samples` it is raised by a reading with which `broken_samples` of the last so many broke it,
    and clears when so many in a row have recovered. Outside of its hours (`inside`) a rule raises nothing, what was
    pending is dropped, and what stands clears with the first reading.
    """
    sampled = "of_samples" in settings
    events: list[Event] = []
    for at, value in readings:
        if kind == "threshold":
            verdict = _threshold(settings, value)
        elif kind == "rate":
            verdict = _rate(settings, at, value, standing.memory)
        else:
            verdict = _deviation(settings, at, value, usual)
        gap = at - standing.last_at > gap_micros
        standing.last_at = at
        if inside is not always and not inside(at):
            event = _outside(standing, at, value)
        elif standing.phase == "alarm":
            event = _in_alarm(settings, standing, at, value, verdict, gap, usual, sampled=sampled)
        elif sampled:
            event = _before_sampled(settings, standing, at, value, verdict, gap, usual)
        else:
            event = _before_alarm(settings, standing, at, value, verdict, gap, usual)
        if event is not None:
            events.append(event)
    return events


def _settle_down(standing: Standing, at: int) -> None:
    standing.phase, standing.since = "normal", at
    for name in ("peak", "recent", "calm"):
        standing.memory.pop(name, None)


def _outside(standing: Standing, at: int, value: float) -> Event | None:
    stood = standing.phase
    if stood == "normal":
        return None
    _settle_down(standing, at)
    return Cleared(at, value) if stood == "alarm" else None


def _in_alarm(
    settings: dict[str, Any], standing: Standing, at: int, value: float, verdict: Verdict, gap: bool, usual: Usual,
    *, sampled: bool,
) -> Event | None:  # fmt: skip
    calm = verdict == "recovered"
    if calm and sampled:
        standing.memory["calm"] = 1 if gap else standing.memory.get("calm", 0) + 1
        calm = standing.memory["calm"] >= settings["broken_samples"]
    elif sampled:
        standing.memory["calm"] = 0
    if calm:
        _settle_down(standing, at)
        return Cleared(at, value)
    if _further(settings, at, value, standing.memory["peak"], usual):
        standing.memory["peak"] = value
        return Worse(at, value)
    return None


def _before_alarm(
    settings: dict[str, Any], standing: Standing, at: int, value: float, verdict: Verdict, gap: bool, usual: Usual
) -> Event | None:
    if verdict == "unknown":
        return None
    if verdict != "broken":
        if standing.phase == "pending":
            _settle_down(standing, at)
        return None
    if standing.phase == "normal" or gap:
        standing.phase, standing.since = "pending", at
        standing.memory["peak"] = value
    elif _further(settings, at, value, standing.memory["peak"], usual):
        standing.memory["peak"] = value
    if at - standing.since < int(settings.get("duration_seconds", 0)) * 1_000_000:
        return None
    standing.phase = "alarm"
    return Raised(at, value, standing.since, standing.memory["peak"])


def _before_sampled(
    settings: dict[str, Any], standing: Standing, at: int, value: float, verdict: Verdict, gap: bool, usual: Usual
) -> Event | None:
    if verdict == "unknown" or (standing.phase == "normal" and verdict != "broken"):
        return None
    recent = [] if gap else standing.memory.get("recent", [])
    recent = [*recent, at if verdict == "broken" else None][-int(settings["of_samples"]) :]
    broken = [one for one in recent if one is not None]
    if not broken:
        _settle_down(standing, at)
        return None
    if verdict == "broken" and (
        len(broken) == 1 or _further(settings, at, value, standing.memory.get("peak", value), usual)
    ):
        standing.memory["peak"] = value
    standing.phase, standing.since, standing.memory["recent"] = "pending", broken[0], recent
    if verdict != "broken" or len(broken) < settings["broken_samples"]:
        return None
    standing.phase = "alarm"
    del standing.memory["recent"]
    return Raised(at, value, broken[0], standing.memory["peak"])


def silent(settings: dict[str, Any], cadence: int, heard: int, at: int) -> bool:
    """Whether at `at` a datastream last heard at `heard` counts as silent; `cadence` in microseconds."""
    return at - heard > silence_of(settings, cadence)


def silence_of(settings: dict[str, Any], cadence: int) -> int:
    """How many microseconds a datastream may say nothing."""
    return int(settings["missed"]) * cadence


def comes_back(cleared: int, at: int, recurrence: int) -> bool:
    """Whether an alarm raised at `at` is the one that cleared before, come back within the rule's recurrence time."""
    return at - cleared <= recurrence


def furthest(settings: dict[str, Any], peak: float | None, newer: float | None) -> float | None:
    """The further out of an alarm's peak so far and that of its newest occurrence.

    Of a rule that looks at both sides nobody can tell which of two occurrences was further out: the newest counts.
    """
    side = settings.get("side")
    if peak is None or newer is None or side == "both":
        return peak if newer is None else newer
    return min(peak, newer) if side == "below" else max(peak, newer)


def may_matter(kind: str, settings: dict[str, Any], low: float, high: float) -> bool:
    """Whether readings between `low` and `high` can move a rule that stands at normal without memory."""
    if kind != "threshold":
        return kind != "silence"
    return bool(high >= settings["raise_at"] if settings["side"] == "above" else low <= settings["raise_at"])


def _number(value: float) -> str:
    return f"{value:g}"


def _span(seconds: float) -> tuple[str, str]:
    for size, zh, en in ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{zh}", f"{int(seconds // size)} {en}"
    return f"{seconds:g}秒", f"{seconds:g} s"


def _lasting(settings: dict[str, Any]) -> tuple[str, str]:
    if "of_samples" in settings:
        n, m = settings["broken_samples"], settings["of_samples"]
        return f"，最近 {m} 次读数中至少 {n} 次", f" in {n} of the last {m} readings"
    duration = settings.get("duration_seconds", 0)
    zh, en = _span(duration)
    return (f"，持续 {zh}", f" for {en}") if duration else ("", "")


def sentence(kind: str, settings: dict[str, Any], name: Text, unit: str) -> Text:
    """What a rule compares with what, and when, for people."""
    compared = _compared(kind, settings, name, unit)
    only = told(settings)
    return Text(f"{compared.zh}（仅{only.zh}）", f"{compared.en} ({only.en} only)") if only.zh else compared


def _compared(kind: str, settings: dict[str, Any], name: Text, unit: str) -> Text:
    if kind == "silence":
        return Text(f"连续 {settings['missed']} 个周期无数据", f"no reading for {settings['missed']} cadences")
    lasting = _lasting(settings)
    if kind == "threshold":
        mark = "≥" if settings["side"] == "above" else "≤"
        compared = f"{mark} {_number(settings['raise_at'])} {unit}".rstrip()
        return Text(f"{name.zh} {compared}{lasting[0]}", f"{name.en} {compared}{lasting[1]}")
    if kind == "rate":
        zh, en = _span(settings["window_seconds"])
        words = {"above": ("上升", "rises by"), "below": ("下降", "falls by"), "both": ("变化", "changes by")}
        verb = words[settings["side"]]
        compared = f"≥ {_number(settings['change'])} {unit}".rstrip()
        return Text(
            f"{name.zh} {zh}内{verb[0]} {compared}{lasting[0]}",
            f"{name.en} {verb[1]} {compared} within {en}{lasting[1]}",
        )
    words = {"above": ("高于", "above"), "below": ("低于", "below"), "both": ("偏离", "away from")}
    verb = words[settings["side"]]
    far = _number(settings["k"])
    return Text(
        f"{name.zh}{verb[0]}同时段常态 {far} 倍离差{lasting[0]}",
        f"{name.en} more than {far} × MAD {verb[1]} the usual of the hour{lasting[1]}",
    )
