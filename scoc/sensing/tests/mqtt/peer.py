"""A client of raw packets over a real socket, and a listener with a policy that tests open as far as they need."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from scoc.sensing.mqtt.broker import Broker
from scoc.sensing.mqtt.codec import (
    Acknowledgement,
    Connack,
    Connect,
    Kind,
    Packet,
    Ping,
    Properties,
    Publish,
    Reason,
    Suback,
    Subscribe,
    SubscribeItem,
    decode,
    encode,
    next_frame,
)
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policy import ROUTE, Admitted, Client, Credentials, Message, Policy, Verdict
from scoc.sensing.mqtt.storing import Store

SECONDS = 20.0
"""Nothing that a test waits for takes so long, unless it never comes."""
T = TypeVar("T", bound=Any)
MOST = 268_435_460


def clause(*numbers: str) -> pytest.MarkDecorator:
    """The normative statements that a test proves: of MQTT 5.0, or of 3.1.1 with `3.1.1:` in front."""
    return pytest.mark.clause(*numbers)


def run(course: Coroutine[Any, Any, T]) -> T:
    """Run one course of events."""

    async def within_a_minute() -> T:
        async with asyncio.timeout(60):
            return await course

    return asyncio.run(within_a_minute())


class Open(Policy):
    """Lets in whoever knows the password `right` (or shows none), as the principal of the user name; routes all."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.began: list[str] = []
        self.ended: list[str] = []
        self.decide: Callable[[Client, Message], Verdict | Awaitable[Verdict]] = lambda client, message: ROUTE
        self.grant: Callable[[Client, SubscribeItem], int | Awaitable[int]] = lambda client, item: item.qos

    def authenticate(self, shown: Credentials) -> Admitted | int:
        """By password."""
        if shown.password not in (None, b"right"):
            return Reason.BAD_CREDENTIALS
        return Admitted(shown.username or "anybody")

    def may_subscribe(self, client: Client, item: SubscribeItem) -> int | Awaitable[int]:
        """As the test says."""
        return self.grant(client, item)

    def publish(self, client: Client, message: Message) -> Verdict | Awaitable[Verdict]:
        """As the test says."""
        self.heard.append(message)
        return self.decide(client, message)

    def subscribed(self, client: Client, item: SubscribeItem) -> None:
        """Remember it."""
        self.began.append(item.filter)

    def unsubscribed(self, principal: str, client_id: str, filter_: str) -> None:
        """Remember it."""
        self.ended.append(filter_)


class Peer:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, version: int) -> None:
        self.reader = reader
        self.writer = writer
        self.version = version
        self._data = b""

    def raw(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    def send(self, *packets: Packet) -> None:
        """Send packets in one piece."""
        self.raw(b"".join(encode(packet, self.version) for packet in packets))

    async def packet(self) -> Packet | None:
        """The next packet; None at the end of the connection."""
        while (frame := next_frame(self._data, 0, MOST, self.version)) is None:
            try:
                async with asyncio.timeout(SECONDS):
                    more = await self.reader.read(65_536)
            except ConnectionError:
                return None
            if not more:
                return None
            self._data += more
        data, self._data = self._data, self._data[frame.end :]
        return decode(data, frame, self.version)

    async def expect(self, kind: type[T]) -> T:
        """The next packet, of this kind."""
        found = await self.packet()
        assert isinstance(found, kind), f"{found!r} instead of {kind.__name__}"
        return found

    async def ended(self) -> list[Packet]:
        """What comes until the server has ended the connection."""
        found = []
        while (one := await self.packet()) is not None:
            found.append(one)
        return found

    async def nothing(self) -> None:
        """No packet is under way: the answer to a ping is the next one."""
        self.send(Ping(Kind.PINGREQ))
        assert (await self.expect(Ping)).kind is Kind.PINGRESP

    async def subscribe(self, *filters: str, qos: int = 2, packet_id: int = 1, **options: Any) -> Suback:
        """Subscribe and wait for the answer."""
        found: Properties = options.pop("properties", {})
        items = [SubscribeItem(one, qos, **options) for one in filters]
        self.send(Subscribe(packet_id, items, found))
        return await self.expect(Suback)

    async def publish(self, topic: str, payload: bytes, qos: int = 1, packet_id: int = 1, **more: Any) -> int:
        """Publish, acknowledge whatever QoS asks for, and give the reason of the first answer."""
        self.send(Publish(topic, payload, qos, packet_id=packet_id if qos else 0, **more))
        if not qos:
            return 0
        answer = await self.expect(Acknowledgement)
        assert (answer.kind, answer.packet_id) == (Kind.PUBACK if qos == 1 else Kind.PUBREC, packet_id)
        if qos == 2 and answer.reason < 0x80:
            self.send(Acknowledgement(Kind.PUBREL, packet_id))
            done = await self.expect(Acknowledgement)
            assert done == Acknowledgement(Kind.PUBCOMP, packet_id)
        return answer.reason

    async def message(self) -> Publish:
        """The next message, acknowledged."""
        found = await self.expect(Publish)
        if found.qos == 1:
            self.send(Acknowledgement(Kind.PUBACK, found.packet_id))
        elif found.qos == 2:
            self.send(Acknowledgement(Kind.PUBREC, found.packet_id))
            released = await self.expect(Acknowledgement)
            assert released == Acknowledgement(Kind.PUBREL, found.packet_id)
            self.send(Acknowledgement(Kind.PUBCOMP, found.packet_id))
        return found

    def cut(self) -> None:
        """Be lost without a word."""
        self.writer.transport.abort()


class House:
    """A broker that listens, and clients that come."""

    def __init__(self, broker: Broker, policy: Any, port: int) -> None:
        self.broker = broker
        self.policy = policy
        self.port = port
        self._peers: list[Peer] = []

    async def raw(self, version: int = 5) -> Peer:
        """A socket over which nothing was said."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        peer = Peer(reader, writer, version)
        self._peers.append(peer)
        return peer

    async def stalled(self) -> Peer:
        """A socket with small buffers, of which hardly anything is read."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)  # noqa: FBT003  # the socket's own signature
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
        peer = Peer(reader, writer, 5)
        self._peers.append(peer)
        return peer

    async def connect(self, client_id: str = "", version: int = 5, **fields: Any) -> tuple[Peer, Connack]:
        """A client and the answer to its CONNECT."""
        peer = await self.raw(version)
        found = {**fields.pop("properties", {})}
        peer.send(Connect(client_id, version, properties=found, **fields))
        return peer, await peer.expect(Connack)

    async def client(self, client_id: str = "", version: int = 5, **fields: Any) -> Peer:
        """A client that is in."""
        peer, answer = await self.connect(client_id, version, **fields)
        assert answer.reason == 0, answer
        return peer

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the loop turn until something holds."""
        async with asyncio.timeout(SECONDS):
            while not holds():
                await turn()

    def leave(self) -> None:
        """All clients go."""
        for peer in self._peers:
            peer.writer.close()


async def turn() -> None:
    """Let the event loop do what it has to do, sockets included."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, turned.set)
    await turned.wait()


@asynccontextmanager
async def house(
    limits: Limits | None = None, policy: Policy | None = None, store: Store | None = None
) -> AsyncIterator[House]:
    """A listener on a free port."""
    policy = policy or Open()
    broker = Broker(policy, store, replace(limits or Limits(), stop_seconds=0.3))
    await broker.start()
    server = await asyncio.get_running_loop().create_server(broker.accept, "127.0.0.1", 0)
    made = House(broker, policy, server.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        made.leave()
        server.close()
        await broker.stop()
    assert not broker.counts["faults"]
