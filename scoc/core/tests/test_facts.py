"""The log of facts: canonical, without persons, written with its deliveries or not at all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.facts import (
    Code,
    Fact,
    News,
    body_of,
    fact,
    fact_from,
    on,
    on_commit_hint,
    pending,
    publish,
)
from scoc.core.facts import _listeners as listeners
from scoc.core.models import Delivery, FactRow
from scoc.core.tests.factories import City


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Fact):
    """A fact of these tests with every kind of field."""

    level: int
    wet: bool
    when: datetime
    by: Code | None = None
    parts: tuple[Code, ...] = ()


@pytest.fixture(autouse=True)
def _declared(_undeclared: None) -> None:
    fact("tests.measured", permission="tests.read", schema=3)(Measured)


BEIJING = timezone(timedelta(hours=8))
SAMPLE = Measured(
    subject=Code("tests:1"), level=7, wet=True, when=datetime(2026, 6, 15, 9, tzinfo=BEIJING), parts=(Code("a"),)
)
BODY = '{"by":null,"level":7,"parts":["a"],"subject":"tests:1","wet":true,"when":"2026-06-15T01:00:00.000000Z"}'


def tell(told: Fact = SAMPLE, *, area_id: int | None = None, organisation_id: int | None = None) -> FactRow:
    """Publish one fact of grade 3 and give its row."""
    with unit_of_work(system_actor("tests")):
        publish(told, area_id=area_id, organisation_id=organisation_id, grade=3)
    row = FactRow.objects.order_by("-id").first()
    assert row is not None
    return row


def tell_and_fail() -> None:
    """Publish in a unit of work that fails."""
    with unit_of_work(system_actor("tests")):
        publish(SAMPLE)
        raise ZeroDivisionError


def test_a_fact_is_stored_as_canonical_json_with_its_hash_and_schema(monday: datetime) -> None:
    row = tell()
    assert row.body == BODY
    assert row.digest == hashlib.sha256(BODY.encode()).hexdigest()
    assert (row.name, row.schema, row.happened_at) == ("tests.measured", 3, monday)
    assert row.recorded_at > monday


def test_a_fact_is_read_back_as_it_was(monday: datetime) -> None:
    read = fact_from("tests.measured", json.loads(tell().body))
    assert read == Measured(
        subject=Code("tests:1"), level=7, wet=True, when=datetime(2026, 6, 15, 1, tzinfo=UTC), parts=(Code("a"),)
    )


def test_facts_carry_place_organisation_and_grade(city: City) -> None:
    row = tell(area_id=city.east.pk, organisation_id=city.bureau.pk)
    assert (row.area_id, row.organisation_id, row.grade) == (city.east.pk, city.bureau.pk, 3)


@pytest.mark.parametrize("kind", [str, float, dict, list, bytes, object, str | None, tuple[str, ...]])
def test_a_field_that_could_hold_text_is_refused_at_declaration(kind: object) -> None:
    told: type[Fact] = type("Told", (Fact,), {"__annotations__": {"note": kind}})
    with pytest.raises(TypeError, match="may hold text"):
        fact("tests.told", permission="tests.read")(told)


@pytest.mark.parametrize("text", ["张三", "two words", "line\n", "x" * 81, "a;b", "é"])
def test_a_code_that_could_be_text_is_refused(city: City, text: str) -> None:
    with unit_of_work(system_actor("tests")), pytest.raises(ValueError, match="not a code"):
        publish(Measured(subject=Code("tests:1"), level=1, wet=False, when=SAMPLE.when, by=Code(text)))


@pytest.mark.parametrize("subject", ["", "tests", "tests:", ":1", "tests:" + "9" * 51, "tests:1\n", "Tests:1", "测:1"])
def test_a_subject_is_a_module_and_an_id(city: City, subject: str) -> None:
    with unit_of_work(system_actor("tests")), pytest.raises(ValueError, match="subject"):
        publish(Measured(subject=Code(subject), level=1, wet=False, when=SAMPLE.when))


def test_times_without_a_zone_are_refused(city: City) -> None:
    naive = datetime(2026, 6, 15)  # noqa: DTZ001  # that is the point
    with unit_of_work(system_actor("tests")):
        with pytest.raises(TypeError, match="zone"):
            publish(Measured(subject=Code("tests:1"), level=1, wet=False, when=naive))
        with pytest.raises(ValueError, match="zone"):
            publish(SAMPLE, happened_at=naive)


def test_equal_facts_have_equal_bodies() -> None:
    other = Measured(
        subject=Code("tests:1"), wet=True, level=7, parts=(Code("a"),), when=datetime(2026, 6, 15, 1, tzinfo=UTC)
    )
    assert body_of(other) == body_of(SAMPLE)


def test_each_handler_gets_a_delivery_in_the_same_transaction(city: City) -> None:
    def first(told: Measured, news: News) -> None:
        """One handler."""

    def second(told: Measured, news: News) -> None:
        """Another handler."""

    on(Measured)(first)
    on(Measured)(second)
    row = tell()
    rows = Delivery.objects.order_by("handler")
    assert [(d.handler, d.fact_id, d.run_id, d.correlation, d.state) for d in rows] == [
        (f"core.tests.test_facts.{name}", row.pk, city.run.pk, row.correlation, "waiting")
        for name in ("first", "second")
    ]
    with pytest.raises(ZeroDivisionError):
        tell_and_fail()
    assert FactRow.objects.count() == 1
    assert Delivery.objects.count() == 2


def test_two_handlers_of_one_fact_cannot_share_a_name() -> None:
    def first(told: Measured, news: News) -> None:
        """One handler."""

    on(Measured)(first)
    with pytest.raises(ValueError, match="Two handlers"):
        on(Measured)(first)


def test_two_facts_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="Two facts"):
        fact("tests.measured", permission="tests.read")(Measured)


def test_what_is_published_in_the_open_work_can_be_asked(city: City) -> None:
    with unit_of_work(system_actor("tests")):
        assert not pending("tests.measured", "tests:1")
        publish(SAMPLE)
        assert pending("tests.measured", "tests:1")
        assert not pending("tests.measured", "tests:2")


def test_listeners_are_told_after_a_commit_that_published(city: City) -> None:
    heard: list[int] = []
    on_commit_hint(lambda: heard.append(FactRow.objects.count()))
    try:
        tell()
        with unit_of_work(system_actor("tests")):
            pass
        with pytest.raises(ZeroDivisionError):
            tell_and_fail()
    finally:
        listeners.pop()
    assert heard == [1]
