"""Publications: QoS 0, 1 and 2 both ways, order, verdicts of the policy, aliases, limits of either side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from scoc.sensing.mqtt.codec import Acknowledgement, Disconnect, Kind, P, Publish, Reason
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policy import ROUTE, SWALLOW, Client, Message, Refuse, Verdict, Withhold
from scoc.sensing.mqtt.storing import Store
from scoc.sensing.tests.mqtt.peer import House, Open, Peer, clause, house, run


def more_than(found: Sequence[object], number: int) -> bool:
    """Whether there is more than this."""
    return len(found) > number


class Gate(Open):
    """Answers each publication when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[asyncio.Future[Verdict]] = []
        self.decide = self._later

    def _later(self, client: Client, message: Message) -> asyncio.Future[Verdict]:
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self.open.append(future)
        return future


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
@clause("MQTT-4.3.1-1", "MQTT-4.3.2-1", "MQTT-4.3.2-2", "MQTT-4.3.2-4", "MQTT-4.3.2-5", "MQTT-4.3.3-1", "MQTT-4.3.3-8",
        "MQTT-4.3.3-11", "MQTT-3.3.4-1", "3.1.1:MQTT-4.3.1-1", "3.1.1:MQTT-4.3.2-2",
        "3.1.1:MQTT-4.3.3-2")  # fmt: skip
def test_a_message_reaches_whoever_subscribed_at_the_lower_qos_of_both(version: int, qos: int) -> None:
    async def course() -> None:
        async with house() as there:
            sender = await there.client("s", version)
            readers = [await there.client(f"r{granted}", version) for granted in (0, 1, 2)]
            for granted, reader in enumerate(readers):
                assert (await reader.subscribe("a/b", qos=granted)).reasons == [granted]
            await sender.publish("a/b", b"hello", qos)
            for granted, reader in enumerate(readers):
                got = await reader.message()
                assert (got.topic, got.payload, got.qos, got.retain, got.dup) == (
                    "a/b", b"hello", min(qos, granted), False, False,
                )  # fmt: skip
                await reader.nothing()

    run(course())


@clause("MQTT-4.6.0-2", "MQTT-4.6.0-3")
def test_acknowledgements_leave_in_the_order_of_the_publications() -> None:
    async def course() -> None:
        policy = Gate()
        async with house(policy=policy) as there:
            peer = await there.client("c")
            peer.send(*(Publish("t", b"", 1 + number % 2, packet_id=number) for number in range(1, 7)))
            await there.until(lambda: len(policy.open) == 6)
            for number in (5, 3, 1):
                policy.open[number].set_result(SWALLOW)
            await peer.nothing()
            for number in (4, 2, 0):
                policy.open[number].set_result(SWALLOW)
            got = [await peer.expect(Acknowledgement) for _ in range(6)]
            assert [one.packet_id for one in got] == [1, 2, 3, 4, 5, 6]
            assert {one.kind for one in got} == {Kind.PUBACK, Kind.PUBREC}

    run(course())


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [1, 2])
@clause("3.4.2.1", "3.5.2.1", "MQTT-3.3.5-2")
def test_a_refusal_is_told_in_5_0_and_acknowledged_in_3_1_1(version: int, qos: int) -> None:
    """In 3.1.1 it would come back for ever."""

    async def course() -> int:
        policy = Open()
        policy.decide = lambda client, message: Refuse(Reason.PAYLOAD_FORMAT_INVALID, "no JSON")
        async with house(policy=policy) as there:
            reader = await there.client("r", version)
            await reader.subscribe("t")
            peer = await there.client("c", version)
            reason = await peer.publish("t", b"x", qos)
            await peer.nothing()
            await reader.nothing()
            assert there.broker.counts["refused"] == 1
            return reason

    assert run(course()) == (Reason.PAYLOAD_FORMAT_INVALID if version == 5 else 0)


@pytest.mark.parametrize("version", [4, 5])
def test_what_cannot_be_taken_now_is_not_acknowledged(version: int) -> None:
    async def course() -> list[Any]:
        policy = Open()
        policy.decide = lambda client, message: Withhold(Reason.SERVER_BUSY)
        async with house(policy=policy) as there:
            peer = await there.client("c", version)
            peer.send(Publish("t", b"x", 1, packet_id=1))
            return await peer.ended()

    assert [type(one) for one in run(course())] == ([Disconnect] if version == 5 else [])


def test_what_the_hub_swallows_reaches_nobody_and_is_not_retained() -> None:
    async def course() -> None:
        policy = Open()
        policy.decide = lambda client, message: SWALLOW
        async with house(policy=policy) as there:
            reader, peer = await there.client("r"), await there.client("c")
            await reader.subscribe("t")
            await peer.publish("t", b"x", retain=True)
            await reader.nothing()
            assert len(there.broker.retained) == 0
            there.broker.publish(Message("t", b"from the hub", 1))
            assert (await reader.message()).payload == b"from the hub"

    run(course())


@clause("MQTT-4.3.3-9", "MQTT-4.3.3-10", "MQTT-4.3.3-12", "3.1.1:MQTT-4.3.3-2")
@pytest.mark.parametrize("version", [4, 5])
def test_a_publication_of_qos_2_is_taken_once_however_often_it_comes(version: int) -> None:
    async def course() -> None:
        policy = Gate()
        async with house(policy=policy) as there:
            peer = await there.client("c", version)
            again = Publish("t", b"x", 2, dup=True, packet_id=9)
            peer.send(Publish("t", b"x", 2, packet_id=9), again)
            await there.until(lambda: policy.open)
            policy.open[0].set_result(ROUTE)
            for _ in range(2):
                assert await peer.expect(Acknowledgement) == Acknowledgement(Kind.PUBREC, 9)
            peer.send(again)
            assert await peer.expect(Acknowledgement) == Acknowledgement(Kind.PUBREC, 9)
            assert len(policy.heard) == 1
            peer.send(Acknowledgement(Kind.PUBREL, 9))
            assert await peer.expect(Acknowledgement) == Acknowledgement(Kind.PUBCOMP, 9)
            peer.send(Acknowledgement(Kind.PUBREL, 9))  # nothing is known under it any more
            last = await peer.expect(Acknowledgement)
            assert (last.kind, last.reason) == (Kind.PUBCOMP, 0x92 if version == 5 else 0)
            peer.send(Publish("t", b"another", 2, packet_id=9))
            await there.until(lambda: len(policy.heard) == 2)

    run(course())


@clause("MQTT-4.3.3-10")
def test_a_publication_of_qos_2_is_taken_once_across_connections() -> None:
    async def course() -> None:
        policy = Gate()
        async with house(policy=policy) as there:
            keep = {P.SESSION_EXPIRY_INTERVAL: 60}
            first = await there.client("c", properties=keep)
            first.send(Publish("t", b"x", 2, packet_id=9))
            await there.until(lambda: policy.open)
            first.cut()
            second = await there.client("c", clean_start=False, properties=keep)
            second.send(Publish("t", b"x", 2, dup=True, packet_id=9))
            await second.nothing()
            policy.open[0].set_result(ROUTE)
            assert await second.expect(Acknowledgement) == Acknowledgement(Kind.PUBREC, 9)
            assert len(policy.heard) == 1

    run(course())


@pytest.mark.parametrize("version", [4, 5])
def test_the_same_is_said_over_a_newer_connection(version: int) -> None:
    """Of a publication of QoS 2 that was refused, or not taken, after its connection was lost."""
    keep: dict[str, Any] = {"properties": {P.SESSION_EXPIRY_INTERVAL: 60}} if version == 5 else {}

    async def course(verdict: Verdict) -> list[Any]:
        policy = Gate()
        async with house(policy=policy) as there:
            first = await there.client("c", version, clean_start=False, **keep)
            first.send(Publish("t", b"x", 2, packet_id=9))
            await there.until(lambda: policy.open)
            first.cut()
            second = await there.client("c", version, clean_start=False, **keep)
            second.send(Publish("t", b"x", 2, dup=True, packet_id=9))
            await second.nothing()
            policy.open[0].set_result(verdict)
            if isinstance(verdict, Withhold):
                return await second.ended()
            return [await second.packet()]

    [refused] = run(course(Refuse(Reason.PAYLOAD_FORMAT_INVALID)))
    assert refused == Acknowledgement(Kind.PUBREC, 9, Reason.PAYLOAD_FORMAT_INVALID if version == 5 else 0)
    assert [type(one) for one in run(course(Withhold()))] == ([Disconnect] if version == 5 else [])


def test_nothing_is_taken_while_the_store_is_full() -> None:
    class Full(Store):
        def full(self) -> bool:
            return True

    async def course() -> None:
        async with house(store=Full()) as there:
            peer = await there.client("c")
            assert (await peer.subscribe("t")).reasons == [Reason.QUOTA_EXCEEDED]
            peer.send(Publish("t", b"x", 1, packet_id=1))
            assert (await peer.expect(Disconnect)).reason == Reason.SERVER_BUSY
            assert there.policy.heard == []

    run(course())


@clause("MQTT-3.3.4-7", "MQTT-3.3.4-9", "MQTT-4.9.0-1")
def test_more_publications_than_the_receive_maximum_end_a_connection_of_5_0() -> None:
    async def course(qos: int) -> list[Any]:
        policy = Gate()
        async with house(Limits(receive_maximum=3), policy=policy) as there:
            peer = await there.client("c")
            peer.send(*(Publish("t", b"", qos, packet_id=number) for number in range(1, 4)))
            await peer.nothing()
            if qos == 2:  # they count until PUBCOMP
                for future in policy.open:
                    future.set_result(SWALLOW)
                for _ in range(3):
                    await peer.expect(Acknowledgement)
            peer.send(Publish("t", b"", qos, packet_id=4))
            return await peer.ended()

    for qos in (1, 2):
        [last] = run(course(qos))
        assert last.reason == Reason.RECEIVE_MAXIMUM_EXCEEDED


def test_a_client_of_3_1_1_rests_while_too_much_waits() -> None:
    async def course() -> None:
        policy = Gate()
        async with house(Limits(receive_maximum=3), policy=policy) as there:
            peer = await there.client("c", version=4)
            peer.send(*(Publish("t", b"%d" % number, 1, packet_id=number) for number in range(1, 9)))
            await there.until(lambda: len(policy.open) == 3)
            for number in range(8):
                await there.until(partial(more_than, policy.open, number))
                policy.open[number].set_result(SWALLOW)
                assert (await peer.expect(Acknowledgement)).packet_id == number + 1
                assert len(policy.open) - number - 1 <= 3
            assert [one.payload for one in policy.heard] == [b"%d" % number for number in range(1, 9)]

    run(course())


@clause("MQTT-3.3.4-7", "MQTT-3.1.2-27")
def test_no_more_is_in_flight_than_the_client_receives() -> None:
    async def course() -> None:
        async with house() as there:
            reader = await there.client("r", properties={P.RECEIVE_MAXIMUM: 2})
            await reader.subscribe("t")
            for number in range(5):
                there.broker.publish(Message("t", b"%d" % number, 1 + number % 2))
            there.broker.publish(Message("t", b"unbound", 0))
            got = [await reader.expect(Publish) for _ in range(3)]
            assert [one.payload for one in got] == [b"0", b"1", b"unbound"]
            await reader.nothing()
            reader.send(Acknowledgement(Kind.PUBACK, got[0].packet_id))
            third = await reader.expect(Publish)
            assert third.payload == b"2"
            reader.send(Acknowledgement(Kind.PUBREC, got[1].packet_id))
            await reader.expect(Acknowledgement)
            await reader.nothing()  # it counts until PUBCOMP
            reader.send(Acknowledgement(Kind.PUBCOMP, got[1].packet_id))
            assert (await reader.expect(Publish)).payload == b"3"

    run(course())


@clause("MQTT-3.3.2-10", "MQTT-3.3.2-11", "MQTT-3.3.2-12")
def test_topic_aliases_of_a_client() -> None:
    async def course() -> None:
        async with house() as there:
            reader, peer = await there.client("r"), await there.client("c")
            await reader.subscribe("#")
            peer.send(
                Publish("a", b"1", properties={P.TOPIC_ALIAS: 1}), Publish("", b"2", properties={P.TOPIC_ALIAS: 1})
            )
            peer.send(
                Publish("b", b"3", properties={P.TOPIC_ALIAS: 1}), Publish("", b"4", properties={P.TOPIC_ALIAS: 1})
            )
            got = [await reader.message() for _ in range(4)]
            assert [(one.topic, one.payload) for one in got] == [("a", b"1"), ("a", b"2"), ("b", b"3"), ("b", b"4")]
            assert all(P.TOPIC_ALIAS not in one.properties for one in got)
            peer.send(Publish("", b"", properties={P.TOPIC_ALIAS: 2}))
            assert (await peer.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR
            other = await there.client("c")
            other.send(Publish("", b"", properties={P.TOPIC_ALIAS: 1}))  # they end with their connection
            assert (await other.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR
            last = await there.client("c")
            last.send(Publish("a", b"", properties={P.TOPIC_ALIAS: 33}))
            assert (await last.expect(Disconnect)).reason == Reason.TOPIC_ALIAS_INVALID

    run(course())


@clause("MQTT-3.1.2-26", "MQTT-3.3.2-9")
def test_topic_aliases_for_a_client() -> None:
    async def course() -> None:
        async with house() as there:
            reader = await there.client("r", properties={P.TOPIC_ALIAS_MAXIMUM: 1})
            await reader.subscribe("#")
            for topic in ("a", "a", "b", "a", "b"):
                there.broker.publish(Message(topic, topic.encode()))
            got = [await reader.message() for _ in range(5)]
            assert [(one.topic, one.properties.get(P.TOPIC_ALIAS)) for one in got] == [
                ("a", 1), ("", 1), ("b", None), ("", 1), ("b", None),
            ]  # fmt: skip

    run(course())


@clause("MQTT-3.1.2-25", "MQTT-3.3.4-10")
def test_nothing_is_sent_that_is_longer_than_the_client_takes() -> None:
    async def course() -> None:
        async with house() as there:
            reader = await there.client("r", properties={P.MAXIMUM_PACKET_SIZE: 40})
            await reader.subscribe("t")
            for qos in (0, 1, 2):
                there.broker.publish(Message("t", b"x" * 100, qos))
                there.broker.publish(Message("t", b"short", qos))
            assert [(await reader.message()).payload for _ in range(3)] == [b"short"] * 3

    run(course())


@clause("MQTT-3.3.2-4", "MQTT-3.3.2-15", "MQTT-3.3.2-16", "MQTT-3.3.2-17", "MQTT-3.3.2-18", "MQTT-3.3.2-20")
def test_what_belongs_to_a_message_travels_with_it_unchanged() -> None:
    found = {
        P.PAYLOAD_FORMAT_INDICATOR: 1, P.CONTENT_TYPE: "text/plain", P.RESPONSE_TOPIC: "answers/1",
        P.CORRELATION_DATA: b"\x00\x01", P.USER_PROPERTY: [("k", "v"), ("a", "z"), ("k", "w")],
    }  # fmt: skip

    async def course() -> None:
        async with house() as there:
            reader, old, peer = await there.client("r"), await there.client("o", version=4), await there.client("c")
            await reader.subscribe("t")
            await old.subscribe("t")
            await peer.publish("t", b"x", properties=found)
            assert (await reader.message()).properties == found
            assert (await old.message()).payload == b"x"

    run(course())


@clause("MQTT-3.3.2-5", "MQTT-3.3.2-6")
def test_a_message_expires() -> None:
    async def course() -> None:
        async with house() as there:
            keep = {P.SESSION_EXPIRY_INTERVAL: 60}
            reader = await there.client("r", properties=keep)
            await reader.subscribe("t")
            reader.cut()
            await there.until(lambda: there.broker.sessions["anybody", "r"].connection is None)
            peer = await there.client("c")
            await peer.publish("t", b"soon too late", properties={P.MESSAGE_EXPIRY_INTERVAL: 0})
            await peer.publish("t", b"in time", properties={P.MESSAGE_EXPIRY_INTERVAL: 100})
            back, answer = await there.connect("r", clean_start=False, properties=keep)
            assert answer.session_present
            got = await back.message()
            assert got.payload == b"in time"
            assert 90 <= got.properties[P.MESSAGE_EXPIRY_INTERVAL] <= 100

    run(course())


@clause("MQTT-3.3.4-6")
def test_a_client_names_no_subscription() -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c")
            peer.send(Publish("t", b"", properties={P.SUBSCRIPTION_IDENTIFIER: [1]}))
            assert (await peer.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR

    run(course())


@clause("4.3.2", "4.3.3")
def test_the_wrong_acknowledgement_ends_the_connection() -> None:
    async def course(there: House, qos: int, kind: Kind) -> int:
        reader: Peer = await there.client(f"r{qos}{kind}")
        await reader.subscribe("t")
        there.broker.publish(Message("t", b"", qos))
        got = await reader.expect(Publish)
        reader.send(Acknowledgement(kind, got.packet_id))
        return (await reader.expect(Disconnect)).reason

    async def all_of_them() -> None:
        async with house() as there:
            for qos, kind in ((1, Kind.PUBREC), (1, Kind.PUBCOMP), (2, Kind.PUBACK)):
                assert await course(there, qos, kind) == Reason.PROTOCOL_ERROR
            reader = await there.client("unknown")
            reader.send(Acknowledgement(Kind.PUBACK, 77), Acknowledgement(Kind.PUBREC, 78))
            assert await reader.expect(Acknowledgement) == Acknowledgement(Kind.PUBREL, 78, 0x92)
            await reader.nothing()

    run(all_of_them())


@clause("MQTT-4.3.3-4", "MQTT-3.5.2-1", "MQTT-4.4.0-2")
def test_a_reader_that_refuses_a_message_does_not_get_it_again() -> None:
    async def course() -> None:
        async with house() as there:
            keep = {P.SESSION_EXPIRY_INTERVAL: 60}
            reader = await there.client("r", properties=keep)
            await reader.subscribe("t")
            for qos, kind in ((1, Kind.PUBACK), (2, Kind.PUBREC)):
                there.broker.publish(Message("t", b"", qos))
                got = await reader.expect(Publish)
                reader.send(Acknowledgement(kind, got.packet_id, 0x80))
            await reader.nothing()
            reader.cut()
            back = await there.client("r", clean_start=False, properties=keep)
            await back.nothing()
            assert not there.broker.sessions["anybody", "r"].ids

    run(course())


def test_a_policy_that_fails_costs_its_client_the_connection_and_nobody_else() -> None:
    async def course() -> None:
        policy = Open()

        def broken(client: Client, message: Message) -> Verdict:
            raise RuntimeError("as a test wants it")

        policy.decide = broken
        async with house(policy=policy) as there:
            other, peer = await there.client("o"), await there.client("c")
            peer.send(Publish("t", b"", 1, packet_id=1))
            assert (await peer.expect(Disconnect)).reason == Reason.UNSPECIFIED
            await other.nothing()
            assert there.broker.counts.pop("faults") == 1

    run(course())
