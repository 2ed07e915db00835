"""Sessions and wills: what outlives a connection, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from scoc.sensing.mqtt.codec import Acknowledgement, Disconnect, Kind, P, Publish, Reason, SubscribeItem, Will
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Client, Message
from scoc.sensing.tests.mqtt.peer import House, Open, clause, house, run

KEEP = {P.SESSION_EXPIRY_INTERVAL: 60}
KEY = ("anybody", "c")


async def gone(there: House, client_id: str = "c") -> None:
    """Until a client's connection has ended."""

    def away() -> bool:
        session = there.broker.sessions.get(("anybody", client_id))
        return session is None or session.connection is None

    await there.until(away)


@clause("MQTT-3.1.2-4", "MQTT-3.1.2-5", "MQTT-3.1.2-6", "MQTT-3.1.2-23", "MQTT-3.2.2-2", "MQTT-3.2.2-3",
        "3.1.1:MQTT-3.1.2-4", "3.1.1:MQTT-3.1.2-6", "3.1.1:MQTT-3.2.2-1", "3.1.1:MQTT-3.2.2-2")  # fmt: skip
@pytest.mark.parametrize("version", [4, 5])
def test_a_session_is_kept_as_long_as_asked_for(version: int) -> None:
    keep: dict[str, Any] = {"properties": KEEP} if version == 5 else {}

    async def course() -> None:
        async with house() as there:
            first = await there.client("c", version, clean_start=False, **keep)
            await first.subscribe("t", "u/+")
            first.cut()
            await gone(there)
            for qos in (0, 1, 2):
                there.broker.publish(Message("t", b"%d" % qos, qos))
            second, answer = await there.connect("c", version, clean_start=False, **keep)
            assert answer.session_present
            assert [(await second.message()).payload for _ in range(2)] == [b"1", b"2"]
            second.cut()
            await gone(there)
            third, answer = await there.connect("c", version, clean_start=True, **keep)
            assert not answer.session_present
            there.broker.publish(Message("t", b"x", 1))
            await third.nothing()

    run(course())


@clause("MQTT-3.1.2-23", "3.1.2.11.2")
def test_a_session_ends_with_its_connection_or_after_its_expiry() -> None:
    async def course() -> None:
        policy = Open()
        async with house(policy=policy) as there:
            peer = await there.client("c")
            await peer.subscribe("a")
            peer.cut()
            await gone(there)
            assert there.broker.sessions == {}
            peer = await there.client("c", properties=KEEP)
            await peer.subscribe("b")
            peer.cut()
            await gone(there)
            there.broker.expire(micros_now() + 59_000_000)
            assert set(there.broker.sessions) == {KEY}
            there.broker.expire(micros_now() + 61_000_000)
            assert there.broker.sessions == {}
            assert policy.ended == ["a", "b"]
            assert there.broker.router.size() == 0
            assert not there.broker.per_principal

    run(course())


@clause("MQTT-3.14.2-2", "3.14.2.2.2")
def test_disconnect_may_change_the_expiry_but_not_from_nothing() -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c", properties=KEEP)
            peer.send(Disconnect(0, {P.SESSION_EXPIRY_INTERVAL: 0}))
            assert await peer.ended() == []
            assert there.broker.sessions == {}
            peer = await there.client("c")
            peer.send(Disconnect(0, {P.SESSION_EXPIRY_INTERVAL: 10}))
            assert (await peer.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR

    run(course())


@clause("MQTT-4.4.0-1", "MQTT-4.4.0-2", "MQTT-3.3.1-1", "MQTT-3.3.1-3", "MQTT-4.6.0-1", "MQTT-4.6.0-5", "MQTT-4.6.0-6",
        "MQTT-4.3.3-7", "3.1.1:MQTT-4.4.0-1", "3.1.1:MQTT-3.3.1-1", "3.1.1:MQTT-4.6.0-1",
        "3.1.1:MQTT-4.6.0-6")  # fmt: skip
@pytest.mark.parametrize("version", [4, 5])
def test_what_was_not_acknowledged_is_sent_again_in_its_order(version: int) -> None:
    keep: dict[str, Any] = {"properties": {**KEEP, P.RECEIVE_MAXIMUM: 4}} if version == 5 else {}

    async def course() -> None:
        async with house(Limits(inflight=4)) as there:
            first = await there.client("c", version, clean_start=False, **keep)
            await first.subscribe("t")
            for number in range(6):
                there.broker.publish(Message("t", b"%d" % number, 1 + number % 2))
            got = [await first.expect(Publish) for _ in range(4)]
            first.send(Acknowledgement(Kind.PUBREC, got[1].packet_id))
            released = await first.expect(Acknowledgement)
            assert released == Acknowledgement(Kind.PUBREL, got[1].packet_id)
            first.cut()
            await gone(there)
            second = await there.client("c", version, clean_start=False, **keep)
            assert await second.expect(Acknowledgement) == released
            again = [await second.expect(Publish) for _ in range(3)]
            assert [(one.payload, one.dup, one.packet_id) for one in again] == [
                (got[number].payload, True, got[number].packet_id) for number in (0, 2, 3)
            ]
            second.send(Acknowledgement(Kind.PUBCOMP, got[1].packet_id))
            fresh = await second.expect(Publish)
            assert (fresh.payload, fresh.dup) == (b"4", False)

    run(course())


@clause("MQTT-3.1.4-3", "MQTT-3.1.4-4", "3.1.1:MQTT-3.1.4-2")
@pytest.mark.parametrize("version", [4, 5])
def test_a_newer_connection_takes_a_session_over(version: int) -> None:
    keep: dict[str, Any] = {"properties": KEEP} if version == 5 else {}

    async def course() -> None:
        async with house() as there:
            first = await there.client("c", version, clean_start=False, **keep)
            await first.subscribe("t")
            second, answer = await there.connect("c", version, clean_start=False, **keep)
            assert answer.session_present
            last = await first.ended()
            assert [one.reason for one in last if isinstance(one, Disconnect)] == (
                [Reason.SESSION_TAKEN_OVER] if version == 5 else []
            )
            there.broker.publish(Message("t", b"x", 1))
            assert (await second.message()).payload == b"x"
            await there.until(lambda: len(there.broker.connections) == 1)
            await second.nothing()

    run(course())


@clause("3.8.4")
def test_rights_are_asked_again_when_a_session_goes_on() -> None:
    async def course() -> None:
        policy = Open()
        async with house(policy=policy) as there:
            peer = await there.client("c", properties=KEEP)
            await peer.subscribe("a", "b")
            peer.cut()
            await gone(there)

            async def less(client: Client, item: SubscribeItem) -> int:
                return 1 if item.filter == "a" else Reason.NOT_AUTHORIZED

            policy.grant = less
            back = await there.client("c", clean_start=False, properties=KEEP)
            there.broker.publish(Message("b", b"x", 1))
            there.broker.publish(Message("a", b"y", 2))
            got = await back.message()
            assert (got.topic, got.qos) == ("a", 1)
            assert policy.ended == ["b"]

    run(course())


def test_what_waits_for_a_client_is_bounded() -> None:
    async def course() -> None:
        async with house(Limits(queued=3)) as there:
            peer = await there.client("c", properties=KEEP)
            await peer.subscribe("t")
            peer.cut()
            await gone(there)
            for number in range(5):
                there.broker.publish(Message("t", b"%d" % number, 1))
            assert there.broker.counts["dropped"] == 2
            back = await there.client("c", clean_start=False, properties=KEEP)
            assert [(await back.message()).payload for _ in range(3)] == [b"0", b"1", b"2"]
            await back.nothing()

    run(course())


def test_a_client_that_is_there_and_does_not_acknowledge_is_cut_off() -> None:
    async def course() -> None:
        async with house(Limits(queued=3, inflight=2)) as there:
            peer = await there.client("c")
            await peer.subscribe("t")
            for number in range(5):
                there.broker.publish(Message("t", b"%d" % number, 1))
            last = await peer.ended()
            assert isinstance(last[-1], Disconnect)
            assert last[-1].reason == Reason.QUOTA_EXCEEDED

    run(course())


# -- wills

WILL = Will("wills/c", b"lost", 1, properties={P.CONTENT_TYPE: "text/plain"})


@clause("MQTT-3.1.2-7", "MQTT-3.1.2-8", "MQTT-3.1.2-9", "MQTT-3.1.2-10", "MQTT-3.1.2-14", "MQTT-3.1.2-15",
        "MQTT-3.14.4-3",
        "3.1.1:MQTT-3.1.2-8", "3.1.1:MQTT-3.1.2-10", "3.1.1:MQTT-3.14.4-3")  # fmt: skip
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("retain", [True, False])
def test_a_will_is_published_when_its_client_is_lost(version: int, retain: bool) -> None:  # a column
    will = Will("wills/c", b"lost", 1, retain)

    async def course() -> None:
        async with house() as there:
            reader = await there.client("r", version)
            await reader.subscribe("wills/+")
            polite = await there.client("c", version, will=will)
            polite.send(Disconnect())
            assert await polite.ended() == []
            await reader.nothing()
            lost = await there.client("c", version, will=will)
            lost.cut()
            got = await reader.message()
            assert (got.payload, got.qos, got.retain) == (b"lost", 1, False)
            late = await there.client("l", version)
            await late.subscribe("wills/c")
            if retain:
                assert (await late.message()).retain
            await late.nothing()

    run(course())


@clause("MQTT-3.1.2-8", "3.14.2.1")
def test_a_will_is_published_after_errors_and_when_asked_for() -> None:
    async def course() -> None:
        async with house() as there:
            reader = await there.client("r")
            await reader.subscribe("wills/+")
            asking = await there.client("c", will=WILL)
            asking.send(Disconnect(Reason.DISCONNECT_WITH_WILL))
            got = await reader.message()
            assert (got.payload, got.properties) == (b"lost", WILL.properties)
            wrong = await there.client("c", will=WILL)
            wrong.raw(b"\x00\x00")
            assert (await reader.message()).payload == b"lost"

    run(course())


@clause("MQTT-3.1.3-9", "3.1.3.2.2")
def test_a_delayed_will_waits_and_is_recalled_when_its_client_is_back() -> None:
    will = Will("wills/c", b"lost", 1, properties={P.WILL_DELAY_INTERVAL: 30})

    async def course() -> None:
        async with house() as there:
            reader = await there.client("r")
            await reader.subscribe("wills/+")
            for _ in range(2):
                peer = await there.client("c", clean_start=False, properties=KEEP, will=will)
                peer.cut()
                await gone(there)
            back = await there.client("c", clean_start=False, properties=KEEP)
            await reader.nothing()
            back.send(Disconnect())
            await gone(there)
            peer = await there.client("c", clean_start=False, properties=KEEP, will=will)
            peer.cut()
            await gone(there)
            await reader.nothing()
            there.broker.wills.now(KEY)  # as its timer does
            assert (await reader.message()).payload == b"lost"
            peer = await there.client("c", clean_start=False, properties=KEEP, will=will)
            peer.cut()
            await gone(there)
            there.broker.expire(micros_now() + 61_000_000)  # with the end of the session at the latest
            assert (await reader.message()).payload == b"lost"
            peer = await there.client("c", properties=KEEP, will=will)
            peer.cut()
            await gone(there)
            await there.client("c", properties=KEEP)  # a clean start ends the old session
            assert (await reader.message()).payload == b"lost"

    run(course())


def test_the_policy_decides_about_a_will_as_about_any_publication() -> None:
    from scoc.sensing.mqtt.policy import Refuse

    async def course() -> None:
        policy = Open()
        policy.decide = lambda client, message: Refuse()
        async with house(policy=policy) as there:
            reader = await there.client("r")
            await reader.subscribe("#")
            peer = await there.client("c", will=WILL)
            peer.cut()
            await there.until(lambda: policy.heard)
            await reader.nothing()

    run(course())
