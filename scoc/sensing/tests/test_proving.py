"""Accounts proved against the tables: what agrees is told to agree, and each kind of lie is found."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.measures import Window, take
from scoc.core.models import FactRow
from scoc.core.now import city_time, city_today, current_run, wall_now
from scoc.core.refusals import NotAllowed
from scoc.core.tasks import deliver_all, enqueue
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions, queries
from scoc.sensing.models import Account, AccountProof, Device, Observation, RejectedCount
from scoc.sensing.proving import findings
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import T0, make_device, readings
from scoc.sensing.tests.sta_parts import keeper, post, send, stream_of

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db
MONDAY = date(2026, 6, 15)
SYSTEM = "sensing"


def bring(day: datetime = T0) -> None:
    """Readings of two devices: 5 stored, 2 repeated, 2 rejected, of which one of nobody."""
    with city_time(day + timedelta(hours=1)):
        for key in ("dev-a", "dev-b"):
            device = Device.objects.get(key=key)
            rows = readings(device, 1.0, 2.0, start=day)
            actions.ingest(system_actor(SYSTEM), "simulator", [*rows, rows[0]])
        last = [Reading("dev-a", "pm25", day, -1.0), Reading("x", "pm25", day, 1.0),
                Reading("dev-a", "pm25", day + timedelta(minutes=9), 1.0)]  # fmt: skip
        actions.ingest(system_actor(SYSTEM), "other", last)


@pytest.fixture
def monday_brought(city: City, monday: datetime) -> None:
    """A day before, which is the first with accounts, and the day."""
    make_device("dev-a", area=city.east)
    make_device("dev-b", area=city.west)
    bring(T0 - timedelta(days=1))
    bring()


def told() -> list[tuple[str, str, str, int, int]]:
    """What does not agree on the day."""
    return [(one.kind, one.source, one.device_key, one.expected, one.found)
            for one in findings(current_run(), MONDAY)]  # fmt: skip


@pytest.mark.usefixtures("monday_brought")
def test_what_agrees_is_proved_every_hour() -> None:
    assert told() == []
    assert findings(current_run(), MONDAY - timedelta(days=1)) == []
    enqueue("sensing.prove_accounts")
    enqueue("sensing.prove_last_day")
    deliver_all()
    proofs = AccountProof.objects.order_by("day").values_list("day", "received", "wrong", "amiss", "findings")
    assert list(proofs) == [(MONDAY - timedelta(days=1), 9, 0, 0, []), (MONDAY, 9, 0, 0, [])]
    assert not FactRow.objects.filter(name__startswith="sensing.accounts").exists()


@pytest.mark.usefixtures("monday_brought")
def test_each_kind_of_lie_is_found_and_told_once_until_it_is_mended(caplog: pytest.LogCaptureFixture) -> None:
    mine = Account.objects.filter(day=MONDAY, source="simulator", device_key="dev-b")
    mine.update(received=F("received") + 3)
    Observation.objects.filter(
        datastream__device__key="dev-a", at__gte=T0 + timedelta(minutes=9)
    ).delete()  # past everything that accounts for it
    RejectedCount.objects.filter(day=MONDAY, source="other", device_key="").update(n=F("n") + 1)
    assert told() == [
        ("balance", "simulator", "dev-b", 6, 3), ("rejected", "other", "", 1, 2), ("stored", "", "dev-a", 3, 2),
    ]  # fmt: skip
    for _ in range(2):
        enqueue("sensing.prove_accounts")
        deliver_all()
    proof = AccountProof.objects.get()
    assert (proof.wrong, proof.amiss) == (3, 5)
    assert proof.findings[0]["kind"] == "balance"
    assert "3 accounts of 2026-06-15 do not agree" in caplog.text
    fact = FactRow.objects.get(name="sensing.accounts_disagreed")
    assert fact.subject == "sensing:accounts-2026-06-15"
    mine.update(received=F("received") - 3)
    Account.objects.filter(day=MONDAY, source="other", device_key="dev-a").update(withdrawn=1)
    RejectedCount.objects.filter(day=MONDAY, source="other", device_key="").update(n=1)
    enqueue("sensing.prove_accounts")
    deliver_all()
    assert AccountProof.objects.get().wrong == 0
    assert FactRow.objects.filter(name="sensing.accounts_agreed").count() == 1


@pytest.mark.usefixtures("monday_brought")
def test_readings_in_no_account_are_found() -> None:
    Account.objects.filter(day=MONDAY, device_key="dev-b").delete()
    assert told() == [("stored", "", "dev-b", 0, 2)]


@pytest.mark.usefixtures("monday_brought")
def test_the_clock_may_be_set_back() -> None:
    bring(T0 - timedelta(days=1, hours=-3))
    assert told() == []
    assert findings(current_run(), MONDAY - timedelta(days=1)) == []
    Account.objects.filter(day=MONDAY, source="simulator", device_key="dev-a").update(received=0)
    assert told() == [("balance", "simulator", "dev-a", 0, 3)]


def test_removing_and_moving_leave_it_proved(keeper: Actor) -> None:
    first, second = stream_of(keeper), stream_of(keeper)
    path = f"Datastreams({first})/Observations"
    made = [post(keeper, path, {"result": n, "phenomenonTime": f"2026-06-14T{n}:00:00Z"}) for n in (10, 11, 12)]
    send(keeper, "DELETE", f"Observations({made[0]})")
    send(keeper, "PATCH", f"Observations({made[1]})", {"Datastream": {"@iot.id": second}})
    assert findings(current_run(), city_today()) == []
    send(keeper, "DELETE", f"Datastreams({second})")
    send(keeper, "DELETE", f"Observations({made[2]})")
    assert findings(current_run(), city_today()) == []


# --- how they are read


def reader(**scope: Any) -> Actor:
    """Somebody who may read accounts within a scope."""
    return make_actor("sensing.read_accounting", **scope)


def page_of(**asked: Any) -> PageQuery:
    """A page, by default the first."""
    return PageQuery(**asked)


@pytest.mark.usefixtures("monday_brought")
def test_accounts_are_read_by_source_and_device_page_by_page() -> None:
    viewer = reader()
    first = queries.accounting(viewer, page_of(limit=3), MONDAY)
    rest = queries.accounting(viewer, page_of(limit=3, cursor=first.next), MONDAY)
    assert (first.total, rest.next) == (4, None)
    assert [
        (row.source, row.device_key, row.received, row.stored, row.duplicate, row.rejected, row.gap)
        for row in [*first.items, *rest.items]
    ] == [
        ("other", "", 1, 0, 0, 1, 0), ("other", "dev-a", 2, 1, 0, 1, 0), ("simulator", "dev-a", 3, 2, 1, 0, 0),
        ("simulator", "dev-b", 3, 2, 1, 0, 0),
    ]  # fmt: skip
    assert [row.device_key for row in queries.accounting(viewer, page_of(), MONDAY, source="other").items] == [
        "", "dev-a",
    ]  # fmt: skip
    assert len(queries.accounting(viewer, page_of(), MONDAY, device_key="dev-a").items) == 2
    assert queries.accounting(viewer, page_of(), MONDAY, gap=True).items == []
    Account.objects.filter(day=MONDAY, source="simulator", device_key="dev-b").update(received=1)
    assert [row.gap for row in queries.accounting(viewer, page_of(), MONDAY, gap=True).items] == [-2]
    sums = queries.accounting_sums(viewer, MONDAY - timedelta(days=1), MONDAY)
    assert [(row.day.day, row.source, row.received, row.stored, row.gap) for row in sums] == [
        (15, "other", 3, 1, 0), (15, "simulator", 4, 4, 2), (14, "other", 3, 1, 0), (14, "simulator", 6, 4, 0),
    ]  # fmt: skip


@pytest.mark.usefixtures("monday_brought")
def test_everybody_sees_their_own_scope(city: City) -> None:
    Account.objects.filter(day=MONDAY, device_key="dev-b").update(received=0)
    enqueue("sensing.prove_accounts")
    deliver_all()
    viewer = reader(scope="area_below", area=city.east)
    page = queries.accounting(viewer, page_of(), MONDAY)
    assert [(row.source, row.device_key) for row in page.items] == [("other", "dev-a"), ("simulator", "dev-a")]
    assert sum(row.received for row in queries.accounting_sums(viewer, MONDAY, MONDAY)) == 5
    [proof] = queries.accounting_proofs(viewer, MONDAY, MONDAY)
    assert (proof.wrong, proof.findings) == (1, [])
    [proof] = queries.accounting_proofs(reader(), MONDAY, MONDAY)
    assert [(one.kind, one.device_key) for one in proof.findings] == [("balance", "dev-b")]
    with pytest.raises(NotAllowed):
        queries.accounting(make_actor("sensing.read_rejected"), page_of(), MONDAY)


@pytest.mark.usefixtures("monday_brought")
def test_the_gap_is_a_measure() -> None:
    def measured(start: datetime, end: datetime) -> Any:
        return take(system_actor(SYSTEM), "sensing.accounting_gap", Window(start, end, wall_now()))

    day = T0, T0 + timedelta(hours=1)
    assert (measured(*day).numerator, measured(*day).samples) == (0, 9)
    Account.objects.filter(day=MONDAY, source="simulator", device_key="dev-b").update(received=1)
    assert measured(*day).numerator == 2  # at once
    Observation.objects.filter(datastream__device__key="dev-a", at__gte=T0 + timedelta(minutes=9)).delete()
    assert measured(*day).numerator == 2
    enqueue("sensing.prove_accounts")
    deliver_all()
    found = measured(*day)
    assert (found.numerator, found.denominator, found.samples) == (3, None, 7)
    other = datetime(2026, 6, 20, tzinfo=UTC)
    assert (measured(other, other).numerator, measured(other, other).samples) == (0, 0)
