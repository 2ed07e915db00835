"""What goes to one client: one write a turn of the loop, messages within its limits, nothing piled up for the slow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from scoc.core.fields import to_micros
from scoc.core.now import wall_now
from scoc.sensing.mqtt.codec import V5, Kind, P, Properties
from scoc.sensing.mqtt.codec.encoding import Parts, acknowledgement, publish_parts
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.mqtt.sessions import Outgoing, Session

if TYPE_CHECKING:
    from scoc.sensing.mqtt.connections import Connection


def micros_now() -> int:
    """Wall time."""
    return to_micros(wall_now())


class Outbox:
    """The sending half of a connection."""

    __slots__ = ("_aliases", "_parts", "_size", "alias_maximum", "connection", "most_bytes", "paused_since", "quota")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.quota = connection.broker.limits.inflight
        """Messages that may be in flight: the client's receive maximum, or ours."""
        self.most_bytes = 0
        """The longest packet that the client takes; 0 for any."""
        self.alias_maximum = 0
        self.paused_since: float | None = None
        self._aliases: dict[str, int] = {}
        self._parts: list[bytes] = []
        self._size = 0

    # -- bytes

    def send(self, data: bytes) -> None:
        """Send with whatever else is sent in this turn of the loop; nothing follows a farewell."""
        if self.connection.ending:
            return
        if not self._parts:
            self.connection.loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)

    def flush(self) -> None:
        """Write what was gathered."""
        parts, self._parts, self._size = self._parts, [], 0
        transport = self.connection.transport
        if parts and transport is not None and not transport.is_closing():
            transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
            session = self.connection.session
            if session is not None and session.waiting:
                self.pump()

    def paused(self) -> None:
        """The client does not take what was written."""
        self.paused_since = time.monotonic()

    def resumed(self) -> None:
        """It has taken enough of it."""
        self.paused_since = None
        self.pump()

    def takes(self) -> bool:
        """Whether more may be written without piling it up."""
        return self.paused_since is None and self._size < self.connection.broker.limits.buffer_bytes

    # -- messages

    def message(self, message: Message, *, retain: bool, identifiers: list[int]) -> bool:
        """Send a message of QoS 0, or shed it: False when the client is too slow, or cannot take it."""
        if (
            self.connection.session is None
            or not self.takes()
            or (message.expires is not None and message.expires <= micros_now())
        ):
            return False
        parts = self._encoded(message, 0, identifiers, retain=retain, dup=False)
        if parts is None:
            return False
        self.send(parts.framed(0))
        return True

    def pump(self) -> None:
        """Send what waits, as far as the client allows."""
        session = self.connection.session
        if session is None or self.connection.ending:
            return
        while session.waiting and len(session.inflight) < self.quota and self.takes():
            made = session.waiting.popleft()
            message = made.message
            parts = None
            if message.expires is None or message.expires > micros_now():
                parts = self._encoded(message, made.qos, made.identifiers, retain=made.retain, dup=made.sent)
            if parts is None:  # too late, or too large for this client (MQTT-3.1.2-25): as if it had been delivered
                self.finish(session, made)
                self.connection.broker.counts["dropped"] += 1
                continue
            made.sent = True
            session.inflight[made.packet_id] = made
            self.send(parts.framed(made.packet_id))

    def release_again(self, session: Session) -> None:
        """PUBREL for whatever the client had before it was lost."""
        for made in session.inflight.values():
            if made.released:
                self.send(acknowledgement(Kind.PUBREL, made.packet_id, 0, self.connection.version))

    def finish(self, session: Session, made: Outgoing) -> None:
        """A message needs nothing more."""
        session.done(made)
        if session.stored:
            self.connection.broker.store.done(session, made.packet_id)

    def _encoded(self, message: Message, qos: int, identifiers: list[int], *, retain: bool, dup: bool) -> Parts | None:
        """A message for this client; None where it is longer than the client takes."""
        version = self.connection.version
        plain = version != V5 or not (identifiers or message.expires is not None or self.alias_maximum)
        parts: Parts | None
        if plain:
            form = (version, qos, retain, dup)
            parts = message.frames.get(form)
            if parts is None:
                parts = publish_parts(
                    version, message.topic, message.payload, qos, message.properties, retain=retain, dup=dup
                )
                if not retain:  # a retained message stays, and would stay with all its forms
                    message.frames[form] = parts
        else:
            parts = self._own(message, qos, identifiers, retain=retain, dup=dup)
        if self.most_bytes and parts.size(qos) > self.most_bytes:
            return None
        return parts

    def _own(self, message: Message, qos: int, identifiers: list[int], *, retain: bool, dup: bool) -> Parts:
        """A message with properties that hold for this client and this moment only."""
        found: Properties = dict(message.properties)
        if message.expires is not None:
            found[P.MESSAGE_EXPIRY_INTERVAL] = max(1, (message.expires - micros_now()) // 1_000_000)
        if identifiers:
            found[P.SUBSCRIPTION_IDENTIFIER] = identifiers
        topic, fresh = message.topic, None
        if self.alias_maximum:
            alias = self._aliases.get(topic)
            if alias is not None:
                found[P.TOPIC_ALIAS] = alias
                topic = ""
            elif len(self._aliases) < self.alias_maximum:
                fresh = len(self._aliases) + 1
                found[P.TOPIC_ALIAS] = fresh
        parts = publish_parts(V5, topic, message.payload, qos, found, retain=retain, dup=dup)
        if fresh is not None and not (self.most_bytes and parts.size(qos) > self.most_bytes):
            self._aliases[message.topic] = fresh
        return parts

    # -- what the client says of them

    def acknowledged(self, session: Session, kind: Kind, packet_id: int, reason: int) -> str | None:
        """PUBACK, PUBREC or PUBCOMP of the client; what is wrong with it, if anything."""
        made = session.inflight.get(packet_id)
        if made is None:
            if kind is Kind.PUBREC:
                self.send(acknowledgement(Kind.PUBREL, packet_id, 0x92, self.connection.version))
            return None
        if (kind is Kind.PUBACK) != (made.qos == 1):
            return f"{kind.name} for a message of QoS {made.qos}"
        if kind is Kind.PUBREC and reason < 0x80:
            made.released = True
            released = acknowledgement(Kind.PUBREL, packet_id, 0, self.connection.version)
            if session.stored:  # else after a crash a message that the client has would begin anew
                self.connection.broker.store.release(session, packet_id)
                self.connection.broker.store.after(lambda: self.send(released))
            else:
                self.send(released)
            return None
        self.finish(session, made)
        self.pump()
        return None
