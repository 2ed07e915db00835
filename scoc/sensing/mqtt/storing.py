"""What the protocol engine asks of a store, and the one that keeps nothing beyond the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scoc.sensing.mqtt.policy import Message

if TYPE_CHECKING:
    from scoc.sensing.mqtt.router import Subscription
    from scoc.sensing.mqtt.sessions import Outgoing, Session


@dataclass(slots=True)
class Kept:
    """What a store kept: sessions with all that is theirs, and retained messages."""

    sessions: list[Session] = field(default_factory=list)
    retained: list[Message] = field(default_factory=list)


class Store:
    """Keeps nothing. What derives from it writes in the order of the calls, and tells when it is written."""

    def load(self) -> Kept:
        """What was kept; in a thread, before anything else."""
        return Kept()

    def full(self) -> bool:
        """Whether too much waits to be written."""
        return False

    def session(self, session: Session) -> None:
        """A session began, goes on, or lost its connection."""

    def forget(self, session: Session) -> None:
        """A session ended."""

    def subscription(self, session: Session, subscription: Subscription) -> None:
        """A subscription began or changed."""

    def unsubscription(self, session: Session, filter_: str) -> None:
        """A subscription ended."""

    def queue(self, session: Session, made: Outgoing) -> None:
        """A message waits for its client."""

    def release(self, session: Session, packet_id: int) -> None:
        """The client has the message."""

    def done(self, session: Session, packet_id: int) -> None:
        """The message needs nothing more."""

    def received(self, session: Session, packet_id: int) -> None:
        """A publication of QoS 2 was taken."""

    def completed(self, session: Session, packet_id: int) -> None:
        """Its identifier is free again."""

    def retain(self, message: Message) -> None:
        """A topic has a retained message."""

    def unretain(self, topic: str) -> None:
        """A topic has none any more."""

    def after(self, told: Callable[[], object]) -> None:
        """Call back, in the event loop, once everything so far is written."""
        told()

    def stop(self) -> None:
        """Write what waits, then end; in a thread."""
