"""Hostile and unlucky clients: none of them costs anybody else anything."""

from __future__ import annotations

import asyncio
import random
import socket
from functools import partial
from typing import Any

import pytest

from scoc.sensing.mqtt.codec import (
    Acknowledgement,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Publish,
    Reason,
    Subscribe,
    SubscribeItem,
    Unsubscribe,
    encode,
)
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policy import SWALLOW, Client, Message, Verdict
from scoc.sensing.tests.mqtt.peer import Open, clause, house, run
from scoc.sensing.tests.mqtt.test_publishing import more_than

HELLO = encode(Connect("c"), 5)
SILENT = {
    "http": b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "five byte length": b"\x10\xff\xff\xff\xff\x01",
    "256 MB announced": b"\x10\xff\xff\xff\x7f",
    "no CONNECT": b"\x30\x03\x00\x01a",
    "nothing inside": b"\x10\x00",
}
TOLD = {
    "QoS 3": (b"\x36\x05\x00\x01a\x00\x01", Reason.MALFORMED_PACKET),
    "truncated topic": (b"\x30\x03\x00\x09a", Reason.MALFORMED_PACKET),
    "bad UTF-8": (b"\x30\x05\x00\x02\xc3\x28\x00", Reason.MALFORMED_PACKET),
    "empty SUBSCRIBE": (b"\x82\x03\x00\x01\x00", Reason.PROTOCOL_ERROR),
    "packet identifier 0": (b"\x32\x06\x00\x01a\x00\x00\x00", Reason.PROTOCOL_ERROR),
    "256 MB announced": (b"\x30\xff\xff\xff\x7f", Reason.PACKET_TOO_LARGE),
    "five byte length": (b"\x30\xff\xff\xff\xff\x01", Reason.MALFORMED_PACKET),
    "wildcard topic": (b"\x30\x04\x00\x01#\x00", Reason.TOPIC_NAME_INVALID),
}


@pytest.mark.parametrize("data", SILENT.values(), ids=SILENT.keys())
@clause("MQTT-4.13.1-1")
def test_what_is_no_client_is_closed_without_a_word(data: bytes) -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.raw()
            peer.raw(data)
            assert await peer.ended() == []

    run(course())


@pytest.mark.parametrize(("data", "reason"), TOLD.values(), ids=TOLD.keys())
@clause("MQTT-4.13.1-1", "4.13.2")
def test_what_breaks_the_rules_is_told_why_and_closed(data: bytes, reason: Reason) -> None:
    async def course() -> None:
        async with house() as there:
            peer, other = await there.client("c"), await there.client("o")
            peer.raw(data + b"\xc0\x00" * 1000)
            assert (await peer.expect(Disconnect)).reason == reason
            assert await peer.ended() == []
            await other.nothing()

    run(course())


@clause("4.2")
def test_packets_may_come_byte_by_byte_and_all_at_once() -> None:
    packets: list[Packet] = [
        Connect("c"), Subscribe(1, [SubscribeItem("t", 1)]), *(Publish("t", b"x" * 300, packet_id=0) for _ in range(3)),
    ]  # fmt: skip
    data = b"".join(encode(packet, 5) for packet in packets)

    async def course(pieces: list[bytes]) -> None:
        async with house() as there:
            peer = await there.raw()
            for piece in pieces:
                peer.raw(piece)
                await peer.writer.drain()
                await asyncio.get_running_loop().run_in_executor(None, int)
            await peer.expect(Connack)
            await peer.packet()
            assert [(await peer.message()).payload for _ in range(3)] == [b"x" * 300] * 3

    run(course([data]))
    run(course([data[n : n + 1] for n in range(len(data))]))
    run(course([data[:5], data[5:200], data[200:201], data[201:]]))


def test_a_slow_reader_of_qos_0_is_spared_what_it_cannot_take() -> None:
    async def course() -> None:
        async with house(Limits(buffer_bytes=65_536, stalled_seconds=5)) as there:
            slow = await there.stalled()
            slow.send(Connect("slow"), Subscribe(1, [SubscribeItem("t", 0)]))
            await there.until(lambda: there.broker.router.size())
            quick = await there.client("quick")
            await quick.subscribe("t", qos=0)
            session = there.broker.sessions["anybody", "slow"]
            connection = session.connection
            assert connection is not None
            for number in range(2_000):
                there.broker.publish(Message("t", b"%06d" % number + b"x" * 10_000))
                if number % 5 == 4:
                    for _ in range(5):
                        await quick.message()
            await quick.nothing()
            assert there.broker.counts["shed"] > 500
            transport = connection.transport
            assert transport.get_write_buffer_size() < 200_000  # type: ignore[union-attr]  # asyncio's own transport
            since = connection.outbox.paused_since
            assert since is not None
            connection.look(since + 5.1)  # and it is cut off in the end
            await there.until(lambda: connection not in there.broker.connections)
            assert there.broker.counts["stalled"] == 1

    run(course())


def test_a_slow_reader_of_qos_1_is_cut_off_and_its_session_keeps_what_it_may() -> None:
    async def course() -> None:
        async with house(Limits(buffer_bytes=65_536, queued=50)) as there:
            slow = await there.stalled()
            slow.send(Connect("slow"), Subscribe(1, [SubscribeItem("t", 1)]))
            await there.until(lambda: there.broker.router.size())
            for _ in range(500):
                there.broker.publish(Message("t", b"x" * 100_000, 1))
            await there.until(lambda: not there.broker.sessions)
            assert there.broker.counts["cut_off"]
            await there.until(lambda: not there.broker.connections)

    run(course())


def test_who_does_not_take_answers_gives_no_more_to_answer() -> None:
    async def course() -> None:
        async with house(Limits(buffer_bytes=65_536)) as there:
            slow = await there.stalled()
            slow.send(Connect("slow"))
            await there.until(lambda: there.broker.sessions)
            [connection] = there.broker.connections
            transport: Any = connection.transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            slow.raw(b"\xc0\x00" * 200_000)
            await there.until(lambda: connection.held_for("writing"))
            assert transport.get_write_buffer_size() < 400_000

    run(course())


@pytest.mark.parametrize("packet", [
    Subscribe(1, [SubscribeItem("a", 0)] * 1_001), Unsubscribe(1, ["a"] * 1_001),
])  # fmt: skip
def test_the_filters_of_one_packet_are_bounded(packet: Packet) -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c")
            peer.send(packet)
            assert (await peer.expect(Disconnect)).reason == Reason.QUOTA_EXCEEDED

    run(course())


def test_a_flood_of_qos_0_is_not_read_and_then_dropped() -> None:
    class Gate(Open):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[asyncio.Future[Verdict]] = []
            self.decide = self._later

        def _later(self, client: Client, message: Message) -> asyncio.Future[Verdict]:
            self.open.append(asyncio.get_running_loop().create_future())
            return self.open[-1]

    async def course() -> None:
        policy = Gate()
        async with house(Limits(pending=10, sessions_per_principal=100), policy=policy) as there:
            flood = await there.client("flood")
            flood.send(*(Publish("t", b"%d" % number) for number in range(100)))
            await there.until(lambda: len(policy.open) == 10)
            [connection] = there.broker.connections
            assert connection.held_for("flood")
            others = [await there.client(f"c{number}") for number in range(12)]
            for other in others:
                other.send(Publish("t", b"x"))
            await there.until(lambda: there.broker.counts["flood"] == 2)  # at twice as much they are dropped
            assert len(policy.open) == 20
            number = 0
            while len(policy.heard) < 110:
                await there.until(partial(more_than, policy.open, number))
                policy.open[number].set_result(SWALLOW)
                number += 1
            assert [one.payload for one in policy.heard if one.payload != b"x"] == [b"%d" % n for n in range(100)]
            for future in policy.open[number:]:
                future.set_result(SWALLOW)
            await flood.nothing()

    run(course())


def test_many_connections_come_and_go_without_a_trace() -> None:
    async def course() -> None:
        async with house() as there:
            for number in range(200):
                peer = await there.client(f"c{number}")
                peer.send(Subscribe(1, [SubscribeItem("t/+", 1), SubscribeItem(f"u/{number}", 1)]))
                await peer.packet()
                if number % 2:
                    peer.send(Disconnect())
                peer.writer.close()
            await there.until(lambda: not there.broker.connections)
            assert not there.broker.sessions
            assert there.broker.router.size() == 0

    run(course())


def test_a_seeded_fuzz_never_brings_the_listener_out_of_its_way() -> None:
    """Good packets with bytes changed, cut, doubled; another client is served all the while."""
    chance = random.Random(20_261_129)
    good = [
        encode(packet, 5)
        for packet in (
            Connect("f", username="u", password=b"right"), Publish("t", b"payload", 2, packet_id=7),
            Subscribe(3, [SubscribeItem("a/+", 1), SubscribeItem("$share/g/#", 2)]), Unsubscribe(4, ["a/+"]),
            Acknowledgement(Kind.PUBREL, 7), Acknowledgement(Kind.PUBACK, 1), Acknowledgement(Kind.PUBREC, 2, 0x10),
            Disconnect(4),
        )
    ]  # fmt: skip

    def spoiled(data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(chance.randint(0, 3)):
            place = chance.randrange(len(changed))
            changed[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        cut = chance.random()
        if cut < 0.2:
            del changed[chance.randrange(len(changed)) :]
        elif cut < 0.3:
            changed *= 2
        return bytes(changed)

    async def course() -> None:
        async with house(Limits(farewell_seconds=0.01, connects_per_second=9_999, sessions_per_principal=999)) as there:
            witness = await there.client("witness", username="witness")
            await witness.subscribe("witness")
            for number in range(400):
                peer = await there.raw()
                start = HELLO if chance.random() < 0.7 else spoiled(good[0])
                peer.raw(start + b"".join(spoiled(chance.choice(good)) for _ in range(chance.randint(1, 6))))
                if number % 40 == 39:
                    await witness.publish("witness", b"%d" % number, 0)
                    while (await witness.message()).topic != "witness":
                        pass
                peer.writer.write_eof()
                peer.writer.close()
            await there.until(lambda: len(there.broker.connections) == 1)
            await witness.nothing()
            assert there.broker.counts["malformed"] > 100

    run(course())
