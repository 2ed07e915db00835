"""What may be done with indicators: measure what is due, measure now, measure past windows anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.db import InterfaceError, OperationalError, transaction

from scoc.command.indicators.air import reading_once
from scoc.command.indicators.computing import (
    Span,
    Tally,
    areas_for,
    batches,
    current_areas,
    definitions,
    in_order,
    measure_windows,
    newest_values,
)
from scoc.command.indicators.facts import IndicatorRecomputed
from scoc.command.indicators.health import compute_health, make_index_soon
from scoc.command.indicators.models import Indicator, IndicatorValue
from scoc.command.indicators.schemas import Computed
from scoc.command.indicators.windows import floor, window_at, windows_between
from scoc.core.acting import Actor, acting, unit_of_work
from scoc.core.actions import action
from scoc.core.facts import Code, publish
from scoc.core.measures import measuring_together
from scoc.core.models import Area
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.refusals import invalid
from scoc.core.tasks import enqueue

MOST_CATCHING_UP = 48
"""Windows of one indicator that one round measures after a standstill; the next round goes on."""
MOST_WINDOWS = 200
"""Windows that one recomputation may hold: it is one transaction, and others wait for it."""
DAYS_SETTLE_EVERY = 6
"""Hours between two looks at a past day: a day is dear to measure and seldom changes."""


def _chosen(codes: Sequence[str], moment: datetime) -> list[Indicator]:
    found = in_order(definitions(moment, codes))
    unknown = sorted(set(codes) - {row.code for row in found})
    if unknown:
        raise invalid("codes", f"There is no indicator {unknown[0]}.", "Name indicators of the city pack.",
                      zh=f"没有指标 {unknown[0]}。")  # fmt: skip
    return found


def _result(tally: Tally) -> Computed:
    return Computed(values=tally.values, unchanged=tally.unchanged, turned=tally.turned)


def _one_by_one(
    actor: Actor,
    work: Sequence[tuple[Indicator, Sequence[Span]]],
    areas: Sequence[Area],
    tally: Tally,
    *,
    late_only: bool = False,
) -> set[str]:
    """Measure each indicator by itself: one that fails leaves the others and comes back as a task of its own.

    That holds for a statement that took too long or waited for a lock too, as long as the transaction can go on.
    Returns the codes that have new values.
    """
    changed = set()
    known_at = _all_known()
    with measuring_together(), reading_once(_hours(work)):
        for indicator, spans in work:
            done = Tally()
            try:
                with unit_of_work(actor):
                    measure_windows(
                        indicator, spans, areas_for(indicator, areas), done, known_at=known_at, late_only=late_only
                    )
            except (OperationalError, InterfaceError):
                if transaction.get_rollback():  # the database is away, or has given up all of it
                    raise
                tally.failed.append(indicator.code)
            except Exception:  # noqa: BLE001  # told by the task: it fails again alone, is retried and parks
                tally.failed.append(indicator.code)
            else:
                tally.add(done)
                if done.values:
                    changed.add(indicator.code)
    for code in tally.failed:
        enqueue("indicators.compute_alone", unique=f"indicators:alone:{acting().run_id}:{code}", code=code)
    return changed


def _all_known() -> datetime:
    """Whichever of the two clocks a measure takes `as_of` by: all that is known."""
    return max(city_now(), wall_now())


def _hours(work: Sequence[tuple[Indicator, Sequence[Span]]]) -> Span | None:
    """From the first to the last of the hours that are to be measured; readings stamped at an hour's end lie behind."""
    hourly = [
        spans for row, spans in work
        if (row.grain, row.period) == (Indicator.Grain.HOUR, Indicator.Period.SPAN)
    ]  # fmt: skip
    spans = [span for found in hourly for span in found]
    if not spans:
        return None
    return min(start for start, _ in spans), max(end for _, end in spans) + timedelta(hours=1)


def _follow(actor: Actor, changed: set[str], areas: Sequence[Area], tally: Tally) -> None:
    """Measure the newest window again of what is made of indicators that have just changed."""
    moment, zone = city_now(), city_zone()
    made_of = [row for row in definitions(moment) if row.parameters.get("of") in changed]
    _one_by_one(actor, [(row, [window_at(row, moment, zone)]) for row in made_of], areas, tally)


def _fallen_due(moment: datetime, codes: Sequence[str] = ()) -> list[tuple[Indicator, Sequence[Span]]]:
    """Indicators in the order they are measured in, each with its windows that are due and have no value yet."""
    zone = city_zone()
    indicators = in_order(definitions(moment, codes))
    city = [area.code for area in current_areas() if area.level == Area.Level.CITY]
    newest = newest_values(acting().run_id, [row.code for row in indicators], city)
    work: list[tuple[Indicator, Sequence[Span]]] = []
    for indicator in indicators:
        due = window_at(indicator, moment, zone)
        last = next((newest[key] for key in newest if key[0] == indicator.code), None)
        spans = [due]
        if last is not None and indicator.period == Indicator.Period.SPAN:
            spans = list(windows_between(indicator, last.window_end, due[1], zone))[:MOST_CATCHING_UP]
        elif last is not None and last.window_end >= due[1]:
            spans = []
        if spans:
            work.append((indicator, spans))
    return work


@action("indicators.refresh")
def refresh(actor: Actor, codes: Sequence[str] = (), *, index: bool = True) -> Computed:
    """Measure every window of these indicators (all by default) that has fallen due and has no value yet, and the
    health index after it unless told otherwise."""
    moment = city_now()
    areas, tally = current_areas(), Tally()
    _one_by_one(actor, _fallen_due(moment, codes), areas, tally)
    if index:
        compute_health(floor(moment, Indicator.Grain.FIVE_MINUTES, city_zone()), areas)
    return _result(tally)


@action("indicators.share_out")
def share_out(actor: Actor) -> int:
    """Have every window that has fallen due measured soon, batch by batch, each a unit of work of its own: one that
    takes long or fails keeps only itself waiting. The health index follows them. Returns how many batches there are.

    A batch are the indicators of one module's measures, which share what they read; those made of others come with
    them.
    """
    due = batches([indicator for indicator, _ in _fallen_due(city_now())])
    for name, codes in due.items():
        enqueue("indicators.refresh_batch", unique=f"indicators:batch:{acting().run_id}:{name}", codes=codes)
    if not due:
        make_index_soon()
    return len(due)


@action("indicators.make_index")
def make_index(actor: Actor) -> int:
    """Make the health index of the last five minutes' boundary. Returns the new rows; none where it came out as
    before."""
    return compute_health(floor(city_now(), Indicator.Grain.FIVE_MINUTES, city_zone()), current_areas())


@action("indicators.settle")
def settle(actor: Actor) -> Computed:
    """Measure windows again whose readings may still have come in; only a figure that changed makes a new revision."""
    moment, zone = city_now(), city_zone()
    work = []
    for indicator in in_order(definitions(moment)):
        if indicator.grain == Indicator.Grain.DAY and moment.astimezone(zone).hour % DAYS_SETTLE_EVERY:
            continue
        since = moment - timedelta(seconds=indicator.settle_seconds)
        if indicator.settle_seconds and indicator.period == Indicator.Period.SPAN:
            due = window_at(indicator, moment, zone)[1]
            spans = list(windows_between(indicator, since, due, zone))[-MOST_CATCHING_UP:]
            work.append((indicator, spans))
    tally = Tally()
    areas = current_areas()
    _follow(actor, _one_by_one(actor, work, areas, tally, late_only=True), areas, tally)
    return _result(tally)


@action("indicators.compute")
def compute(actor: Actor, codes: Sequence[str] = (), at: datetime | None = None) -> Computed:
    """Measure indicators now (all by default), or the windows that were due at a past time, as known now.

    Raises Invalid for an unknown code or a time to come.
    """
    moment, zone = city_now(), city_zone()
    if at is not None and at > moment:
        raise invalid("at", "This time is still to come.", "Name a time up to now.", zh="该时刻尚未到来。")
    tally, known_at = Tally(), _all_known()
    areas = current_areas()
    with measuring_together(), reading_once():
        for indicator in _chosen(codes, at or moment):
            span = window_at(indicator, at or moment, zone, exact=True)
            measure_windows(indicator, [span], areas_for(indicator, areas), tally, known_at=known_at)
    if at is None:  # the index of the past stays as it was known; a new one is made of what is known now
        compute_health(moment, areas)
    return _result(tally)


@action("indicators.recompute", audited=True)
def recompute(actor: Actor, codes: Sequence[str], start: datetime, end: datetime) -> Computed:
    """Measure the past windows that end in (start, end] anew. What came out differently is a new revision.

    Of cumulative figures these are the windows that have a value already; a moment that is over, and what a current
    span stood at, cannot be measured again. Raises Invalid for an unknown code,
    an empty or future time, or too many windows.
    """
    moment, zone = city_now(), city_zone()
    if not start < end <= moment:
        raise invalid("end", "The time must be over and end after it starts.", "Name a past time.",
                      zh="时段须已过去且先始后终。")  # fmt: skip
    work: list[tuple[Indicator, list[Span]]] = []
    for indicator in _chosen(codes, moment):
        stored = IndicatorValue.objects.filter(
            run_id=acting().run_id, code=indicator.code, window_end__gt=start, window_end__lte=end
        ).values_list("window_start", "window_end")
        again = indicator.period not in (Indicator.Period.POINT, Indicator.Period.CURRENT)
        spans = set(stored.distinct().order_by()[: MOST_WINDOWS + 1]) if again else set()
        if indicator.period == Indicator.Period.SPAN:
            due = window_at(indicator, moment, zone)[1]
            spans |= set(islice(windows_between(indicator, start, min(end, due), zone), MOST_WINDOWS + 1))
        work.append((indicator, sorted(spans, key=lambda span: (span[1], span[0]))))
    count = sum(len(chosen) for _, chosen in work)
    if count > MOST_WINDOWS:
        raise invalid("start", f"More than {MOST_WINDOWS} windows at once.", "Name a shorter time or fewer indicators.",
                      zh=f"一次不得超过 {MOST_WINDOWS} 个时段。")  # fmt: skip
    tally, known_at = Tally(), _all_known()
    areas = current_areas()
    changed = set()
    with reading_once():
        for indicator, chosen in work:
            done = Tally()
            measure_windows(indicator, chosen, areas_for(indicator, areas), done, known_at=known_at)
            tally.add(done)
            if done.values:
                changed.add(indicator.code)
    _follow(actor, changed, areas, tally)
    if tally.values:
        publish(IndicatorRecomputed(subject=Code("indicators:all"), windows=tally.values))
    return _result(tally)
