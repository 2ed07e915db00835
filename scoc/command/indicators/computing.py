"""Measuring indicators and keeping what came out: every figure with its window, inputs and the time it was known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery

from scoc.command.indicators.facts import IndicatorTurned
from scoc.command.indicators.levels import level_of, signal_of
from scoc.command.indicators.models import Indicator, IndicatorValue, Level
from scoc.command.indicators.windows import measured
from scoc.core.access import allowed, system_actor, visible
from scoc.core.acting import Viewer, acting
from scoc.core.facts import Code, publish
from scoc.core.measures import Measured, Window, take
from scoc.core.models import Area
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.validity import valid_at
from scoc.kit.canonical import digest
from scoc.kit.scaled import ratio

Status = IndicatorValue.Status
_SEE = "indicators.read_values"
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Tally:
    """What a computation did."""

    values: int = 0
    unchanged: int = 0
    turned: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count what was done to one more indicator."""
        self.values += other.values
        self.unchanged += other.unchanged
        self.turned += other.turned


def own_viewer() -> Viewer:
    """Who measures: the city's figures do not depend on who asks for their computation."""
    return system_actor("indicators").on_run(acting().run_id)


def current_areas() -> list[Area]:
    """The city, then its districts."""
    rows = Area.objects.filter(level__in=(Area.Level.CITY, Area.Level.DISTRICT), valid_to=None).order_by("path")
    return sorted(rows, key=lambda area: (area.level != Area.Level.CITY, area.code))


def areas_for(indicator: Indicator, areas: Iterable[Area]) -> list[Area]:
    """Where an indicator is measured."""
    return [area for area in areas if area.level == Area.Level.CITY or indicator.by_district]


def definitions(moment: datetime, codes: Sequence[str] = ()) -> QuerySet[Indicator]:
    """The versions that hold at a moment, in the order of screens."""
    rows = Indicator.objects.filter(valid_at(moment))
    if codes:
        rows = rows.filter(code__in=codes)
    return rows.select_related("owner").order_by("position", "code")


def definitions_seen(viewer: Viewer, moment: datetime, codes: Sequence[str] = ()) -> QuerySet[Indicator]:
    """The definitions of the figures that the viewer may see."""
    rows = definitions(moment, codes)
    if allowed(viewer, _SEE).scope in ("unit", "unit_below", "self"):
        rows = visible(viewer, rows, _SEE, {"organisation": "owner", "area": "", "run": ""})
    return rows


def in_order(indicators: Iterable[Indicator]) -> list[Indicator]:
    """Those made of other indicators come after them."""
    return sorted(indicators, key=lambda row: ("of" in row.parameters, row.position, row.code))


def batches(indicators: Iterable[Indicator]) -> dict[str, list[str]]:
    """The codes by the module whose measure they rest on; one that is made of others comes into the batch of those."""
    found: dict[str, list[str]] = {}
    of: dict[str, str] = {}
    for row in in_order(indicators):
        name = of.get(row.parameters.get("of", ""), row.measure.partition(".")[0])
        of[row.code] = name
        found.setdefault(name, []).append(row.code)
    return found


def newest_values(
    run_id: int,
    codes: Iterable[str],
    area_codes: Iterable[str],
    *,
    as_of: datetime | None = None,
    ends: Mapping[str, Span] | None = None,
    known: bool = False,
    within: QuerySet[IndicatorValue] | None = None,
) -> dict[tuple[str, str], IndicatorValue]:
    """The newest value of each code in each area, in two queries whatever their number.

    `ends`: per code, after what and up to what time its window may end; `known`: only values that are not null;
    `within`: only these rows, e.g. those that a viewer may see.
    """
    chosen = {f"v{number}": code for number, code in enumerate(codes)}
    if not chosen:
        return {}
    seeks = {}
    for name, code in chosen.items():
        base = IndicatorValue.objects.all() if within is None else within
        rows = base.filter(run_id=run_id, code=code, area_code=OuterRef("code"))
        if as_of is not None:
            rows = rows.filter(window_end__lte=as_of, computed_at__lte=as_of)
        if ends is not None:
            rows = rows.filter(window_end__gt=ends[code][0], window_end__lte=ends[code][1])
        if known:
            rows = rows.filter(value__isnull=False)
        seeks[name] = Subquery(rows.order_by("-window_end", "-revision").values("id")[:1])
    found: dict[int, None] = {}
    areas = Area.objects.filter(code__in=list(area_codes), valid_to=None).annotate(**seeks)
    for row in areas.values_list(*seeks):
        found.update(dict.fromkeys(number for number in row if number is not None))
    values = IndicatorValue.objects.filter(id__in=list(found)).select_related("indicator")
    return {(row.code, row.area_code): row for row in values}


@dataclass(frozen=True, slots=True)
class _Made:
    """A figure as it came out."""

    measured: Measured
    value: Decimal | None
    status: str
    level: Level
    digest: str
    as_of: datetime


def _figure(indicator: Indicator, measured: Measured) -> Decimal | None:
    """numerator ÷ denominator × factor at the definition's places; a figure without denominator is the numerator."""
    if measured.numerator is None:
        return None
    below = Decimal(1) if measured.denominator is None else measured.denominator
    return ratio(measured.numerator * indicator.factor, below, indicator.places)


def _measure(viewer: Viewer, indicator: Indicator, area: Area, span: Span, as_of: datetime) -> _Made:
    place = None if area.level == Area.Level.CITY else area
    window = Window(*measured(indicator, span, city_zone()), as_of, place)
    found = take(viewer, indicator.measure, window, dict(indicator.parameters))
    value = _figure(indicator, found)
    status = Status.OK
    if value is None:
        status = Status.UNKNOWN
    elif (
        indicator.freshness == Indicator.Freshness.SOURCE
        and found.latest_at is not None
        and span[1] - found.latest_at > timedelta(seconds=indicator.latency_seconds)
    ):
        status = Status.STALE
    return _Made(
        found, value, status, level_of(value, indicator.low, indicator.high),
        digest(
            {
                "numerator": None if found.numerator is None else f"{found.numerator.normalize():f}",
                "denominator": None if found.denominator is None else f"{found.denominator.normalize():f}",
                "samples": found.samples,
                "inputs": found.inputs,
            }
        ),
        as_of,
    )  # fmt: skip


def measure_windows(
    indicator: Indicator,
    spans: Sequence[Span],
    areas: Sequence[Area],
    tally: Tally,
    *,
    known_at: datetime,
    late_only: bool = False,
) -> None:
    """Measure an indicator for windows, oldest first, in areas, as known at `known_at`. A figure that came out as
    before makes no new row.

    `late_only`: look for late readings. They add samples to the city's figure, so that districts are looked at only
    where the city's came out differently.
    """
    run_id, moment = acting().run_id, city_now()
    viewer = own_viewer()
    # One computation of an indicator at a time: two would give the same revision number.
    Indicator.objects.select_for_update().get(pk=indicator.pk)
    before = newest_values(run_id, [indicator.code], [area.code for area in areas])
    earlier = {
        (row.window_start, row.window_end, row.area_code): row
        for row in IndicatorValue.objects.filter(
            run_id=run_id, code=indicator.code, window_end__in=[span[1] for span in spans]
        )
        .defer("inputs")
        .order_by("revision")
    }
    for span in spans:
        fresh = []
        for area in areas:
            made = _measure(viewer, indicator, area, span, known_at)
            known = earlier.get((*span, area.code))
            if _as_before(known, made, indicator):
                tally.unchanged += 1
                if late_only and area.level == Area.Level.CITY:
                    break
                continue
            fresh.append(_row(indicator, area, span, made, known, before.get((indicator.code, area.code)), moment))
        IndicatorValue.objects.bulk_create(fresh)
        tally.values += len(fresh)
        for row in fresh:
            newest = before.get((row.code, row.area_code))
            tally.turned += _tell(row, newest)
            if newest is None or row.window_end >= newest.window_end:
                before[row.code, row.area_code] = row


def _as_before(known: IndicatorValue | None, made: _Made, indicator: Indicator) -> bool:
    """Whether the same definition gave the same figure from the same inputs."""
    return (
        known is not None
        and (known.inputs_digest, known.status) == (made.digest, made.status)
        and known.indicator_id == indicator.pk
    )


def _row(
    indicator: Indicator, area: Area, span: Span, made: _Made, earlier: IndicatorValue | None,
    before: IndicatorValue | None, moment: datetime,
) -> IndicatorValue:  # fmt: skip
    """The row of a figure. Its signal goes on from the newest one, unless the window is older than that."""
    newest = before is None or span[1] >= before.window_end
    signal = (
        signal_of(made.value, indicator.low, indicator.high, indicator.hysteresis, before.signal if before else None)
        if newest
        else made.level
    )
    return IndicatorValue(
        happened_at=span[1], recorded_at=wall_now(), run_id=acting().run_id, organisation_id=indicator.owner_id,
        area=area, grade=indicator.grade, post_id=acting().actor.post_id, correlation=acting().correlation,
        indicator=indicator, code=indicator.code, area_code=area.code, window_start=span[0], window_end=span[1],
        revision=earlier.revision + 1 if earlier else 1, value=made.value, numerator=made.measured.numerator,
        denominator=made.measured.denominator, samples=made.measured.samples, latest_at=made.measured.latest_at,
        inputs=made.measured.inputs, inputs_digest=made.digest, status=made.status, level=made.level, signal=signal,
        as_of=made.as_of, computed_at=moment,
    )  # fmt: skip


def _tell(row: IndicatorValue, before: IndicatorValue | None) -> bool:
    """Publish that the signal turned, if it did; the first value of a series turns nothing."""
    if before is None or row.window_end < before.window_end or row.signal == before.signal:
        return False
    publish(
        IndicatorTurned(subject=Code(f"indicators:{row.code}"), area=Code(row.area_code), was=Code(before.signal),
                        level=Code(row.signal), value=row.pk),
        happened_at=row.window_end, organisation_id=row.organisation_id, area_id=row.area_id, grade=row.grade,
    )  # fmt: skip
    return True
