"""The seam between the protocol and the hub: who may connect, subscribe and publish, and what a publication becomes.

The engine calls one method per concern. Each may answer at once or with an awaitable; reading from that client rests
meanwhile where order asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Final

from scoc.sensing.mqtt.codec import NONE, Properties, Reason, SubscribeItem


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a CONNECT shows."""

    client_id: str
    username: str | None
    password: bytes | None
    address: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who it is. Sessions belong to a principal: a client identifier reaches those of its own principal only."""

    principal: str
    data: Any = None
    """What the policy wants to find again at the client."""


@dataclass(eq=False, slots=True)
class Client:
    """A connected client, as policies see it."""

    principal: str
    client_id: str
    version: int
    data: Any = None
    connected: bool = True


@dataclass(eq=False, slots=True)
class Message:
    """An application message."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=lambda: NONE)
    """Those that travel with it: format, content type, response topic, correlation data, user properties."""
    expires: int | None = None
    """Wall time in microseconds after which nobody needs it."""
    origin: tuple[str, str] | None = None
    """Principal and client identifier of the session that it came from; None: from the hub."""
    frames: dict[Any, Any] = field(default_factory=dict, repr=False)
    """Its encoded forms, each made once."""


@dataclass(frozen=True, slots=True)
class Route:
    """Pass it on to whoever subscribed."""


@dataclass(frozen=True, slots=True)
class Swallow:
    """The hub has taken it: acknowledged, and passed on to nobody."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It will never be taken: 5.0 gets the reason; 3.1.1, which knows none, the plain acknowledgement, so that the
    message does not come back for ever."""

    reason: int = Reason.NOT_AUTHORIZED
    text: str = ""


@dataclass(frozen=True, slots=True)
class Withhold:
    """It cannot be taken now: no acknowledgement, and the connection ends, so that the client sends it again."""

    reason: int = Reason.SERVER_BUSY


Verdict = Route | Swallow | Refuse | Withhold
ROUTE: Final = Route()
SWALLOW: Final = Swallow()


class Policy:
    """Refuses everybody; what derives from it opens what it wants."""

    def authenticate(self, shown: Credentials) -> Admitted | int | Awaitable[Admitted | int]:
        """Who shows these credentials, or the reason code of the refusal; no session has been touched yet."""
        return Reason.BAD_CREDENTIALS

    def may_subscribe(self, client: Client, item: SubscribeItem) -> int | Awaitable[int]:
        """The QoS that is granted for a valid filter, or the reason code of the refusal.

        Asked again for each subscription of a session that is resumed.
        """
        return Reason.NOT_AUTHORIZED

    def subscribed(self, client: Client, item: SubscribeItem) -> None:
        """A subscription has begun, or goes on in a session that is resumed."""

    def unsubscribed(self, principal: str, client_id: str, filter_: str) -> None:
        """A subscription has ended, be it with its session."""

    def may_receive(self, principal: str, topic: str) -> bool:
        """Whether a message on this topic, which a subscription matches, may be given to its client."""
        return True

    def publish(self, client: Client, message: Message) -> Verdict | Awaitable[Verdict]:
        """What becomes of a publication, or of a client's will; acknowledged only once this is known."""
        return Refuse()

    def connected(self, client: Client) -> None:
        """A client is in."""

    def disconnected(self, client: Client) -> None:
        """A client has gone."""
