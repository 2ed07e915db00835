"""A span of a real city's past, lived again: readings, alarms, situations, cases, staff, indicators, and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from scoc.command.cases import queries as cases
from scoc.command.indicators import queries as indicators
from scoc.core.access import system_actor
from scoc.core.city import Pack, apply_pack, city_settings
from scoc.core.http.paging import PageQuery
from scoc.core.models import FactRow, Run
from scoc.core.now import city_time, city_zone, current_run
from scoc.rehearsal.archive.source import ArchiveSource, read_span
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.rehearsal.simulator.life import Life, Tally
from scoc.rehearsal.simulator.people import read_people
from scoc.rehearsal.simulator.staff import Staff
from scoc.rehearsal.simulator.town import ACTOR, read_town
from scoc.sensing import actions as sensing
from scoc.sensing import queries as sensing_queries

STEP = timedelta(hours=1)
SETTLING = timedelta(minutes=65)
"""Daily figures are measured an hour after their day."""


@dataclass(slots=True)
class Replayed:
    """What a replay came to."""

    start: datetime
    end: datetime
    stations: int
    silent_stations: int
    hours: int
    missing: int
    tally: Tally
    facts: Counter[str]
    due: int
    closed: int
    closed_in_time: int
    rate: Decimal | None
    days: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def replay_archive(
    pack: Pack, folder: Path | None, start: datetime, days: int, told: Callable[[datetime], None]
) -> Replayed:
    """Apply the pack as a replay and live `days` days of its archives. Raises BadArchive without the data.

    An hour is named by its end: a day is its hours 01:00 to 24:00.

    Stations without one reading in the span are put under maintenance, so that no share of the city's stations
    counts them as missing.
    """
    end = start + timedelta(days=days)
    actor = system_actor(ACTOR)
    with city_time(start):
        apply_pack(actor, pack, run_kind=Run.Kind.REPLAY)
        source = read_span(folder, city_settings(AirArchiveSettings), start, end)
        silent = [d for d in sensing_queries.device_points(actor) if d.key not in source.stations]
        for device in silent:
            sensing.change_device_state(actor, device.id, "maintenance")
        staff = Staff(read_town().seed, read_people())
    life = Life(source, staff, "archive")
    life.pass_time(start, end, STEP, told)
    settled = end + SETTLING
    life.fine_from = settled
    life.do_timed(settled)
    with city_time(settled):
        return _result(start, end, len(silent), source, life)


def _result(start: datetime, end: datetime, silent: int, source: ArchiveSource, life: Life) -> Replayed:
    viewer = system_actor(ACTOR)
    names = FactRow.objects.filter(run_id=current_run()).values_list("name", flat=True)
    whole = cases.evaluation_counts(viewer, start, end, by="city").total
    made = Replayed(
        start, end, len(source.stations), silent, source.hours, source.missing, life.tally,
        Counter(names),
        whole.due, whole.closed, whole.closed_in_time, whole.on_time_closing_rate,
    )  # fmt: skip
    made.days = _days(start, end)
    return made


_SHOWN = ("AI01D", "AI02", "AI03", "CI01", "OP01", "OP02")


def _days(start: datetime, end: datetime) -> list[tuple[str, dict[str, str]]]:
    """For each day the indicators' last values of it."""
    viewer, zone = system_actor(ACTOR), city_zone()
    found: dict[str, dict[str, str]] = {}
    for code in _SHOWN:
        cursor = None
        while True:
            page = indicators.values(viewer, code, PageQuery(cursor=cursor, limit=500))
            for value in page.items:
                day = (value.window_end - timedelta(seconds=1)).astimezone(zone).date().isoformat()
                shown = "—" if value.value is None else f"{value.value.normalize():f}"
                if start < value.window_end <= end:
                    found.setdefault(day, {}).setdefault(code, shown)
            cursor = page.next
            if cursor is None:
                break
    return sorted(found.items())


def table(result: Replayed) -> str:
    """The table that the command prints."""
    zone = city_zone()
    tally, facts = result.tally, result.facts
    last = (result.end - timedelta(seconds=1)).astimezone(zone)
    lines = [
        f"span                     {result.start.astimezone(zone):%Y-%m-%d} to {last:%Y-%m-%d}",
        f"stations                 {result.stations} with data, {result.silent_stations} without (under maintenance)",
        f"station-hours            {result.hours}",
        f"cells missing            {result.missing}",
        f"readings given           {tally.readings}",
        f"readings stored          {tally.stored}",
        f"readings twice           {tally.duplicate}",
        f"readings rejected        {sum(tally.rejected.values())}",
    ]
    lines += [f"  {reason:<23}{number}" for reason, number in sorted(tally.rejected.items())]
    lines += [
        f"alarms raised            {facts['sensing.alarm_raised']}",
        f"  recurred               {facts['sensing.alarm_recurred']}",
        f"  cleared                {facts['sensing.alarm_cleared']}",
        f"situations opened        {facts['intake.situation_opened']}",
        f"  accepted               {facts['intake.situation_accepted']}",
        f"  dismissed              {facts['intake.situation_dismissed']}",
        f"cases reported           {facts['cases.reported']}",
        f"  dispatched             {facts['cases.dispatched']}",
        f"  reworked               {facts['cases.reworked']}",
        f"  closed                 {facts['cases.closed']}",
        f"cases due in the span    {result.due}",
        f"  closed                 {result.closed}",
        f"  closed in time         {result.closed_in_time}",
        f"on-time closing rate     {'—' if result.rate is None else f'{result.rate * 100:.2f} %'}",
        "",
        "day         " + "".join(f"{code:>9}" for code in _SHOWN),
    ]
    lines += [f"{day}  " + "".join(f"{values.get(code, '—'):>9}" for code in _SHOWN) for day, values in result.days]
    return "\n".join(lines)
