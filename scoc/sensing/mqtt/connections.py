"""One client's connection: framing, CONNECT, dispatch, keep-alive, the end. Section 4.13 says how errors end it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from scoc.sensing.mqtt.codec import (
    NONE,
    V5,
    Acknowledgement,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Malformed,
    P,
    Packet,
    Properties,
    Reason,
    Subscribe,
    Unsubscribe,
    decode,
    encode,
    next_frame,
)
from scoc.sensing.mqtt.codec.decoding import fitting
from scoc.sensing.mqtt.codec.decoding import publish as decode_publish
from scoc.sensing.mqtt.codec.encoding import PINGRESP
from scoc.sensing.mqtt.codec.framing import needed
from scoc.sensing.mqtt.codec.reasons import protocol_error, return_code
from scoc.sensing.mqtt.inbox import Inbox
from scoc.sensing.mqtt.outbox import Outbox
from scoc.sensing.mqtt.policy import Client

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker
    from scoc.sensing.mqtt.sessions import Session

ADMITTING = "admitting"
SUBSCRIBING = "subscribing"
WRITING = "writing"


class Transport(Protocol):
    """What a connection needs of a TCP, TLS or WebSocket transport."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


class Connection(asyncio.Protocol):
    """The server's side of a network connection."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.loop = asyncio.get_running_loop()
        self.transport: Transport | None = None
        self.version = 0
        """0 until CONNECT tells it."""
        self.session: Session | None = None
        self.client: Client | None = None
        self.inbox = Inbox(self)
        self.outbox = Outbox(self)
        self.ending = False
        self.explains = False
        """Whether the client wants reason strings."""
        self.keep_alive = 0
        self.expiry_asked = 0
        """Session expiry that CONNECT asked for."""
        self.heard = self.opened = time.monotonic()
        self._buffer = b""
        self._parts: list[bytes] = []
        """The pieces of a packet of which the rest is to come."""
        self._came = 0
        self._needed = 0
        self._holds: set[str] = set()
        self._cutting: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol

    def connection_made(self, transport: Any) -> None:
        """A socket has been opened."""
        self.transport = transport
        transport.set_write_buffer_limits(high=self.broker.limits.buffer_bytes)
        if not self.broker.opened(self):
            self.ending = True
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if self.ending:
            return
        self.heard = time.monotonic()
        if self._needed:  # joined once it is whole: whoever sends byte by byte must not make us copy byte by byte
            self._parts.append(data)
            self._came += len(data)
            if self._came < self._needed:
                return
            data, self._needed = b"".join(self._parts), 0
            self._parts.clear()
            self._buffer = data
        else:
            self._buffer = self._buffer + data if self._buffer else data
        self._parse()

    def eof_received(self) -> bool:
        """The client says no more: what it said counts, and then it is gone."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self._gone()
        self.broker.closed(self)
        if self._cutting is not None:
            self._cutting.cancel()
        self.transport = None

    def pause_writing(self) -> None:
        """The transport's buffer is full: whoever does not take answers gives no more to answer."""
        self.outbox.paused()
        self.hold(WRITING)

    def resume_writing(self) -> None:
        """It has room again."""
        self.outbox.resumed()
        self.release(WRITING)

    @property
    def closed(self) -> bool:
        """Whether it has ended or is about to."""
        return self.ending

    # -- reading

    def hold(self, why: str) -> None:
        """Read nothing more for a while."""
        if not self._holds and self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()
        self._holds.add(why)

    def held_for(self, why: str) -> bool:
        """Whether it rests for this reason."""
        return why in self._holds

    def release(self, why: str) -> None:
        """Read on, unless there is another reason to rest."""
        if why not in self._holds:
            return
        self._holds.discard(why)
        if self._holds:
            return
        self.heard = time.monotonic()
        self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._holds or self.ending or self.transport is None or self.transport.is_closing():
            return
        self._parse()
        if not self._holds and not self.ending and self.transport is not None:
            self.transport.resume_reading()

    def _parse(self) -> None:
        """Handle every whole packet in the buffer."""
        data, position = self._buffer, 0
        limits = self.broker.limits
        try:
            while not self._holds and not self.ending:
                if self.session is None and position < len(data) and data[position] != Kind.CONNECT << 4:
                    raise protocol_error("the first packet is no CONNECT", "MQTT-3.1.0-1")
                most = limits.packet_bytes if self.session is not None else limits.connect_bytes
                frame = next_frame(data, position, most, self.version)
                if frame is None:
                    break
                position = frame.end
                if frame.first >> 4 == Kind.PUBLISH:
                    self.inbox.publish(decode_publish(data, frame.first, frame.start, frame.end, self.version))
                else:
                    self._handle(decode(data, frame, self.version))
        except Malformed as fault:
            self.broker.counts["malformed"] += 1
            self._refuse(fault)
        except Exception:  # noqa: BLE001  # it is recorded, and costs one connection only
            self.broker.failed("a packet could not be handled")
            self.end(Reason.UNSPECIFIED)
        self._buffer = b"" if self.ending else data[position:]
        if self._buffer and not self._holds:
            self._needed = needed(self._buffer, 0)
            if self._needed:
                self._parts, self._came, self._buffer = [self._buffer], len(self._buffer), b""

    def _refuse(self, fault: Malformed) -> None:
        """End the connection with the reason code where the client's version is known (MQTT-4.13.1-1)."""
        if self.session is None:
            version = self.version or _version_told(self._buffer)
            self.answer_connect(fault.reason, version=version, text=fault.text)
        else:
            self.end(fault.reason, fault.text)

    def _handle(self, packet: Packet) -> None:
        """Any packet but PUBLISH."""
        if isinstance(packet, Connect):
            if self.session is not None:
                raise protocol_error("a second CONNECT", "MQTT-3.1.0-2")
            self.broker.connect(self, packet)
            return
        session = self.session
        assert session is not None
        if isinstance(packet, Acknowledgement):
            if packet.kind is Kind.PUBREL:
                self.inbox.released(session, packet.packet_id)
                return
            fault = self.outbox.acknowledged(session, packet.kind, packet.packet_id, packet.reason)
            if fault is not None:
                raise protocol_error(fault)
        elif isinstance(packet, Subscribe):
            self.broker.subscriptions.subscribe(self, packet)
        elif isinstance(packet, Unsubscribe):
            self.broker.subscriptions.unsubscribe(self, packet)
        elif isinstance(packet, Disconnect):
            self._farewell(session, packet)
        else:
            self._rarely(packet)

    def _rarely(self, packet: Packet) -> None:
        kind = getattr(packet, "kind", None)
        if kind is Kind.PINGREQ:
            self.outbox.send(PINGRESP)
            return
        raise protocol_error(f"{kind.name if kind else type(packet).__name__} does not come from a client like this")

    def _farewell(self, session: Session, packet: Disconnect) -> None:
        """DISCONNECT: its will is not published, unless it asks for that."""
        expiry = packet.properties.get(P.SESSION_EXPIRY_INTERVAL)
        if P.SERVER_REFERENCE in packet.properties:
            raise protocol_error("a client names no server", "MQTT-3.14.2-1")
        if expiry is not None:
            if expiry and not self.expiry_asked:
                raise protocol_error("a session that was to end cannot be kept", "MQTT-3.14.2-2")
            session.expiry_seconds = min(expiry, self.broker.limits.session_seconds)
        if packet.reason == Reason.SUCCESS:
            session.will = None
        self.outbox.flush()
        self.ending = True
        self._gone()
        if self.transport is not None:
            self.transport.close()
            self.cut_off_later()

    # -- CONNECT

    def answer_connect(
        self, reason: int, *, version: int = 0, present: bool = False, found: Properties = NONE, text: str = ""
    ) -> None:
        """CONNACK; a refusal ends the connection."""
        version = version or self.version
        if not version and reason:
            self._close_soon(b"")
            return
        code = fitting(Kind.CONNACK, reason) if version == V5 else return_code(reason)
        if text and reason and version == V5:
            found = {**found, P.REASON_STRING: text}
        packet = encode(Connack(code, present and not reason, found), version)
        if reason:
            self._close_soon(packet)
        else:
            self.outbox.send(packet)

    # -- the end

    def end(self, reason: int, text: str = "") -> None:
        """End the connection from our side."""
        if self.ending:
            return
        last = b""
        if self.version == V5 and self.session is not None:
            found: Properties = {P.REASON_STRING: text[:200]} if text else NONE
            last = encode(Disconnect(fitting(Kind.DISCONNECT, reason), found), V5)
        self._close_soon(last)

    def _close_soon(self, last: bytes) -> None:
        """Send the last packet, and keep the socket for a moment, so that no reset overtakes it."""
        self.outbox.flush()
        stuck = self.outbox.paused_since is not None
        self.ending = True
        self._buffer = b""
        transport = self.transport
        self._gone()
        if transport is None or transport.is_closing():
            return
        if stuck:  # a close would wait until the client takes what is in the buffer
            transport.abort()
            return
        if last:
            transport.write(last)
            if self._holds:
                transport.resume_reading()
            self._cutting = self.loop.call_later(self.broker.limits.farewell_seconds, self._close)
        else:
            self._close()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()
            self.cut_off_later()

    def cut_off_later(self) -> None:
        """A client that does not even take the rest is cut off."""
        if self._cutting is not None:
            self._cutting.cancel()
        self._cutting = self.loop.call_later(self.broker.limits.farewell_seconds * 5, self._abort)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _gone(self) -> None:
        """Part from the session."""
        session, self.session = self.session, None
        self.ending = True
        if self.client is not None:
            client, self.client = self.client, None
            self.broker.parted(self, client, session)

    def look(self, now: float) -> None:
        """Once a second: has the client been silent or stuck for too long?"""
        limits = self.broker.limits
        if self.ending:
            return
        stuck = self.outbox.paused_since
        if stuck is not None and now - stuck > limits.stalled_seconds:
            self.broker.counts["stalled"] += 1
            self.end(Reason.UNSPECIFIED)
        elif self.session is None:
            if ADMITTING not in self._holds and now - self.opened > limits.connect_seconds:
                self.end(Reason.MAXIMUM_CONNECT_TIME)
        elif self.keep_alive and not self._holds and now - self.heard > 1.5 * self.keep_alive:  # MQTT-3.1.2-22
            self.end(Reason.KEEP_ALIVE_TIMEOUT)


def _version_told(data: bytes) -> int:
    """The version of a CONNECT that could not be read as a whole, where it tells one that has reason codes."""
    at = data.find(b"\x00\x04MQTT", 0, 12)
    if at < 0 or at + 6 >= len(data):
        return 0
    return V5 if data[at + 6] >= V5 else 4
