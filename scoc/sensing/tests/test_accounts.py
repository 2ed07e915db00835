"""Accounts of what came: received = stored + duplicate + rejected at every door; what was not committed is in none."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from django.db import OperationalError, connection

from scoc.core.access import system_actor
from scoc.core.acting import Actor, unit_of_work
from scoc.core.fields import to_micros
from scoc.core.now import city_time, city_today, current_run, in_run, wall_now
from scoc.core.tests.factories import City
from scoc.sensing import actions
from scoc.sensing.ingest import commits
from scoc.sensing.ingest.taking import take
from scoc.sensing.models import Account, Device, Observation, Rejected, RejectedCount
from scoc.sensing.proving import findings
from scoc.sensing.schemas import Reading
from scoc.sensing.sta.batching import batch
from scoc.sensing.sta.doing import Asked, Caller, Done, do, stored
from scoc.sensing.sta.observing import Unfit
from scoc.sensing.tests.factories import T0, line_of, make_device, readings
from scoc.sensing.tests.mqtt.test_devices import hub
from scoc.sensing.tests.sta_parts import BUOY, ROOT, STREAM, get, keeper, post, send, stream_of
from scoc.sensing.tests.test_lean import at, opened, token_for
from scoc.sensing.tests.test_sta_serving import ask, bearer
from scoc.sensing.things import follow_devices

__all__ = ["bearer", "keeper"]  # fixtures
Line = tuple[int, int, int, int, int]


def accounts() -> dict[tuple[str, str], Line]:
    """By source and device: received, stored, duplicate, rejected, and requests that were refused."""
    rows = list(Account.objects.all())
    for row in rows:
        assert row.received == row.stored + row.duplicate + row.rejected
        assert row.first_recorded <= row.last_recorded
    return {
        (row.source, row.device_key): (row.received, row.stored, row.duplicate, row.rejected, row.requests)
        for row in rows
    }  # fmt: skip


def run(coroutine: Any) -> Any:
    """One course of requests."""
    return asyncio.run(coroutine)


@pytest.fixture
def device(committed: City) -> Device:
    """A committed device: doors have connections of their own."""
    return make_device("dev-a")


# --- HTTP


def test_readings_by_http(device: Device) -> None:
    token = token_for(device)
    good, other = ({"property": "pm25", "at": at(90 - n), "value": n} for n in (0, 20))
    rows = [
        good, good, other,  # stored, a repeat, stored
        {**good, "value": "12"}, {**good, "device_key": "dev-b"}, {**good, "device_key": 5}, {**good, "valeu": 1}, 7,
    ]  # fmt: skip
    twice = b'{"device_key": "made-up", "device_key": "dev-b", "property": "pm25", "at": "x", "value": 1}'

    async def course() -> None:
        async with opened(token) as post:
            await post(rows)
            await post(good)  # a repeat
            await post(body=twice)
            await post([])
            await post(body=b"{")  # from here on no reading is looked at
            await post(body=b" " * 2_000_000)
            await post({}, Authorization="Bearer nonsense")

    run(course())
    # whatever a sender says of the device, it is of the one whose credential was shown
    assert accounts() == {("http", "dev-a"): (10, 2, 2, 6, 2), ("http", ""): (0, 0, 0, 0, 1)}
    counted = {(row.device_key, row.reason): row.n for row in RejectedCount.objects.all()}
    assert counted == {
        ("dev-a", "wrong_type"): 2, ("dev-a", "other_device"): 1, ("dev-a", "malformed"): 4, ("dev-a", "too_large"): 1,
        ("", "wrong_credential"): 1,
    }  # fmt: skip
    assert findings(current_run(), city_today()) == []


def test_many_devices_in_one_commit(device: Device) -> None:
    tokens = [token_for(device), token_for(make_device("dev-b"))]
    moments = [at(600 - n) for n in range(40)]

    async def course() -> None:
        async with opened() as post:
            await asyncio.gather(
                *(post([{"property": "pm25", "at": moments[n // 2 * 2], "value": n}, 7],
                       Authorization=f"Bearer {tokens[n % 3 == 0]}") for n in range(40))
            )  # fmt: skip

    run(course())
    # 14 of 40 are the second device's (every third); with two in one moment of one device one is a repeat: of pairs
    # (n, n + 1) whose neither is a multiple of 3, which are those with n = 4, 10, 16, …, 34
    assert accounts() == {("http", "dev-a"): (52, 20, 6, 26, 0), ("http", "dev-b"): (28, 14, 0, 14, 0)}


def test_a_batch_that_cannot_be_written_is_rejected_and_its_neighbours_are_stored(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_for(device)
    failures = [OperationalError("gone")]

    def spoilt(columns: Any, **options: Any) -> Any:
        if 66.0 in columns.value:
            raise ValueError("spoilt")
        if 77.0 in columns.value and failures:
            raise failures.pop()
        return take(columns, **options)

    monkeypatch.setattr(commits, "take", spoilt)
    moments = [at(60 + n) for n in range(20)]

    async def course() -> list[int]:
        async with opened(token) as post:
            bodies = [[{"property": "pm25", "at": moments[n], "value": n}] for n in range(18)]
            bodies[7] = [{"property": "pm25", "at": moments[n], "value": 66} for n in (7, 18, 19)]
            answers = await asyncio.gather(*(post(body) for body in bodies))
            away = await post({"property": "pm25", "at": at(10), "value": 77})
            again = await post({"property": "pm25", "at": at(10), "value": 77})
            return [answer.status_code for answer in (*answers, away, again)]

    assert run(course()) == [200] * 7 + [500] + [200] * 10 + [503, 201]
    # 17 + 1 are stored; the three of the poison are rejected; those that met no database are in no account
    assert accounts() == {("http", "dev-a"): (21, 18, 0, 3, 0)}
    assert RejectedCount.objects.get(reason="fault").n == 3


def test_what_is_rolled_back_is_in_no_account(device: Device) -> None:
    actor = system_actor("sensing")

    def course() -> None:
        with unit_of_work(actor):
            actions.ingest(actor, "simulator", readings(device, 1.0, -5.0, start=wall_now() - timedelta(hours=1)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        course()
    assert (Observation.objects.count(), accounts()) == (0, {})


def test_two_writers_lose_no_count(device: Device) -> None:
    """Two processes' writers, here threads, take the same readings at once, again and again."""
    start = Barrier(2)
    meters = [device, *(make_device(f"dev-{n}") for n in range(5))]
    begin = wall_now() - timedelta(hours=1)

    def work(number: int) -> None:
        start.wait()
        try:
            for n in range(10):
                rows = [row for one in (meters if number else meters[::-1])
                        for row in readings(one, 1.0, 2.0, -1.0, start=begin + timedelta(minutes=n))]  # fmt: skip
                actions.ingest(system_actor("sensing"), "simulator", [*rows, Reading("nobody", "pm25", begin, 1.0)])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    # each of both brings 3 readings × 10 rounds of each device; of 2 × 10 good ones, a minute apart, 11 are different
    expected = {("simulator", one.key): (60, 11, 29, 20, 0) for one in meters}
    assert accounts() == {**expected, ("simulator", ""): (20, 0, 0, 20, 0)}
    assert findings(current_run(), city_today()) == []


# --- MQTT


def test_readings_by_mqtt(device: Device) -> None:
    token = token_for(device).encode()
    good = {"property": "pm25", "at": at(), "value": 3}
    other = {"property": "pm25", "at": at(30), "value": "x"}

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("any-id", 5, username="dev-a", password=token)
            for number, body in enumerate((good, [good, other], other, [])):
                await peer.publish("telemetry/dev-a", json.dumps(body).encode(), 1, packet_id=number + 1)
            await peer.publish("telemetry/dev-a", b"{", 1, packet_id=8)
            await peer.publish("telemetry/dev-b", json.dumps(good).encode(), 1, packet_id=9)

    run(course())
    # refused as a whole: what is no JSON, and what is published for another device
    assert accounts() == {("mqtt", "dev-a"): (4, 1, 1, 2, 2)}


# --- SensorThings


def key_of(stream: int) -> str:
    """The device of a datastream."""
    return Device.objects.get(datastreams=stream).key


def test_observations_one_by_one_over_http(bearer: dict[str, str]) -> None:
    thing = ask("POST", "/sta/v1.1/Things", BUOY, **bearer).headers["location"]
    stream = int(msgspec.json.decode(ask("GET", f"{thing}/Datastreams", **bearer).content)["value"][0]["@iot.id"])
    path, when = f"/sta/v1.1/Datastreams({stream})/Observations", "2026-06-14T12:00:00+08:00"
    bodies: list[Any] = [
        {"result": 1, "phenomenonTime": when}, {"result": 2, "phenomenonTime": when},  # it keeps repeats
        {"result": 1, "phenomenonTime": "soon"}, {"result": 1, "phenomenonTime": "2999-01-01T00:00:00Z"}, [3], b"{",
    ]  # fmt: skip
    codes = [ask("POST", path, body, **bearer).status_code for body in bodies]
    assert codes == [201, 201, 400, 400, 400, 400]
    linked = {"Datastream": {"@iot.id": stream}}
    assert ask("POST", "/sta/v1.1/Observations", {**linked, "colour": 1}, **bearer).status_code == 400
    nobodys: list[dict[str, Any]] = [
        {}, {"Datastream": {"@iot.id": 2**64}}, {"Datastream": {"@iot.id": 9999}, "colour": 1},
    ]  # fmt: skip
    for nobody in nobodys:
        assert ask("POST", "/sta/v1.1/Observations", {"result": 1, **nobody}, **bearer).status_code == 400
    # two came with the thing itself; what is no JSON object is no reading
    assert accounts() == {
        ("sensorthings", key_of(stream)): (7, 4, 0, 3, 0), ("sensorthings", ""): (3, 0, 0, 3, 2),
    }  # fmt: skip


def test_data_arrays_over_http(device: Device, bearer: dict[str, str]) -> None:
    follow_devices(Device.objects.all())
    noon = "2026-06-14T12:00:00Z"
    rows = [[noon, 1], ["2026-06-14T13:00:00Z", 2], [noon, 3], ["never", 4], [5], ["2999-01-01T00:00:00Z", 6]]
    block = {"Datastream": {"@iot.id": line_of(device).pk}, "components": ["phenomenonTime", "result"],
             "dataArray": rows}  # fmt: skip
    answer = ask("POST", "/sta/v1.1/CreateObservations", [block], **bearer)
    assert [one.startswith("error") for one in answer.json()] == [False, False, False, True, True, True]
    assert accounts() == {("sensorthings", "dev-a"): (6, 2, 1, 3, 0)}
    assert Rejected.objects.filter(device_key="dev-a").count() == 3
    assert ask("POST", "/sta/v1.1/CreateObservations", [{**block, "dataArray": 7}], **bearer).status_code == 400
    assert accounts()["sensorthings", ""] == (0, 0, 0, 0, 1)


@pytest.mark.django_db
def test_batches_and_what_hangs_inside_of_others(keeper: Actor) -> None:
    stream = stream_of(keeper)
    whole = {"requests": [
        {"id": "1", "method": "post", "url": f"Datastreams({stream})/Observations", "body": {"result": 1}},
        {"id": "2", "method": "post", "url": f"Datastreams({stream})/Observations", "body": {"result": "?", "x": 1}},
    ]}  # fmt: skip
    refused: list[Exception] = []

    def tell(error: Exception) -> Done:
        refused.append(error)
        return Done(400)

    batch(Caller(keeper, ROOT), msgspec.json.encode(whole), "application/json", tell)
    assert accounts() == {("sensorthings", key_of(stream)): (1, 1, 0, 0, 0)}
    [error] = refused
    assert isinstance(error, Unfit)  # whoever tells it counts it
    assert error.device_key == key_of(stream)
    mast = post(keeper, "Things", {"name": "塔", "description": "A mast"})
    observations = [{"result": n, "phenomenonTime": f"2026-06-14T{n}:00:00Z"} for n in (10, 11, 11)]
    deep = {**STREAM, "Thing": {"@iot.id": mast}, "Observations": observations}
    made = post(keeper, "Datastreams", deep)
    assert accounts()["sensorthings", key_of(made)] == (3, 3, 0, 0, 0)


@pytest.mark.django_db
def test_observations_of_a_drill_are_in_its_account(keeper: Actor) -> None:
    stream = stream_of(keeper)
    caller = Caller(keeper, ROOT)
    with in_run(current_run()):
        rows = do(caller, Asked("POST", f"Datastreams({stream})/Observations", "", b'{"result": 1}'))
        assert not isinstance(rows, Done)
        assert (rows.received, rows.run_id) == ({key_of(stream): 1}, current_run())
        stored(keeper, rows)
    assert Account.objects.get().run_id == current_run()


@pytest.mark.django_db
def test_what_is_removed_or_moved_was_stored_all_the_same(keeper: Actor) -> None:
    first = stream_of(keeper)
    other = post(keeper, "Things", {"name": "塔", "description": "A mast", "Datastreams": [STREAM]})
    second = int(get(keeper, f"Things({other})/Datastreams")["value"][0]["@iot.id"])
    path = f"Datastreams({first})/Observations"
    bodies = [{"result": n, "phenomenonTime": f"2026-06-14T{n}:00:00Z"} for n in (10, 11, 12)]
    made = [post(keeper, path, body) for body in bodies]
    send(keeper, "DELETE", f"Observations({made[0]})")
    send(keeper, "PATCH", f"Observations({made[1]})", {"Datastream": {"@iot.id": second}})
    keys = key_of(first), key_of(second)
    assert accounts() == {("sensorthings", keys[0]): (3, 3, 0, 0, 0), ("sensorthings", keys[1]): (0, 0, 0, 0, 0)}
    assert dict(Account.objects.values_list("device_key", "withdrawn")) == {keys[0]: 2, keys[1]: -1}
    send(keeper, "DELETE", f"Datastreams({second})")
    assert dict(Account.objects.values_list("device_key", "withdrawn")) == {keys[0]: 2, keys[1]: 0}


# --- the actions of other modules


@pytest.mark.django_db
def test_live_readings_of_the_simulator(city: City, monday: datetime) -> None:
    device = make_device("dev-a")
    rows = [*readings(device, 1.0, 2.0, 2000.0), readings(device, 9.0)[0], Reading("dev-x", "pm25", T0, 1.0),
            Reading("made-up", "pm25", T0, 1.0), Reading("dev-a", "ozone", T0, 1.0)]  # fmt: skip
    actions.ingest(system_actor("sensing"), "simulator", rows)
    actions.ingest(system_actor("sensing"), "simulator", rows[:2])
    assert accounts() == {("simulator", "dev-a"): (7, 2, 3, 2, 0), ("simulator", ""): (2, 0, 0, 2, 0)}
    assert Account.objects.get(device_key="").day.isoformat() == "2026-06-15"


def table(*rows: tuple[str | None, str, int | None, float | None]) -> list[Any]:
    """A record batch."""
    keys, names, ats, values = zip(*rows, strict=True)
    return [pa.record_batch({
        "device_key": pa.array(keys, pa.string()), "property": pa.array(names, pa.string()),
        "at_micros": pa.array(ats, pa.int64()), "value": pa.array(values, pa.float64()),
    })]  # fmt: skip


@pytest.mark.django_db
def test_an_import_and_the_same_again(city: City, monday: datetime) -> None:
    make_device("dev-a")
    make_device("dev-b")
    t = to_micros(T0)
    rows = table(
        ("dev-a", "pm25", t, 1.0), ("dev-a", "pm25", t, 2.0), ("dev-a", "pm25", t + 1, None),
        ("dev-a", "pm25", t, -1.0),
        ("dev-b", "pm25", t, 1.0), ("dev-b", "ozone", t, 1.0), ("dev-b", "pm25", None, 1.0),
        ("nobody", "pm25", t, 1.0), (None, "pm25", t, 1.0),
    )  # fmt: skip
    actor = system_actor("sensing")
    actions.import_table(actor, "archive", rows)
    first = {("archive", "dev-a"): (3, 1, 1, 1, 0), ("archive", "dev-b"): (3, 1, 0, 2, 0),
             ("archive", ""): (2, 0, 0, 2, 0)}  # fmt: skip
    assert accounts() == first  # a missing value is no reading
    actions.import_table(actor, "archive", rows)
    assert accounts() == {
        ("archive", "dev-a"): (6, 1, 3, 2, 0), ("archive", "dev-b"): (6, 1, 1, 4, 0), ("archive", ""): (4, 0, 0, 4, 0),
    }  # fmt: skip


@pytest.mark.django_db
def test_each_city_day_has_its_account(city: City, monday: datetime) -> None:
    device = make_device("dev-a")
    for hour in (15, 16):  # midnight in the city is 16:00 UTC
        moment = datetime(2026, 6, 15, hour, 30, tzinfo=UTC)
        with city_time(moment):
            actions.ingest(system_actor("sensing"), "simulator", readings(device, 1.0, start=moment))
    days = Account.objects.order_by("day").values_list("day", "received", "stored")
    assert [(day.isoformat(), *numbers) for day, *numbers in days] == [("2026-06-15", 1, 1), ("2026-06-16", 1, 1)]
