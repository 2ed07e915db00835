"""The control packets as values; sections 3.1 to 3.15 of MQTT 5.0, 3.1 to 3.14 of 3.1.1."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from scoc.sensing.mqtt.codec.properties import NONE, Properties


class Kind(IntEnum):
    """Table 2-1."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(slots=True)
class Will:
    """What is to be published when the client is lost (遗嘱)."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Connect:
    """A client's first packet."""

    client_id: str = ""
    version: int = 5
    clean_start: bool = True
    keep_alive: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Connack:
    """The answer to CONNECT; `reason` is a return code in 3.1.1."""

    reason: int = 0
    session_present: bool = False
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Publish:
    """An application message under way."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Acknowledgement:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    kind: Kind
    packet_id: int
    reason: int = 0
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class SubscribeItem:
    """One topic filter of a SUBSCRIBE with its options."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(slots=True)
class Subscribe:
    """A wish for messages."""

    packet_id: int
    items: list[SubscribeItem]
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Suback:
    """The answer to SUBSCRIBE: one reason for each filter."""

    packet_id: int
    reasons: list[int]
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Unsubscribe:
    """The end of such wishes."""

    packet_id: int
    filters: list[str]
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Unsuback:
    """The answer to UNSUBSCRIBE; 3.1.1 has no reasons in it."""

    packet_id: int
    reasons: list[int] = field(default_factory=list)
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Ping:
    """PINGREQ or PINGRESP."""

    kind: Kind


@dataclass(slots=True)
class Disconnect:
    """The last packet; 3.1.1 knows it without a reason, from the client only."""

    reason: int = 0
    properties: Properties = field(default_factory=lambda: NONE)


@dataclass(slots=True)
class Auth:
    """A step of an extended authentication, in 5.0 only."""

    reason: int = 0
    properties: Properties = field(default_factory=lambda: NONE)


Packet = (
    Connect
    | Connack
    | Publish
    | Acknowledgement
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Ping
    | Disconnect
    | Auth
)
