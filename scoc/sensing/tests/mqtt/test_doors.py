"""The listener's doors: WebSockets, TLS, the ports of the settings, start and stop with the web process."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import sslproto
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from scoc.core.environment import BadEnvironment, Environment
from scoc.core.now import wall_now
from scoc.core.tests.factories import City
from scoc.sensing import lean
from scoc.sensing.mqtt import serving
from scoc.sensing.mqtt.broker import Broker
from scoc.sensing.mqtt.codec import (
    Connack,
    Connect,
    Disconnect,
    Kind,
    Ping,
    Publish,
    Reason,
    Subscribe,
    SubscribeItem,
    decode,
    encode,
    next_frame,
)
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.websocket import WebSocket
from scoc.sensing.tests.mqtt.peer import MOST, SECONDS, House, Open, Peer, clause, run


class Surfer:
    """A raw client over a WebSocket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol = protocol
        self._data = b""
        self.texts: list[Opcode] = []

    def frames(self, *pieces: bytes) -> None:
        """Send each piece as a frame of its own."""
        for piece in pieces:
            self.protocol.send_binary(piece)
        self.flush()

    def flush(self) -> None:
        """Send what the protocol wants to send."""
        for part in self.protocol.data_to_send():
            if part:
                self.writer.write(part)

    async def event(self) -> Any:
        """The next event; None at the end."""
        while not (events := self.protocol.events_received()):
            async with asyncio.timeout(SECONDS):
                data = await self.reader.read(65_536)
            if not data:
                return None
            self.protocol.receive_data(data)
            self.flush()
        assert len(events) == 1
        return events[0]

    async def packet(self) -> Any:
        """The next packet; None at the end."""
        while (frame := next_frame(self._data, 0, MOST, 5)) is None:
            event = await self.event()
            if event is None or event.opcode is Opcode.CLOSE:
                return None
            assert event.opcode is Opcode.BINARY
            self._data += event.data
        data, self._data = self._data, self._data[frame.end :]
        return decode(data, frame, 5)


@asynccontextmanager
async def websocket_house(limits: Limits | None = None) -> AsyncIterator[House]:
    """A listener for WebSockets."""
    policy = Open()
    broker = Broker(policy, None, limits)
    await broker.start()
    server = await asyncio.get_running_loop().create_server(lambda: WebSocket(broker), "127.0.0.1", 0)
    there = House(broker, policy, server.sockets[0].getsockname()[1])
    try:
        yield there
    finally:
        there.leave()
        server.close()
        await broker.stop()
    assert not broker.counts["faults"]


async def surf(there: House, *subprotocols: str) -> tuple[Surfer, Response]:
    """A handshake and its answer."""
    peer = await there.raw()
    protocol = ClientProtocol(
        parse_uri(f"ws://127.0.0.1:{there.port}/mqtt"), subprotocols=[Subprotocol(one) for one in subprotocols] or None
    )
    protocol.send_request(protocol.connect())
    surfer = Surfer(peer.reader, peer.writer, protocol)
    surfer.flush()
    return surfer, await surfer.event()


@clause("MQTT-6.0.0-1", "MQTT-6.0.0-2", "MQTT-6.0.0-3", "MQTT-6.0.0-4")
def test_packets_come_in_binary_frames_however_they_are_cut() -> None:
    async def course() -> None:
        async with websocket_house() as there:
            surfer, answer = await surf(there, "mqttv3.1", "mqtt")
            assert answer.status_code == 101
            assert answer.headers["Sec-WebSocket-Protocol"] == "mqtt"
            hello = encode(Connect("w"), 5)
            surfer.frames(hello[:5], hello[5:] + encode(Subscribe(1, [SubscribeItem("t", 0)]), 5))
            assert (await surfer.packet()).reason == 0
            await surfer.packet()
            surfer.frames(encode(Publish("t", b"x" * 70_000), 5) + encode(Ping(Kind.PINGREQ), 5))
            got = [await surfer.packet() for _ in range(2)]
            assert isinstance(got[0], Publish)
            assert got[0].payload == b"x" * 70_000
            surfer.frames(encode(Disconnect(), 5))
            assert await surfer.packet() is None
            surfer.writer.close()
            await there.until(lambda: not there.broker.connections)

    run(course())


@clause("MQTT-6.0.0-3")
@pytest.mark.parametrize("subprotocols", [(), ("chat",)])
def test_who_does_not_ask_for_mqtt_is_refused(subprotocols: tuple[str, ...]) -> None:
    async def course() -> int:
        async with websocket_house() as there:
            _, answer = await surf(there, *subprotocols)
            await there.until(lambda: not there.broker.connections)
            return answer.status_code

    assert run(course()) == 400


@clause("MQTT-6.0.0-1")
def test_text_is_no_mqtt() -> None:
    async def course() -> None:
        async with websocket_house() as there:
            surfer, _ = await surf(there, "mqtt")
            surfer.protocol.send_text(b"hello")
            surfer.flush()
            event = await surfer.event()
            assert event.opcode is Opcode.CLOSE
            await there.until(lambda: not there.broker.connections)

    run(course())


@pytest.mark.parametrize("data", [b"\x10\x0c\x00\x04MQTT\x05", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"x" * 100_000])
def test_what_is_no_websocket_is_refused(data: bytes) -> None:
    async def course() -> None:
        async with websocket_house() as there:
            peer = await there.raw()
            peer.raw(data)
            peer.raw(b"\r\n\r\n")
            await there.until(lambda: there.broker.connections)
            peer.writer.write_eof()
            await there.until(lambda: not there.broker.connections)

    run(course())


def test_the_bounds_hold_over_websockets() -> None:
    async def course() -> None:
        async with websocket_house() as there:
            silent = await there.raw()
            await there.until(lambda: there.broker.connections)
            [connection] = there.broker.connections
            connection.look(connection.opened + 10.1)
            assert await silent.ended() == []
            surfer, _ = await surf(there, "mqtt")
            surfer.frames(encode(Connect("w"), 5))
            await surfer.packet()
            surfer.frames(b"\x30\xff\xff\xff\x7f")
            assert (await surfer.packet()).reason == Reason.PACKET_TOO_LARGE

    run(course())


# -- TLS and settings


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this test, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now: datetime = wall_now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_the_web_process_listens_where_its_settings_say_and_stops(
    committed: City, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate
    environment = Environment(
        mqtt_port=free_port(), mqtt_ws_port=free_port(), mqtt_tls_port=free_port(), mqtt_tls_certificate=cert,
        mqtt_tls_key=key,
    )  # fmt: skip
    monkeypatch.setattr(settings, "ENVIRONMENT", environment)
    context = ssl.create_default_context(cafile=str(cert))

    async def course() -> None:
        await lean.startup()
        try:
            listener = serving._listener
            assert listener is not None
            assert listener.ports() == [environment.mqtt_port, environment.mqtt_tls_port, environment.mqtt_ws_port]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", environment.mqtt_tls_port, ssl=context, server_hostname="localhost"
            )
            peer = Peer(reader, writer, 5)
            peer.send(Connect("nobody"))
            assert (await peer.expect(Connack)).reason == Reason.BAD_CREDENTIALS
            writer.close()
            assert await peer.ended() == []
            # the receive buffer of a TLS connection is asyncio's own business: if this attribute goes, devices get dear
            assert sslproto.SSLProtocol.max_size == serving.TLS_BUFFER
        finally:
            await lean.shutdown()
        assert serving._listener is None
        for port in (environment.mqtt_port, environment.mqtt_tls_port, environment.mqtt_ws_port):
            with pytest.raises(OSError):  # noqa: PT011  # its text is the system's
                await asyncio.open_connection("127.0.0.1", port)

    run(course())


def test_without_a_port_nothing_listens(committed: City) -> None:
    async def course() -> None:
        await lean.startup()
        assert serving._listener is None
        await lean.shutdown()

    run(course())


def test_a_port_that_is_taken_stops_the_start(committed: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def course() -> None:
        with pytest.raises(OSError):  # noqa: PT011  # its text is the system's
            await lean.startup()
        await lean.shutdown()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(
            settings, "ENVIRONMENT", Environment(mqtt_port=free_port(), mqtt_ws_port=taken.getsockname()[1])
        )
        run(course())


def test_tls_that_is_half_set_stops_the_start(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with pytest.raises(BadEnvironment, match="needs SCOC_MQTT_TLS_CERTIFICATE"):
        serving.wanted(Environment(mqtt_tls_port=8883, mqtt_tls_key=key))
    with pytest.raises(BadEnvironment, match="need SCOC_MQTT_TLS_PORT"):
        serving.wanted(Environment(mqtt_port=1883, mqtt_tls_key=key))
    with pytest.raises(BadEnvironment, match="cannot be used"):
        serving.tls_context(Environment(mqtt_tls_port=8883, mqtt_tls_certificate=key, mqtt_tls_key=cert))
    assert not serving.wanted(Environment())
    assert serving.wanted(Environment(mqtt_tls_port=8883, mqtt_tls_certificate=cert, mqtt_tls_key=key))
