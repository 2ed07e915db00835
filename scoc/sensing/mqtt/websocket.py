"""MQTT over WebSockets, section 6: binary frames of the subprotocol `mqtt` around the same connection."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.exceptions import InvalidHandshake, ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from scoc.sensing.mqtt.broker import Broker
from scoc.sensing.mqtt.connections import Connection

SUBPROTOCOL = Subprotocol("mqtt")


class _Inner:
    """The transport that a connection sees: what it writes becomes a binary frame."""

    def __init__(self, door: WebSocket) -> None:
        self._door = door

    def write(self, data: bytes) -> None:
        """Send one binary frame."""
        self._door.frame(data)

    def close(self) -> None:
        """Close after what was written."""
        self._door.close()

    def abort(self) -> None:
        """Close at once."""
        self._door.transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing is sent any more."""
        return self._door.transport.is_closing() or self._door.protocol.state in (State.CLOSING, State.CLOSED)

    def pause_reading(self) -> None:
        """Read no more."""
        self._door.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._door.transport.resume_reading()

    def set_write_buffer_limits(self, high: int) -> None:
        """When writing is to pause."""
        self._door.transport.set_write_buffer_limits(high=high)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the socket."""
        return self._door.transport.get_extra_info(name, default)


class WebSocket(asyncio.Protocol):
    """A socket that speaks HTTP first."""

    transport: asyncio.Transport

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.protocol = ServerProtocol(subprotocols=[SUBPROTOCOL], max_size=broker.limits.packet_bytes)
        self.connection = Connection(broker)

    def connection_made(self, transport: Any) -> None:
        """A socket has been opened; it counts as a connection at once, and must send CONNECT in time."""
        self.transport = transport
        self.connection.connection_made(_Inner(self))

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        try:
            self.protocol.receive_data(data)
        except (EOFError, InvalidHandshake, ProtocolError):
            self.transport.abort()
            return
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self._greet(event)
            elif isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                if event.opcode is Opcode.TEXT:  # MQTT-6.0.0-1
                    self.protocol.fail(CloseCode.UNSUPPORTED_DATA, "MQTT is sent in binary frames")
                    break
                # a packet may begin in one frame and end in another (MQTT-6.0.0-2)
                self.connection.data_received(bytes(event.data))
        self._flush()

    def _greet(self, request: Request) -> None:
        """The subprotocol must be asked for, and is confirmed (MQTT-6.0.0-3, MQTT-6.0.0-4)."""
        self.protocol.send_response(self.protocol.accept(request))

    def frame(self, data: bytes) -> None:
        """Send one binary frame."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_binary(data)
            self._flush()

    def close(self) -> None:
        """Say good-bye and close."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._flush()
        self.transport.close()

    def _flush(self) -> None:
        for part in self.protocol.data_to_send():
            if part:
                self.transport.write(part)
            else:
                self.transport.close()
        if self.protocol.close_expected() and not self.transport.is_closing():
            self.transport.close()

    def eof_received(self) -> bool:
        """The client says no more."""
        self.protocol.receive_eof()
        self._flush()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The socket is closed."""
        self.connection.connection_lost(error)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        """It has room again."""
        self.connection.resume_writing()
