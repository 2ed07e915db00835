"""The rules look at a batch: states are read and written in the transaction of the readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scoc.core.city.sections import city_settings
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now
from scoc.sensing import baselines
from scoc.sensing.hours import inside_of
from scoc.sensing.ingest.columns import Floats, Ints
from scoc.sensing.ingest.directory import RuleNow, Stream, rules_of
from scoc.sensing.ingest.rolling import ends_of
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import RuleState
from scoc.sensing.raising import Subject, clear_alarm, raise_alarm, worsen_alarm
from scoc.sensing.rules import Cleared, Event, Raised, Standing, Worse, decide, longest_gap, may_matter, nothing_usual

_SLICE = 500


@dataclass(frozen=True, slots=True)
class _Series:
    """The new readings of one ruled datastream that are later than all before."""

    stream: Stream
    rules: tuple[RuleNow, ...]
    at: Ints
    value: Floats


def _series(
    datastream: Ints, at: Ints, value: Floats, streams: dict[int, Stream], before: dict[int, int]
) -> Iterator[_Series]:
    """Readings by datastream. Late ones correct roll-ups, but a rule never looks back."""
    ends = (np.nonzero(ends_of(datastream))[0] + 1).tolist()
    start = 0
    for end in ends:
        stream = streams[int(datastream[start])]
        rules = rules_of(stream) if stream.judged else ()
        if rules:
            first = start
            last = before.get(stream.id)
            if last is not None and int(at[start]) <= last:
                first = start + int(np.searchsorted(at[start:end], last, side="right"))
            if first < end:
                yield _Series(stream, rules, at[first:end], value[first:end])
        start = end


def subject_for(rule: RuleNow, stream: Stream) -> Subject:
    """What an alarm of this rule over this datastream is about."""
    return Subject(
        rule.id, rule.code, rule.level, rule.category, rule.recurrence_micros, stream.id, stream.device_id,
        stream.organisation_id, stream.area_id, stream.hangs, rule.suppresses,
    )  # fmt: skip


def judge(datastream: Ints, at: Ints, value: Floats, streams: dict[int, Stream], before: dict[int, int]) -> None:
    """Judge new rows, sorted by datastream and time; `before` is the newest time of each datastream until now."""
    series = list(_series(datastream, at, value, streams, before))
    if not series:
        return
    states: dict[tuple[int, str], RuleState] = {}
    ids = [one.stream.id for one in series]
    for start in range(0, len(ids), _SLICE):
        for row in RuleState.objects.filter(datastream_id__in=ids[start : start + _SLICE]):
            states[row.datastream_id, row.rule_code] = row
    deviating = [one.stream.id for one in series if any(rule.kind == "deviation" for rule in one.rules)]
    usual = baselines.known(deviating)
    changed: list[RuleState] = []
    for one in series:
        low, high = float(one.value.min()), float(one.value.max())
        for rule in one.rules:
            state = states.get((one.stream.id, rule.code))
            if rule.kind == "silence":
                if state is not None and _heard(rule, state, one):
                    changed.append(state)
            elif state is not None or may_matter(rule.kind, rule.settings, low, high):
                after = _judge_one(rule, state, one, before.get(one.stream.id, 0), usual)
                if after is not None:
                    changed.append(after)
    save_states(changed)


def save_states(changed: list[RuleState]) -> None:
    """Write where rules stand now."""
    if changed:
        RuleState.objects.bulk_create(
            changed, batch_size=_SLICE, update_conflicts=True, unique_fields=["datastream", "rule_code"],
            update_fields=["phase", "since", "last_at", "memory", "alarm"],
        )  # fmt: skip


def _judge_one(
    rule: RuleNow, state: RuleState | None, one: _Series, before: int, usual: baselines.Known
) -> RuleState | None:
    """Judge one series by one rule; the state to write, or None where it stands as it stood."""
    standing = Standing(last_at=before)
    if state is not None:
        standing = Standing(state.phase, to_micros(state.since), to_micros(state.last_at), dict(state.memory))  # type: ignore[arg-type]  # the column holds one of the phases
    was = (standing.phase, standing.since)
    readings = zip(one.at.tolist(), one.value.tolist(), strict=True)
    of_stream = usual.get(one.stream.id, {})
    least = rule.settings.get("least_samples")
    looked = baselines.usual_of(of_stream, least) if rule.kind == "deviation" else nothing_usual
    inside = inside_of(rule.settings)
    gap = longest_gap(one.stream.cadence_micros, city_settings(SensingSettings).gap_cadences)
    events = decide(rule.kind, rule.settings, standing, readings, gap, looked, inside)
    if not events and standing.phase == "normal" and was[0] == "normal" and rule.kind != "rate":
        return None
    alarm_id = _carry_out(events, rule, one.stream, state.alarm_id if state else None)
    return RuleState(
        rule_code=rule.code, datastream_id=one.stream.id, phase=standing.phase, since=from_micros(standing.since),
        last_at=from_micros(standing.last_at), memory=standing.memory, alarm_id=alarm_id,
    )  # fmt: skip


def _carry_out(events: list[Event], rule: RuleNow, stream: Stream, alarm_id: int | None) -> int | None:
    peak: float | None = None
    for event in events:
        match event:
            case Raised():
                alarm_id = raise_alarm(
                    subject_for(rule, stream), alarm_id, event.at, event.since, event.value, event.peak
                )
                peak = None
            case Cleared() if alarm_id is not None:
                if peak is not None:
                    worsen_alarm(alarm_id, peak)
                    peak = None
                clear_alarm(alarm_id, event.at)
            case Worse():
                peak = event.peak
    if peak is not None and alarm_id is not None:
        worsen_alarm(alarm_id, peak)
    return alarm_id


def _heard(rule: RuleNow, state: RuleState, one: _Series) -> bool:
    """Whether a reading ends a silence: it must be recent, not only the next of a long backlog."""
    newest = int(one.at[-1])
    recent = to_micros(city_now()) - int(rule.settings["missed"]) * one.stream.cadence_micros
    if state.phase != RuleState.Phase.ALARM or newest < recent:
        return False
    if state.alarm_id is not None:
        clear_alarm(state.alarm_id, newest)
    state.phase, state.since, state.last_at = RuleState.Phase.NORMAL, from_micros(newest), from_micros(newest)
    return True
