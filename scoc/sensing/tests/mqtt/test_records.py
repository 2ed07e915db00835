"""Kept sessions and retained messages: stored before anybody is told so, and there again after a start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from scoc.sensing.models import MqttMessage, MqttReceived, MqttRetained, MqttSession, MqttSubscription
from scoc.sensing.mqtt import records
from scoc.sensing.mqtt.codec import Acknowledgement, Disconnect, Kind, P, Publish, Suback, Will
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.mqtt.records import Records
from scoc.sensing.tests.mqtt.peer import House, clause, house, run

KEEP = {P.SESSION_EXPIRY_INTERVAL: 600}
pytestmark = pytest.mark.usefixtures("committed")


@asynccontextmanager
async def kept_house(limits: Limits | None = None) -> AsyncIterator[House]:
    """A listener on the records store."""
    async with house(limits, store=Records()) as there:
        yield there


def rows() -> dict[str, int]:
    """How many rows there are."""
    tables = (MqttSession, MqttSubscription, MqttMessage, MqttReceived, MqttRetained)
    return {model.__name__.removeprefix("Mqtt").lower(): model.objects.count() for model in tables}


async def counted() -> dict[str, int]:
    """The same, beside the event loop."""

    def count() -> dict[str, int]:
        try:
            return rows()
        finally:
            connection.close()

    return await asyncio.to_thread(count)


@clause("4.1", "MQTT-4.1.0-1", "MQTT-4.1.0-2", "3.1.1:4.1")
@pytest.mark.parametrize("version", [4, 5])
def test_a_kept_session_outlives_the_process(version: int) -> None:
    keep: dict[str, Any] = {"properties": KEEP} if version == 5 else {}
    options: dict[str, Any] = {"properties": {P.SUBSCRIPTION_IDENTIFIER: 9}} if version == 5 else {}

    async def before() -> None:
        async with kept_house() as there:
            passing = await there.client("passing", version)
            await passing.subscribe("t/#")
            peer = await there.client("c", version, clean_start=False, **keep)
            await peer.subscribe("t/+", **options)
            there.broker.publish(Message("t/0", b"taken", 1))
            assert (await peer.message()).payload == b"taken"
            peer.send(Publish("q", b"x", 2, packet_id=70))
            assert (await peer.expect(Acknowledgement)).kind is Kind.PUBREC
            there.broker.publish(Message("t/1", b"had", 2))
            got = await peer.expect(Publish)
            peer.send(Acknowledgement(Kind.PUBREC, got.packet_id))
            assert await peer.expect(Acknowledgement) == Acknowledgement(Kind.PUBREL, got.packet_id)
            peer.cut()
            await there.until(lambda: there.broker.sessions["anybody", "c"].connection is None)
            sender = await there.client("s", version)
            found = {P.CONTENT_TYPE: "x/y", P.USER_PROPERTY: [("k", "v")]} if version == 5 else {}
            await sender.publish("t/2", b"waiting", properties=found)

    async def after() -> None:
        async with kept_house() as there:
            peer, answer = await there.connect("c", version, clean_start=False, **keep)
            assert answer.session_present
            assert (await peer.expect(Acknowledgement)).kind is Kind.PUBREL
            got = await peer.expect(Publish)
            assert (got.topic, got.payload) == ("t/2", b"waiting")
            if version == 5:
                assert got.properties == {
                    P.CONTENT_TYPE: "x/y", P.USER_PROPERTY: [("k", "v")], P.SUBSCRIPTION_IDENTIFIER: [9],
                }  # fmt: skip
            peer.send(Acknowledgement(Kind.PUBACK, got.packet_id))
            peer.send(Publish("q", b"x", 2, dup=True, packet_id=70), Acknowledgement(Kind.PUBREL, 70))
            assert [(await peer.expect(Acknowledgement)).kind for _ in range(2)] == [Kind.PUBREC, Kind.PUBCOMP]
            assert not there.policy.heard  # it was taken before
            there.broker.publish(Message("t/3", b"live", 1))
            assert (await peer.message()).payload == b"live"
            peer.send(Acknowledgement(Kind.PUBCOMP, 2))
            await peer.nothing()

    run(before())
    assert rows() == {"session": 1, "subscription": 1, "message": 2, "received": 1, "retained": 0}
    run(after())
    assert rows() == {"session": 1, "subscription": 1, "message": 0, "received": 0, "retained": 0}


def test_what_is_acknowledged_is_stored() -> None:
    async def course() -> None:
        async with kept_house() as there:
            reader = await there.client("r", properties=KEEP)
            assert (await reader.subscribe("t")).reasons == [2]
            assert (await counted())["subscription"] == 1
            reader.cut()
            await there.until(lambda: there.broker.sessions["anybody", "r"].connection is None)
            sender = await there.client("s")
            for number in range(1, 4):
                await sender.publish("t", b"x", packet_id=number)
                assert (await counted())["message"] == number
            await sender.publish("r", b"kept", packet_id=9, retain=True)
            assert (await counted())["retained"] == 1
            await sender.publish("r", b"", packet_id=9, retain=True)
            assert (await counted())["retained"] == 0
            await sender.publish("u", b"x", qos=2, packet_id=10)
            back = await there.client("r", clean_start=True, properties=KEEP)
            await back.subscribe("other")
            assert await counted() == {"session": 1, "subscription": 1, "message": 0, "received": 0, "retained": 0}
            back.send(Disconnect(0, {P.SESSION_EXPIRY_INTERVAL: 0}))
            await there.until(lambda: ("anybody", "r") not in there.broker.sessions)

    run(course())
    assert set(rows().values()) == {0}


def test_nothing_is_acknowledged_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, tried = threading.Event(), threading.Event()
    execute = records._execute

    def away(writes: list[records.Write]) -> None:
        if not gate.is_set():
            tried.set()
            raise OperationalError("away, as a test wants it")
        execute(writes)

    async def course() -> None:
        async with kept_house() as there:
            reader = await there.client("r", properties=KEEP)
            await reader.subscribe("t")
            reader.cut()
            await there.until(lambda: there.broker.sessions["anybody", "r"].connection is None)
            monkeypatch.setattr(records, "_execute", away)
            sender = await there.client("s")
            sender.send(Publish("t", b"1", 1, packet_id=1), Publish("other", b"2", 1, packet_id=2))
            await sender.nothing()
            await asyncio.to_thread(tried.wait)
            await sender.nothing()
            gate.set()
            got = [await sender.expect(Acknowledgement) for _ in range(2)]
            assert [one.packet_id for one in got] == [1, 2]

    monkeypatch.setattr(records, "RETRY_SECONDS", 0.01)
    run(course())
    assert rows()["message"] == 1


def test_what_comes_meanwhile_does_not_hurry_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new change would ask the database again, and tell of it in the log."""
    tried: list[int] = []

    def away(writes: list[records.Write]) -> None:
        tried.append(len(writes))
        raise OperationalError("away, as a test wants it")

    async def course() -> None:
        async with kept_house() as there:
            monkeypatch.setattr(records, "_execute", away)
            there.broker.publish(Message("t/0", b"x", retain=True))
            await there.until(lambda: tried)
            for number in range(1, 10):
                there.broker.publish(Message(f"t/{number}", b"x", retain=True))
                await counted()  # takes as long as another try would
            assert tried == [1]

    monkeypatch.setattr(records, "RETRY_SECONDS", 30.0)
    run(course())


def test_one_change_that_cannot_be_written_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def course() -> None:
        async with kept_house() as there:
            peer = await there.client("c", properties=KEEP)
            store: Any = there.broker.store
            store._put("INSERT INTO sensing_mqtt_received (session_id, packet_id) VALUES (%s, %s)", 1, None)
            answer = await peer.subscribe("t")
            assert isinstance(answer, Suback)

    run(course())
    assert rows()["subscription"] == 1


@clause("MQTT-3.1.2-8", "3.1.3.2.2")
def test_a_will_outlives_the_process() -> None:
    will = Will("wills/c", b"lost", 1, retain=True, properties={P.WILL_DELAY_INTERVAL: 300})

    async def before() -> None:
        async with kept_house() as there:
            peer = await there.client("c", properties=KEEP, will=will)
            peer.cut()
            await there.until(lambda: there.broker.sessions["anybody", "c"].connection is None)

    async def after() -> None:
        async with kept_house() as there:
            reader = await there.client("r")
            await reader.subscribe("wills/#")
            there.broker.wills.now(("anybody", "c"))
            assert (await reader.message()).payload == b"lost"

    async def at_last() -> None:
        async with kept_house() as there:
            assert there.broker.sessions["anybody", "c"].will is None
            reader = await there.client("r")
            await reader.subscribe("wills/#")
            assert (await reader.message()).retain

    for course in (before, after, at_last):
        run(course())


def test_a_will_of_a_killed_process_is_published_once() -> None:
    """It is published at the next start, and not again at each that follows; its session ended then as well."""
    will = Will("wills/c", b"lost", 1)

    async def before() -> None:
        async with kept_house() as there:
            await there.client("c", properties=KEEP, will=will)
            stored = asyncio.Event()
            there.broker.store.after(stored.set)
            await stored.wait()
            left.append(await asyncio.to_thread(_session))

    async def start() -> None:
        async with kept_house() as there:
            await (await there.client("r")).nothing()
            heard.append(len(there.policy.heard))

    left: list[dict[str, Any]] = []
    heard: list[int] = []
    run(before())
    assert left[0]["will"] is not None
    MqttSession.objects.update(**left[0])  # as a process that was killed leaves it
    run(start())
    ended = _session()["ended"]
    run(start())
    assert heard == [1, 0]
    assert ended is not None
    assert _session() == {"will": None, "ended": ended}


def _session() -> dict[str, Any]:
    """What is stored of the one session."""
    try:
        row = MqttSession.objects.get()
        return {"will": row.will, "ended": row.ended}
    finally:
        connection.close()


def test_a_session_that_nobody_comes_back_to_is_removed() -> None:
    async def course() -> None:
        async with kept_house() as there:
            peer = await there.client("c", properties=KEEP)
            await peer.subscribe("t")
            peer.cut()
            await there.until(lambda: there.broker.sessions["anybody", "c"].connection is None)
            there.broker.publish(Message("t", b"x", 1))
            there.broker.expire(micros_now() + 601_000_000)

    run(course())
    assert set(rows().values()) == {0}
