"""SUBSCRIBE and UNSUBSCRIBE: options, identifiers, retained messages, shared subscriptions, the policy's word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scoc.sensing.mqtt.codec import Kind, P, Ping, Reason, Suback, Subscribe, SubscribeItem, Unsuback, Unsubscribe
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policy import Client, Message
from scoc.sensing.tests.mqtt.peer import Open, Peer, clause, house, run

KEEP = {P.SESSION_EXPIRY_INTERVAL: 60}


@clause("MQTT-3.8.4-1", "MQTT-3.8.4-2", "MQTT-3.8.4-5", "MQTT-3.8.4-6", "MQTT-3.9.3-1", "3.1.1:MQTT-3.9.3-1")
@pytest.mark.parametrize("version", [4, 5])
def test_each_filter_has_its_answer_in_its_place(version: int) -> None:
    async def course() -> None:
        policy = Open()
        policy.grant = lambda client, item: Reason.NOT_AUTHORIZED if item.filter == "secret" else min(item.qos, 1)
        async with house(policy=policy) as there:
            peer = await there.client("c", version)
            answer = await peer.subscribe("a", "secret", "b/#/c", "d", packet_id=77)
            assert answer.packet_id == 77
            assert answer.reasons == ([1, 0x87, 0x8F, 1] if version == 5 else [1, 0x80, 0x80, 1])
            assert policy.began == ["a", "d"]

    run(course())


@clause("MQTT-3.10.4-1", "MQTT-3.10.4-2", "MQTT-3.10.4-4", "MQTT-3.10.4-5", "MQTT-3.10.4-6", "MQTT-3.11.3-1",
        "3.1.1:MQTT-3.10.4-1", "3.1.1:MQTT-3.10.4-4")  # fmt: skip
@pytest.mark.parametrize("version", [4, 5])
def test_who_unsubscribes_hears_no_more(version: int) -> None:
    async def course() -> None:
        policy = Open()
        async with house(policy=policy) as there:
            peer = await there.client("c", version)
            await peer.subscribe("a", "a/#", "b")
            peer.send(Unsubscribe(5, ["a", "nothing", "a/#", "#/x"]))
            answer = await peer.expect(Unsuback)
            assert (answer.packet_id, answer.reasons) == (5, [0, 0x11, 0, 0x8F] if version == 5 else [])
            there.broker.publish(Message("a", b"x", 1))
            await peer.nothing()
            there.broker.publish(Message("b", b"y", 1))
            assert (await peer.message()).payload == b"y"
            assert policy.ended == ["a", "a/#"]

    run(course())


@clause("MQTT-3.3.4-3", "MQTT-3.3.4-4", "3.8.2.1.2")
def test_messages_carry_the_identifiers_of_what_they_match() -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c")
            await peer.subscribe("a/b", properties={P.SUBSCRIPTION_IDENTIFIER: 7})
            await peer.subscribe("a/#", properties={P.SUBSCRIPTION_IDENTIFIER: 268_435_455})
            await peer.subscribe("+/b")
            for qos in (0, 1):
                there.broker.publish(Message("a/b", b"x", qos))
                got = await peer.message()
                assert sorted(got.properties[P.SUBSCRIPTION_IDENTIFIER]) == [7, 268_435_455]
                await peer.nothing()

    run(course())


@clause("MQTT-3.8.3-3")
def test_no_local() -> None:
    async def course() -> None:
        async with house() as there:
            one, two = await there.client("one"), await there.client("two")
            await one.subscribe("t", no_local=True)
            await two.subscribe("t")
            await one.publish("t", b"x")
            await two.message()
            await one.nothing()
            there.broker.publish(Message("t", b"y"))
            assert (await one.message()).payload == b"y"

    run(course())


@clause("MQTT-3.3.1-5", "MQTT-3.3.1-6", "MQTT-3.3.1-7", "MQTT-3.3.1-8", "3.1.1:MQTT-3.3.1-5", "3.1.1:MQTT-3.3.1-10",
        "3.1.1:MQTT-3.3.1-11", "3.1.1:MQTT-3.3.1-12")  # fmt: skip
@pytest.mark.parametrize("version", [4, 5])
def test_the_newest_retained_message_is_kept_for_those_to_come(version: int) -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c", version)
            await peer.publish("r/a", b"old", retain=True)
            await peer.publish("r/a", b"new", retain=True)
            await peer.publish("r/b", b"gone", qos=0, retain=True)
            await peer.publish("r/b", b"", retain=True)
            await peer.publish("r/c", b"unkept", retain=False)
            reader = await there.client("r", version)
            await reader.subscribe("r/#", qos=1)
            got = await reader.message()
            assert (got.topic, got.payload, got.qos, got.retain) == ("r/a", b"new", 1, True)
            await reader.nothing()
            await peer.publish("r/a", b"live", retain=True)
            assert not (await reader.message()).retain  # 3.1.1 and the default of 5.0: what is live is not retained

    run(course())


@clause("MQTT-3.3.1-9", "MQTT-3.3.1-10", "MQTT-3.3.1-11", "MQTT-3.3.1-12", "MQTT-3.3.1-13", "MQTT-3.8.4-4")
def test_retain_handling_and_retain_as_published() -> None:
    async def course() -> None:
        async with house() as there:
            there.broker.publish(Message("r", b"kept", 1, retain=True))

            async def heard(peer: Peer, handling: int) -> bool:
                peer.send(Subscribe(1, [SubscribeItem("r", 1, retain_handling=handling)]), Ping(Kind.PINGREQ))
                await peer.expect(Suback)
                first = await peer.packet()
                if isinstance(first, Ping):
                    return False
                await peer.expect(Ping)
                return True

            peers = [await there.client(f"r{handling}") for handling in range(3)]
            assert [await heard(peer, handling) for handling, peer in enumerate(peers)] == [True, True, False]
            assert [await heard(peer, handling) for handling, peer in enumerate(peers)] == [True, False, False]
            told = await there.client("told")
            await told.subscribe("r", retain_as_published=True, retain_handling=2)
            there.broker.publish(Message("r", b"live", 1, retain=True))
            assert (await told.message()).retain

    run(course())


@clause("MQTT-3.3.2-20", "3.3.2.3.3")
def test_a_retained_message_expires() -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c")
            await peer.publish("r/1", b"x", retain=True, properties={P.MESSAGE_EXPIRY_INTERVAL: 0})
            await peer.publish("r/2", b"y", retain=True, properties={P.MESSAGE_EXPIRY_INTERVAL: 60})
            await peer.subscribe("r/+", qos=0)
            got = await peer.message()
            assert (got.payload, got.retain) == (b"y", True)
            await peer.nothing()
            there.broker.expire(2**62)
            assert len(there.broker.retained) == 0

    run(course())


def test_retained_messages_are_bounded() -> None:
    async def course() -> None:
        async with house(Limits(retained=2, retained_bytes=20)) as there:
            for number in range(4):
                there.broker.publish(Message(f"r/{number}", b"x", retain=True))
            assert len(there.broker.retained) == 2
            there.broker.publish(Message("r/0", b"x" * 30, retain=True))
            assert [one.payload for one in there.broker.retained.matching("r/0", 0)] == [b"x"]
            assert there.broker.counts["not_retained"] == 3

    run(course())


@clause("MQTT-4.8.2-3", "MQTT-4.8.2-4", "MQTT-4.8.2-5", "MQTT-4.8.2-6")
def test_a_shared_subscription_gives_each_message_to_one_member() -> None:
    async def course() -> None:
        async with house() as there:
            there.broker.publish(Message("w/1", b"kept", retain=True))
            members = [await there.client(f"m{number}") for number in range(3)]
            for qos, member in enumerate(members):
                await member.subscribe("$share/crew/w/+", qos=qos)
            whole = await there.client("whole")
            await whole.subscribe("w/+", retain_handling=2)
            for number in range(6):
                there.broker.publish(Message("w/1", b"%d" % number, 1))
            for member, payloads in zip(members, [(b"0", b"3"), (b"1", b"4"), (b"2", b"5")], strict=True):
                assert tuple([(await member.message()).payload for _ in range(2)]) == payloads
                await member.nothing()
            assert [(await whole.message()).payload for _ in range(6)] == [b"%d" % number for number in range(6)]
            members[0].cut()
            await there.until(lambda: len(there.broker.connections) == 3)
            for number in range(4):
                there.broker.publish(Message("w/1", b"%d" % number, 1))
            for member in members[1:]:
                for _ in range(2):
                    await member.message()

    run(course())


def test_the_policy_may_take_its_time_and_nothing_overtakes_its_answer() -> None:
    async def course() -> None:
        policy, gate = Open(), asyncio.Event()

        async def later(client: Client, item: SubscribeItem) -> int:
            await gate.wait()
            return 1

        policy.grant = lambda client, item: later(client, item) if item.filter == "slow" else 0
        async with house(policy=policy) as there:
            peer = await there.client("c")
            peer.send(Subscribe(1, [SubscribeItem("slow", 2), SubscribeItem("fast", 2)]), Unsubscribe(2, ["slow"]))
            await there.until(lambda: any(one.held_for("subscribing") for one in there.broker.connections))
            gate.set()
            assert (await peer.expect(Suback)).reasons == [1, 0]
            assert (await peer.expect(Unsuback)).reasons == [0]

    run(course())


def test_subscriptions_of_a_session_are_bounded() -> None:
    async def course() -> None:
        async with house(Limits(subscriptions=3)) as there:
            peer = await there.client("c")
            assert (await peer.subscribe("a", "b", "c", "d")).reasons == [2, 2, 2, Reason.QUOTA_EXCEEDED]
            assert (await peer.subscribe("a")).reasons == [2]  # one it has

    run(course())


def test_a_message_is_not_given_to_whom_the_policy_does_not_allow() -> None:
    class Careful(Open):
        def may_receive(self, principal: str, topic: str) -> bool:
            return topic != "secret/1"

    async def course() -> Any:
        async with house(policy=Careful()) as there:
            peer = await there.client("c")
            await peer.subscribe("#")
            there.broker.publish(Message("secret/1", b"x"))
            there.broker.publish(Message("open/1", b"y"))
            assert (await peer.message()).topic == "open/1"

    run(course())
