"""What the listener knows of a client from one connection to the next: subscriptions and messages under way."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scoc.sensing.mqtt.codec import Will
from scoc.sensing.mqtt.policy import Message, Verdict
from scoc.sensing.mqtt.router import Subscription

if TYPE_CHECKING:
    from scoc.sensing.mqtt.connections import Connection

Key = tuple[str, str]
"""Principal and client identifier."""


@dataclass(eq=False, slots=True)
class Outgoing:
    """A message of QoS 1 or 2 on its way to one client."""

    message: Message
    qos: int
    retain: bool
    identifiers: list[int]
    packet_id: int
    sent: bool = False
    """It may have been sent before: the next time it is a duplicate."""
    released: bool = False
    """The client has it (PUBREC); PUBREL is what it gets now."""


@dataclass(eq=False, slots=True)
class Session:
    """The state of section 4.1."""

    key: Key
    number: int
    """Under which it is stored."""
    expiry_seconds: int = 0
    stored: bool = False
    connection: Connection | None = None
    ended: int | None = None
    """Since when it has no connection, wall time in microseconds."""
    will: Will | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    waiting: deque[Outgoing] = field(default_factory=deque)
    inflight: dict[int, Outgoing] = field(default_factory=dict)
    """In the order of their sending."""
    ids: dict[int, Outgoing] = field(default_factory=dict)
    """Everything that waits or is in flight, by packet identifier."""
    bytes: int = 0
    received: set[int] = field(default_factory=set)
    """Publications of QoS 2 that were taken and not released yet."""
    taking: dict[int, asyncio.Future[Verdict]] = field(default_factory=dict)
    """Publications of QoS 2 that are being taken."""
    next_id: int = 0

    def ready(self) -> bool:
        """Whether its client is there and takes messages."""
        return self.connection is not None and self.connection.outbox.takes()

    def kept(self) -> bool:
        """Whether it keeps messages until its client comes."""
        return self.expiry_seconds > 0 or self.connection is not None

    def full(self, messages: int, size: int) -> bool:
        """Whether no further message may wait."""
        return len(self.ids) >= messages or self.bytes >= size

    def put(self, message: Message, qos: int, *, retain: bool, identifiers: list[int]) -> Outgoing:
        """Let a message wait, under a packet identifier that nothing else of this session has."""
        while True:
            self.next_id = self.next_id % 65_535 + 1
            if self.next_id not in self.ids:
                break
        made = Outgoing(message, qos, retain, identifiers, self.next_id)
        self.restore(made)
        return made

    def restore(self, made: Outgoing) -> None:
        """Let a message wait under its own packet identifier; one that was released before is in flight."""
        self.ids[made.packet_id] = made
        self.bytes += len(made.message.payload)
        if made.released:
            self.inflight[made.packet_id] = made
        else:
            self.waiting.append(made)

    def done(self, made: Outgoing) -> None:
        """A message needs nothing more."""
        self.inflight.pop(made.packet_id, None)
        if self.ids.pop(made.packet_id, None) is not None:
            self.bytes -= len(made.message.payload)

    def rewind(self) -> None:
        """Before a new connection: what was sent and not acknowledged is sent again, in its order (MQTT-4.4.0-1)."""
        again = [made for made in self.inflight.values() if not made.released]
        for made in again:
            del self.inflight[made.packet_id]
        self.waiting.extendleft(reversed(again))
