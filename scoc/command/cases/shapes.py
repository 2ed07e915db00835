"""Rows of cases as the shapes that leave the module, now or as they were known at a time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from scoc.command.cases import timing
from scoc.command.cases.models import STAGE_OF, Case, CaseFlow, Clock, State, Timer
from scoc.command.cases.models.definitions import UNIT_TEXT
from scoc.command.cases.models.moves import OVER, STATE_TEXT
from scoc.command.cases.models.timers import CLOCK_TEXT
from scoc.command.cases.pack import CasesSettings
from scoc.command.cases.schemas import CaseRow, ClockNow
from scoc.core.city import city_settings
from scoc.core.models import Organisation
from scoc.core.now import city_now, recorded_by, run_clock, wall_now
from scoc.core.queries import organisation_row
from scoc.core.schemas import OrganisationRow, TextOut, text_out
from scoc.kit.masks import mask_text
from scoc.kit.text import Text
from scoc.kit.worktime import Light, Unit

JOINED = ("current_unit", "category", "condition", "area")
"""What a list row needs of other tables."""
_CHINESE = re.compile("[\u3400-\u9fff]")
_MINUTE = timedelta(minutes=1)
COMPUTING = timedelta(minutes=1)
"""A measurement that began so long ago is one of now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in the city to look at cases from. `past`: only what was known then."""

    at: datetime
    past: bool
    recorded: datetime | None
    """Bound on `recorded_at`; None: all that is recorded."""

    @property
    def until(self) -> datetime | None:
        """Bound on what had happened; None now, since another machine's clock may be ahead of this one's."""
        return self.at if self.past else None


def moment_of(as_of: datetime | None) -> Moment:
    """The moment of an `as_of`; the future is not known, so it counts as now."""
    present = city_now()
    if as_of is None or as_of >= present:
        return Moment(present, past=False, recorded=None)
    return Moment(as_of, past=True, recorded=recorded_by(as_of))


def moment_known(recorded: datetime) -> Moment:
    """The moment of a measurement by what was recorded until then, a real time: rows of a replay are recorded today."""
    behind = wall_now() - recorded
    if behind <= COMPUTING:
        return Moment(city_now(), past=False, recorded=recorded)
    clock = run_clock()
    return Moment(city_now() - behind * (clock.speed if clock else 1.0), past=True, recorded=recorded)


def minutes(span: timedelta) -> int:
    """Whole counted minutes, cut towards zero: what is begun is not yet used up."""
    return int(span / _MINUTE)


def stop_known(timer: Timer, moment: Moment) -> bool:
    """Whether it was known at the moment that the span had stopped."""
    if timer.stopped_at is None or (moment.past and timer.stopped_at > moment.at):
        return False
    recorded = timer.ended_recorded_at
    return moment.recorded is None or recorded is None or recorded <= moment.recorded


def clock_now(timer: Timer, moment: Moment) -> ClockNow:
    """One clock at a glance."""
    stopped = stop_known(timer, moment)
    reading = timing.read(timer, moment.at, stopped=stopped)
    return ClockNow(
        clock=timer.clock, name=text_out(CLOCK_TEXT[Clock(timer.clock)]), unit=timer.unit,
        unit_name=text_out(UNIT_TEXT[Unit(timer.unit)]), limit=timer.limit, limit_minutes=minutes(timer.length),
        started_at=timer.started_at, deadline_at=timer.deadline_at, light=reading.light,
        percent=Decimal(str(round(reading.ratio * 100, 1))), used_minutes=minutes(reading.used),
        remaining_minutes=minutes(reading.remaining), running=not stopped, in_time=reading.in_time,
        provisional=timer.provisional,
    )  # fmt: skip


def timers_of(cases: Sequence[Case], moment: Moment) -> dict[int, list[Timer]]:
    """The spans of the cases as known at the moment, in order."""
    found: dict[int, list[Timer]] = defaultdict(list)
    rows = Timer.objects.known(moment.until, moment.recorded).filter(case__in=[case.pk for case in cases])
    for timer in rows.select_related("organisation").order_by("clock", "bundle", "span"):
        found[timer.case_id].append(timer)
    return found


def as_known(cases: Sequence[Case], moment: Moment) -> None:
    """Set the rows in memory back to what was known at a past moment; they must not be saved afterwards."""
    if not moment.past:
        return
    last = CaseFlow.objects.last_known(moment.until, moment.recorded).filter(case__in=[case.pk for case in cases])
    rows = {row.case_id: row for row in last.select_related("receiver")}
    for case in cases:
        row = rows[case.pk]
        case.state, case.version, case.entered_at = row.to_state, row.version, row.happened_at
        case.stage, case.is_open = STAGE_OF[State(row.to_state)], row.to_state not in OVER
        case.current_unit, case.rework_count = row.receiver, row.rework_count
        case.closed_at = row.happened_at if row.to_state == State.CLOSED else None
        if row.to_state in {State.REPORTED, State.VERIFYING}:
            case.condition = None


def clocks_of(timers: Iterable[Timer], moment: Moment) -> tuple[Timer | None, Timer | None]:
    """The running clock whose deadline comes first, and the last span of disposal."""
    running = [timer for timer in timers if not stop_known(timer, moment)]
    disposal = [timer for timer in timers if timer.clock == Clock.DISPOSAL]
    first = min(running, key=lambda timer: (timer.deadline_at, timer.pk), default=None)
    return first, (disposal[-1] if disposal else None)


def organisation_of(organisation: Organisation | None) -> OrganisationRow | None:
    """An organisation as it is shown, if there is one."""
    return organisation_row(organisation) if organisation else None


def bilingual(text: Text | None) -> TextOut | None:
    """A text as a shape, if there is one."""
    return text_out(text) if text else None


def words(text: str, persons: str) -> str:
    """Free text for a viewer: numbers of persons in it are masked, or nothing of it is shown.

    A grant to see persons in plain opens none: that needs a reason and its trace in the audit.
    """
    return "" if persons == "hidden" else mask_text(text)


def case_title(case: Case, persons: str) -> Text:
    """A case's title, which is in the words of who opened it: where these are Chinese, readers of English get its class
    and area instead."""
    told = words(case.title, persons)
    names = (case.category.name.en if case.category else "", case.area.name.en if case.area else "")
    english = ", ".join(name for name in names if name)
    return Text(told, english if english and _CHINESE.search(told) else told)


def source_text(code: str) -> Text:
    """The name of a source; one that the city gave up keeps its code."""
    source = city_settings(CasesSettings).sources.get(code)
    return Text(source.name_zh, source.name_en) if source else Text(code, code)


def case_rows(cases: Sequence[Case], moment: Moment, persons: str) -> list[CaseRow]:
    """Cases as list rows."""
    as_known(cases, moment)
    timers = timers_of(cases, moment)
    return [case_row(case, timers[case.pk], moment, persons) for case in cases]


def case_row(case: Case, timers: Sequence[Timer], moment: Moment, persons: str) -> CaseRow:
    """One case as a list row, from its spans."""
    step, last = clocks_of(timers, moment)
    clock = clock_now(step, moment) if step else None
    disposal = clock_now(last, moment) if last else None
    lit = clock or disposal
    return CaseRow(
        id=case.pk, case_no=case.case_no, title=text_out(case_title(case, persons)), kind=case.kind,
        category=case.category.code if case.category else None,
        category_name=bilingual(case.category.name if case.category else None),
        condition=bilingual(case.condition.name if case.condition else None), state=case.state,
        state_name=text_out(STATE_TEXT[State(case.state)]), stage=case.stage, priority=case.priority,
        urgent=case.urgent, supervised=case.supervised, rework_count=case.rework_count, source=case.source,
        source_name=text_out(source_text(case.source)), address=mask_text(case.address), lon=case.lon, lat=case.lat,
        area=case.area.code if case.area else None, area_name=bilingual(case.area.name if case.area else None),
        current_unit=organisation_of(case.current_unit), happened_at=case.happened_at, entered_at=case.entered_at,
        due_at=step.deadline_at if step else None, clock=clock, disposal=disposal,
        light=lit.light if lit else Light.GREY, closed_at=case.closed_at, version=case.version,
    )  # fmt: skip
