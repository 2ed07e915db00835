"""Numbers and moves when many act at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import TypeVar

import pytest
from django.db import connection, connections

from scoc.command.cases import actions
from scoc.command.cases.models import Case, CaseFlow, State
from scoc.command.cases.schemas import CaseMoved
from scoc.command.cases.tests.factories import Cast, bring, make_cast, report, report_in, step
from scoc.core import now
from scoc.core.acting import unit_of_work
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import City

R = TypeVar("R")
THREADS = 8


def together(calls: list[Callable[[], R]]) -> list[R | Refusal]:
    """Do the calls at once, each in its own thread and connection; a refusal is an answer."""
    start = Barrier(len(calls))

    def run(call: Callable[[], R]) -> R | Refusal:
        try:
            start.wait(20)
            return call()
        except Refusal as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def crowd(committed: City) -> Cast:
    """The cast, really committed."""
    return make_cast(committed)


def test_reports_at_once_get_numbers_without_gap_or_double(crowd: Cast) -> None:
    reports = [report_in(crowd, external_id=f"X{n % 6}", source="52", evidence=[]) for n in range(THREADS)]
    answers = together([partial(actions.report_case, crowd.acceptor, each) for each in reports])
    made = [answer for answer in answers if isinstance(answer, CaseMoved)]
    refused = [answer.code for answer in answers if isinstance(answer, Refusal)]
    assert (len(made), refused) == (6, ["already_reported"] * 2)
    day = f"{now.city_now().astimezone(now.city_zone()):%Y%m%d}"
    assert sorted(case.case_no for case in made) == [f"990102{day}{n:05d}" for n in range(1, 7)]
    assert Case.objects.count() == 6


def test_one_of_many_clicks_moves_the_case(crowd: Cast) -> None:
    case = bring(crowd, State.ACCEPTED, report(crowd))
    answers = together([lambda: actions.file_case(crowd.leader, case.pk) for _ in range(THREADS)])
    assert sum(isinstance(answer, CaseMoved) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, Refusal)} == {"not_now"}
    flow = list(CaseFlow.objects.filter(case=case).order_by("version").values_list("version", "left_at"))
    assert [version for version, _ in flow] == [1, 2, 3]
    assert [left is None for _, left in flow] == [False, False, True]


def test_of_two_with_the_same_version_one_is_stale(crowd: Cast) -> None:
    case = bring(crowd, State.CHECKING, report(crowd))
    answers = together([
        lambda: actions.rework_case(crowd.leader, case.pk, "错台", version=case.version),
        lambda: actions.rework_case(crowd.leader, case.pk, "松动", version=case.version),
    ])  # fmt: skip
    assert sorted(answer.code if isinstance(answer, Refusal) else answer.state for answer in answers) == [
        "dispatched", "stale",
    ]  # fmt: skip
    case.refresh_from_db()
    assert case.rework_count == 1


@pytest.mark.only_on("postgresql", reason="SQLite's writers wait before they read anything")
def test_who_waited_for_a_dispatch_sees_all_of_it(crowd: Cast) -> None:
    case = bring(crowd, State.FILED, report(crowd))
    dispatched, signing = Event(), Event()

    def dispatch() -> CaseMoved:
        with unit_of_work(crowd.dispatcher):
            made = step(crowd, case.pk, "dispatch_case")
            dispatched.set()
            signing.wait(20)
            _until_somebody_waits()
            return made

    def sign() -> CaseMoved:
        dispatched.wait(20)
        signing.set()
        return step(crowd, case.pk, "sign_case")

    answers = together([dispatch, sign])
    assert [answer.state for answer in answers if isinstance(answer, CaseMoved)] == ["dispatched", "handling"]


def _until_somebody_waits() -> None:
    """Look until another connection waits for a lock of ours, at most some seconds."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), pg_sleep(0.05) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("Nobody waited for the dispatch, so nothing was shown.")
