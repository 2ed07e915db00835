"""Two workers measure at once: every window has one row of each revision, and one scheme holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

from django.db import connection

from scoc.command.indicators import actions
from scoc.command.indicators.health import compute_health
from scoc.command.indicators.models import HealthValue, IndexScheme, Indicator, IndicatorValue
from scoc.command.indicators.tests.factories import end_things, make_count, make_indicator
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.models import Area
from scoc.core.now import city_time
from scoc.core.tests.factories import City

MONDAY = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
ROUNDS = 5


def at_once(*works: Callable[[], object], moment: datetime = MONDAY) -> None:
    """Do all of these at one moment, each with a connection of its own. Raises what one of them raised."""
    start = Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            with city_time(moment):
                start.wait()
                work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(run, works))


def refresh() -> object:
    """The timed round."""
    return actions.refresh(system_actor("indicators"))


def compute(*codes: str) -> Callable[[], object]:
    """What a closed case asks for."""
    return lambda: actions.compute(system_actor("indicators"), codes)


def assert_each_once() -> None:
    """No window has two rows of one revision, and revisions count from one without a gap."""
    for model, names in (
        (IndicatorValue, ("code", "area_code", "window_start", "window_end")), (HealthValue, ("area_code", "at")),
    ):  # fmt: skip
        revisions: dict[tuple[object, ...], list[int]] = {}
        for *key, revision in model.objects.values_list(*names, "revision"):
            revisions.setdefault(tuple(key), []).append(revision)
        for key, found in revisions.items():
            assert sorted(found) == list(range(1, len(found) + 1)), (model.__name__, key)


def test_a_round_and_a_closed_case_at_once(committed: City) -> None:
    """Both want the same windows; one measures them, the other finds them measured."""
    make_indicator()
    make_count()
    for number in range(ROUNDS):
        with city_time(MONDAY):
            end_things(committed.east, MONDAY, good=number + 1)
        at_once(refresh, compute("TS01"), refresh, compute("TS02", "TS01"))
        assert_each_once()
    found = Counter(IndicatorValue.objects.values_list("code", "area_code"))
    assert found["TS01", committed.east.code] == found["TS02", committed.east.code] == ROUNDS


def test_the_first_index_of_a_city_is_made_once(committed: City) -> None:
    """Workers that share no indicator meet at the scheme only, and none is there to wait for."""
    make_indicator()
    areas = list(Area.objects.filter(level="city"))

    def index() -> None:
        with unit_of_work(system_actor("indicators")):
            compute_health(MONDAY, areas)

    at_once(*[index] * 4)
    assert list(IndexScheme.objects.values_list("version", "valid_to")) == [(1, None)]
    assert HealthValue.objects.count() == 1
    assert_each_once()


def test_a_changed_scheme_is_followed_by_one_version(committed: City) -> None:
    """Whoever waited while the old version ended goes on with the new one, instead of making another."""
    at_once(refresh)
    for weight in (1, 2, 3, 4):
        Indicator.objects.filter(valid_to=None).update(valid_to=MONDAY - timedelta(seconds=weight))
        make_indicator(weight=Decimal(weight))
        at_once(refresh, refresh, compute("TS01"), compute("TS01"))
        assert list(IndexScheme.objects.filter(valid_to=None).values_list("version", flat=True)) == [weight]
    assert IndexScheme.objects.count() == 4
    assert_each_once()
