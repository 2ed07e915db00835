"""Every index of the first cut against a hand computation, written out.

The week: Monday 2026-06-15, office hours 08-12 and 14-18; each case has 4 office hours for its disposal.

| case | area | story                                                                        | disposal deadline |
|------|------|------------------------------------------------------------------------------|-------------------|
| A    | east | dispatched Mon 09:00, fed back 10:00, closed 11:00                           | Mon 15:00         |
| B    | west | dispatched Mon 09:00, fed back 16:00 (late), closed Tue 09:00                | Mon 15:00         |
| C    | east | dispatched Mon 09:00, signed, never fed back                                 | Mon 15:00         |
| D    | east | dispatched Mon 09:00, fed back 10:00, check passed, not closed               | Mon 15:00         |
| E    | east | dispatched Mon 09:00, fed back 10:00 (1 h used), rework 11:00, fed back 14:30,| Mon 16:00         |
|      |      | closed 15:00; 3 h were left at 11:00: one until noon, two from 14:00          |                   |
| F    | east | dispatched Tue 16:00, signed; 2 h of Tuesday, 2 h of Wednesday                | Wed 10:00         |
| G    | east | dispatched Mon 09:00 to the bureau by hand, wrong; to the utility at 10:00,   | Mon 16:00         |
|      |      | fed back 11:00, closed 11:30                                                  |                   |
| H    | east | filed Mon 09:00, then void                                                    |                   |
| J    | east | accepted Mon 09:00, not filed                                                 |                   |
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.command.cases.models import Case, CaseFlow, State, Timer
from scoc.command.cases.queries import due_cases, evaluation_counts
from scoc.command.cases.schemas import EvaluationRow
from scoc.command.cases.shapes import Moment, moment_known, moment_of
from scoc.command.cases.sums import By, Period, dispatch_sums, due_sums, report_sums
from scoc.command.cases.tests.factories import EAST, WEST, Cast, bring, make_cast, may, report, step
from scoc.core import now
from scoc.core.http.paging import PageQuery
from scoc.core.measures import Window, measuring_together, take
from scoc.core.models import Run
from scoc.core.refusals import Invalid
from scoc.core.tests.factories import City, make_actor, make_area
from scoc.kit.text import Text
from scoc.spatial.tests.factories import make_outline, next_version

START, END = datetime(2026, 6, 14, 16, tzinfo=UTC), datetime(2026, 6, 17, 16, tzinfo=UTC)
"""Monday to Wednesday in the city."""


@contextmanager
def at(day: int, clock: str) -> Iterator[datetime]:
    """Both clocks stand at this time of June 2026 in the city."""
    moment = datetime.fromisoformat(f"2026-06-{day}T{clock}+08:00").astimezone(UTC)
    with now.city_time(moment), now.wall_time(lambda: moment):
        yield moment


def put_back(case: Case) -> None:
    """What an agreed return (14) leaves: filed again, and the clocks of the unit as if they had never run."""
    Case.objects.filter(pk=case.pk).update(state=State.FILED)
    Timer.objects.filter(case=case, status="running").update(status="void", ended_recorded_at=now.wall_now())


def make_void(case: Case) -> None:
    """What voiding (24) leaves."""
    moment = now.city_now()
    CaseFlow.objects.filter(case=case, left_at=None).update(left_at=moment, elapsed=timedelta(0), overtime=False)
    row = CaseFlow.objects.filter(case=case).latest("version")
    row.pk, row.version, row.from_state, row.to_state = None, row.version + 1, row.to_state, "void"
    row.action, row.happened_at, row.recorded_at, row.left_at = "void_case", moment, moment, None
    row.elapsed, row.overtime = None, None
    row._state.adding = True
    row.save()
    Case.objects.filter(pk=case.pk).update(state="void", is_open=False, version=row.version)


@pytest.fixture
def week(city: City) -> Cast:
    """The cast, after the week of the table above."""
    with at(15, "09:00"):
        cast = make_cast(city)
        cases = {name: report(cast, WEST if name == "B" else EAST, title=name) for name in "ABCDEGHJ"}
        for name in "ABCDE":
            bring(cast, State.HANDLING, cases[name])
        bring(cast, State.FILED, cases["G"])
        step(cast, cases["G"].pk, "dispatch_case", unit_id=city.bureau.pk)
        bring(cast, State.FILED, cases["H"])
        make_void(cases["H"])
        bring(cast, State.ACCEPTED, cases["J"])
    with at(15, "10:00"):
        bring(cast, State.HANDLED, cases["A"])
        bring(cast, State.PENDING_CLOSE, cases["D"])
        bring(cast, State.CHECKING, cases["E"])
        put_back(cases["G"])
        bring(cast, State.HANDLING, Case.objects.get(pk=cases["G"].pk))
    with at(15, "11:00"):
        bring(cast, State.CLOSED, cases["A"])
        step(cast, cases["E"].pk, "rework_case")
        bring(cast, State.HANDLED, Case.objects.get(pk=cases["G"].pk))
    with at(15, "11:30"):
        bring(cast, State.CLOSED, Case.objects.get(pk=cases["G"].pk))
    with at(15, "14:30"):
        bring(cast, State.HANDLED, Case.objects.get(pk=cases["E"].pk))
    with at(15, "15:00"):
        bring(cast, State.CLOSED, Case.objects.get(pk=cases["E"].pk))
    with at(15, "16:00"):
        bring(cast, State.HANDLED, cases["B"])
    with at(16, "09:00"):
        bring(cast, State.CLOSED, cases["B"])
    with at(16, "16:00"):
        bring(cast, State.HANDLING, report(cast, title="F"))
    return cast


def counts(row: EvaluationRow) -> dict[str, int]:
    """The sums that are not zero."""
    return {name: value for name, value in row.model_dump().items() if isinstance(value, int) and value}


def rates(row: EvaluationRow) -> dict[str, str | None]:
    """The rates as text."""
    values = row.model_dump()
    names = [name for name in values if name.endswith("_rate") or name == "dispatch_accuracy"]
    return {name: None if values[name] is None else str(values[name]) for name in names}


def test_the_city_as_known_on_wednesday_morning(week: Cast) -> None:
    with at(17, "09:00"):
        total = evaluation_counts(week.evaluator, START, END, by="city").total
    assert counts(total) == {
        # by report time: A B C D E F G H J; H is void, so it is no valid report, not accepted and not filed
        "reported": 9, "accepted": 8, "filed": 7, "valid_reports": 7,
        # by first dispatch: A B C D E F G; G went to the bureau first and to the utility in the end
        "dispatched": 7, "dispatched_right": 6,
        # by disposal deadline: A B D E G fed back, C not fed back and overdue; F is still inside its limit
        "due": 6, "handled": 5, "overdue_unhandled": 1,
        # fed back by the deadline: A 10:00, D 10:00, E 14:30 (of 16:00), G 11:00; B was late
        "handled_in_time": 4,
        # closed: A B E G; of these the disposal was in time for A E G
        "closed": 4, "closed_in_time": 3,
        # A B D E G were fed back at least once; E was sent back once
        "ever_handled": 5, "reworked": 1, "reworks": 1,
    }  # fmt: skip
    assert rates(total) == {
        "filing_rate": "0.8750",  # 7 / 8
        "closing_rate": "0.6667",  # 4 / 6
        "on_time_closing_rate": "0.5000",  # 3 / 6
        "handling_rate": "0.8333",  # 5 / 6
        "on_time_handling_rate": "0.6667",  # 4 / 6
        "rework_rate": "0.2000",  # 1 / 5
        "dispatch_accuracy": "0.8571",  # 6 / 7
    }  # fmt: skip


def test_slow_checking_does_not_spoil_the_rate_of_the_unit(week: Cast) -> None:
    """D is fed back in time and waits for closing: closed on Friday it still counts as on time."""
    with at(19, "17:00"):
        case = Case.objects.get(title="D")
        bring(week, State.CLOSED, case)
        total = evaluation_counts(week.evaluator, START, END, by="city").total
    # F is overdue by now: due A B C D E F G = 7, closed in time A D E G = 4
    assert (total.due, total.overdue_unhandled, total.closed_in_time, str(total.on_time_closing_rate)) == (
        7, 2, 4, "0.5714",
    )  # fmt: skip


def test_a_case_inside_its_limit_is_in_neither_sum(week: Cast) -> None:
    for clock, due in (("09:59", 6), ("10:00", 6), ("10:01", 7)):  # on the deadline it is still in time
        with at(17, clock):
            total = evaluation_counts(week.evaluator, START, END, by="city").total
        assert (total.due, total.handled) == (due, 5), clock


def test_what_was_known_on_monday_noon(week: Cast) -> None:
    """A and G closed, D fed back; B C inside their limit; E in rework, inside; F not reported; H void, J accepted."""
    with at(15, "12:00") as noon:
        pass
    with at(17, "09:00"):
        total = evaluation_counts(week.evaluator, START, END, noon, "city").total
    assert counts(total) == {
        "reported": 8, "accepted": 7, "filed": 6, "valid_reports": 6, "dispatched": 6, "dispatched_right": 5,
        "due": 3, "handled": 3, "handled_in_time": 3, "closed": 2, "closed_in_time": 2,
        "ever_handled": 4, "reworked": 1, "reworks": 1,
    }  # fmt: skip
    assert str(total.on_time_closing_rate) == "0.6667"


def test_by_unit(week: Cast) -> None:
    with at(17, "09:00"):
        rows = {row.key: row for row in evaluation_counts(week.evaluator, START, END, by="unit").rows}
    utility, bureau = rows[week.city.utility.code], rows[week.city.bureau.code]
    assert (utility.due, utility.closed_in_time, str(utility.on_time_closing_rate)) == (6, 3, "0.5000")
    assert counts(bureau) == {"dispatched": 1}  # G counts against the first dispatch, its time against the utility
    assert (bureau.on_time_closing_rate, str(bureau.dispatch_accuracy)) == (None, "0.0000")


def test_the_cases_behind_a_units_rate_are_those_that_were_counted(week: Cast) -> None:
    """The six that are due to the utility, each with what made it count or not, whatever the size of a page."""
    with at(17, "09:00"):
        (row,) = [row for row in evaluation_counts(week.evaluator, START, END).rows if row.due]
        whole = due_cases(week.evaluator, PageQuery(cursor=None, limit=50), START, END, row.key)
        page = due_cases(week.evaluator, PageQuery(cursor=None, limit=4), START, END, row.key)
        rest = due_cases(week.evaluator, PageQuery(cursor=page.next, limit=4), START, END, row.key)
    found = {case.title.zh: (case.handled_at is not None, case.in_time, case.closed) for case in whole.items}
    assert found == {
        "A": (True, True, True), "B": (True, False, True), "C": (False, False, False), "D": (True, True, False),
        "E": (True, True, True), "G": (True, True, True),
    }  # fmt: skip
    assert whole.total == row.due
    assert sum(case.in_time and case.closed for case in whole.items) == row.closed_in_time
    assert [case.case_id for case in [*page.items, *rest.items]] == [case.case_id for case in whole.items]


def test_cases_behind_a_rate_as_known_then_and_for_nobody_else(week: Cast) -> None:
    with at(15, "12:00") as noon:
        pass
    with at(17, "09:00"):
        row = next(row for row in evaluation_counts(week.evaluator, START, END, noon).rows if row.due)
        found = due_cases(week.evaluator, PageQuery(cursor=None, limit=50, as_of=noon), START, END, row.key)
        assert (found.total, {case.title.zh for case in found.items}) == (row.due, {"A", "D", "G"})
        assert due_cases(week.evaluator, PageQuery(cursor=None, limit=50), START, END, "nobody").items == []
        with pytest.raises(Invalid):
            due_cases(week.evaluator, PageQuery(cursor=None, limit=50), END, START, row.key)


def test_what_is_kept_of_each_case_is_what_flow_and_clocks_tell(week: Cast) -> None:
    """And what an upgrade makes of the cases that were there before."""
    migration = import_module("scoc.command.cases.migrations.0004_outcomes")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {migration.COLUMNS} FROM ({migration.TOLD_BY_FLOW}) told ORDER BY case_id")
        told = cursor.fetchall()
        cursor.execute(f"SELECT {migration.COLUMNS} FROM cases_outcome ORDER BY case_id")
        kept = cursor.fetchall()
    assert len(told) == 9
    assert kept == told


@pytest.mark.parametrize("by", ["unit", "area", "city"])
def test_now_by_the_kept_outcomes_is_now_by_flow_and_clocks(week: Cast, by: By) -> None:
    """Also when a clock has run out in between: F is due on Wednesday at ten."""
    for day, clock in ((17, "09:00"), (17, "12:00")):
        with at(day, clock) as moment:
            for gather in (report_sums, dispatch_sums, due_sums):
                flow = gather(week.evaluator, Period(START, END, Moment(moment, past=True, recorded=None)), by)
                for now_ in (moment_of(None), moment_known(moment)):
                    assert gather(week.evaluator, Period(START, END, now_), by) == flow, (gather, day, clock)


def test_what_is_recorded_while_measuring_is_left_to_the_next_time(week: Cast) -> None:
    """A measurement is as known at its time, so that it can be made again: F is fed back a second after it."""
    with at(17, "09:00") as moment:
        pass
    with at(17, "09:00:01"):
        bring(week, State.HANDLED, Case.objects.get(title="F"))
        window = Window(START, END, moment)
        assert take(week.evaluator, "cases.on_time_handling", window).denominator == 6
        assert take(week.evaluator, "cases.on_time_handling", replace(window, as_of=now.wall_now())).denominator == 7


def test_the_month_of_now_reads_no_flow(week: Cast) -> None:
    with at(17, "09:00") as moment, CaptureQueriesContext(connection) as asked:
        evaluation_counts(week.evaluator, START, END)
        for name in ("on_time_closing", "dispatch_accuracy", "filing"):
            take(week.evaluator, f"cases.{name}", Window(START, END, moment))
    assert not [query["sql"] for query in asked if "cases_flow" in query["sql"] or "cases_timer" in query["sql"]]


def test_by_area(week: Cast) -> None:
    with at(17, "09:00"):
        found = evaluation_counts(week.evaluator, START, END, by="area")
        only = evaluation_counts(week.evaluator, START, END, by="city", area="990103").total
    rows = {row.key: row for row in found.rows}
    assert set(rows) == {"990102", "990103"}
    assert (rows["990102"].due, rows["990102"].closed_in_time) == (5, 3)  # A C D E G; A E G
    assert (rows["990103"].due, rows["990103"].closed, rows["990103"].closed_in_time) == (1, 1, 0)  # B, late
    assert counts(only) == counts(rows["990103"])
    assert counts(found.total) == {
        name: rows["990102"].model_dump()[name] + rows["990103"].model_dump()[name] for name in counts(found.total)
    }


def test_streets_are_gathered_to_their_district(week: Cast) -> None:
    street = make_area("990102001", "street", "一街", week.city.east)
    make_outline(street, 121.7, 29.9, 121.8, 30.1)
    with at(17, "10:00"):
        bring(week, State.HANDLING, report(week, title="K"))
    with at(18, "17:00"):
        by = {level: {row.key: row.due for row in evaluation_counts(
            week.evaluator, START, END + timedelta(days=2), by="area", level=level).rows}
            for level in ("district", "street")}  # fmt: skip
    assert by == {"district": {"990102": 7, "990103": 1}, "street": {"990102": 6, "990102001": 1, "990103": 1}}


def test_districts_measured_together_with_their_city_cost_nothing_more(week: Cast) -> None:
    """And give what each gives when it is measured alone."""
    names = ("cases.on_time_closing", "cases.dispatch_accuracy", "cases.filing", "cases.reported")
    with at(17, "09:00") as moment:
        window = Window(START, END, moment)
        places = [replace(window, area=area) for area in (week.city.area, week.city.east, week.city.west)]
        for name in names:
            alone = [take(week.evaluator, name, place) for place in places]
            with measuring_together():
                assert take(week.evaluator, name, window) == alone[0]
                with CaptureQueriesContext(connection) as asked:
                    assert [take(week.evaluator, name, place) for place in places] == alone
            assert not asked.captured_queries, name
            assert alone[1] != alone[2], name


def test_the_deadline_decides_the_period(week: Cast) -> None:
    monday_end = datetime(2026, 6, 15, 7, 30, tzinfo=UTC)  # 15:30 in the city: E and G are due at 16:00
    with at(17, "09:00"):
        total = evaluation_counts(week.evaluator, START, monday_end, by="city").total
    assert (total.due, total.closed_in_time) == (4, 1)  # A B C D; A


def test_drills_and_other_runs_are_never_counted(week: Cast) -> None:
    with at(17, "09:00"):
        drill = Run.objects.create(kind="exercise", name=Text("演练", "Drill"), started_at=now.wall_now())
        now.forget_clocks()
        played = Cast(**{
            name: (value.on_run(drill.pk) if name != "city" else value)
            for name, value in ((name, getattr(week, name)) for name in week.__slots__)
        })  # fmt: skip
        with now.in_run(drill.pk):
            bring(played, State.CLOSED, report(played, title="drill"))
        real = evaluation_counts(week.evaluator, START, END, by="city").total
        exercise = evaluation_counts(played.evaluator, START, END, by="city").total
    assert (real.reported, real.due) == (9, 6)
    assert (exercise.reported, exercise.due, exercise.closed_in_time) == (1, 1, 1)


def test_an_evaluation_shows_what_the_viewer_may_see(week: Cast) -> None:
    east = make_actor(*may(), area=week.city.east, scope="area_below")
    unit = make_actor(*may(), organisation=week.city.bureau, scope="unit")
    with at(17, "09:00"):
        assert evaluation_counts(east, START, END, by="city").total.due == 5
        assert evaluation_counts(unit, START, END, by="city").total.due == 0


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [
        ("cases.on_time_closing", 3, 6),
        ("cases.closing", 4, 6),
        ("cases.handling", 5, 6),
        ("cases.on_time_handling", 4, 6),
        ("cases.rework", 1, 5),
        ("cases.dispatch_accuracy", 6, 7),
        ("cases.filing", 7, 8),
        ("cases.reported", 9, None),
        ("cases.open_cases", 4, None),  # C D F J
    ],
)
def test_measures_give_the_two_sums(week: Cast, name: str, numerator: int, denominator: int | None) -> None:
    with at(17, "09:00") as moment:
        measured = take(week.evaluator, name, Window(START, END, moment))
    assert measured.numerator == numerator
    assert measured.denominator == (None if denominator is None else Decimal(denominator))
    assert measured.samples == (denominator or numerator)


def test_a_measure_in_an_area_and_as_known_then(week: Cast) -> None:
    with at(15, "12:00") as noon:
        pass
    with at(17, "09:00") as moment:
        window = Window(START, END, moment, week.city.west)
        assert take(week.evaluator, "cases.on_time_closing", window).denominator == 1
        known = take(week.evaluator, "cases.on_time_closing", replace(window, as_of=noon, area=None))
        assert [known.numerator, known.denominator] == [2, 3]
        assert known.latest_at == datetime(2026, 6, 15, 3, 0, tzinfo=UTC)  # G, fed back at 11:00
        opened = take(week.evaluator, "cases.open_cases", Window(noon, noon, moment))
        assert opened.numerator == 5  # B C D E J


def test_nothing_due_is_unknown_not_zero(cast: Cast) -> None:
    window = Window(START, END, now.wall_now())
    measured = take(cast.evaluator, "cases.on_time_closing", window)
    assert [measured.numerator, measured.denominator, measured.samples] == [None, 0, 0]
    empty: dict[str, Any] = evaluation_counts(cast.evaluator, START, END, by="city").total.model_dump()
    assert empty["on_time_closing_rate"] is None


def test_a_street_is_evaluated_with_what_it_had_before_it_moved(city: City) -> None:
    street = make_area("990102001", "street", "一街", city.east)
    with at(15, "09:00"):
        cast = make_cast(city)
        make_outline(street, 121.7, 29.9, 121.8, 30.1)
        assert report(cast).area == street
    moved = next_version(street, date(2026, 6, 16))
    moved.parent, moved.path = city.west, f"{city.west.path}{street.code}/"
    moved.save()
    make_outline(moved, 121.7, 29.9, 121.8, 30.1)
    with at(17, "09:00"):
        assert report(cast).area == moved
        late = report(cast, happened_at=now.city_now() - timedelta(days=2))
        assert late.area == street  # what happened on Monday lies where Monday's borders put it
        for code, reported in ((street.code, 3), (city.east.code, 2), (city.west.code, 1)):
            found = evaluation_counts(cast.evaluator, START, END, by="city", area=code)
            assert (code, found.total.reported) == (code, reported)
        rows = evaluation_counts(cast.evaluator, START, END, by="area").rows
        assert {row.key: row.reported for row in rows} == {city.east.code: 2, city.west.code: 1}
