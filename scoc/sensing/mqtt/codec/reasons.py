"""The reason codes of MQTT 5.0, section 2.4, what 3.1.1 says instead, and the refusal of a packet."""

from __future__ import annotations

from enum import IntEnum

V4 = 4
"""Protocol level of MQTT 3.1.1."""
V5 = 5
"""Protocol level of MQTT 5.0."""


class Reason(IntEnum):
    """Codes of section 2.4; from 0x80 on they say that something failed."""

    SUCCESS = 0x00
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    REAUTHENTICATE = 0x19
    UNSPECIFIED = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC = 0x83
    UNSUPPORTED_VERSION = 0x84
    CLIENT_ID_NOT_VALID = 0x85
    BAD_CREDENTIALS = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_ID_IN_USE = 0x91
    PACKET_ID_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2


_RETURN_CODES = {
    Reason.SUCCESS: 0, Reason.UNSUPPORTED_VERSION: 1, Reason.CLIENT_ID_NOT_VALID: 2, Reason.BAD_CREDENTIALS: 4,
    Reason.BAD_AUTHENTICATION_METHOD: 4, Reason.NOT_AUTHORIZED: 5, Reason.BANNED: 5,
}  # fmt: skip


def return_code(reason: int) -> int:
    """What a 3.1.1 CONNACK says of a reason (3.1.1 section 3.2.2.3); all else is "server unavailable"."""
    return _RETURN_CODES.get(Reason(reason), 3)


class Malformed(Exception):
    """The packet breaks a rule of the standard; `clause` is the rule's number where it has one."""

    def __init__(self, text: str, clause: str = "", reason: Reason = Reason.MALFORMED_PACKET) -> None:
        super().__init__(f"{text} [{clause}]" if clause else text)
        self.text = text
        self.clause = clause
        self.reason = reason


def protocol_error(text: str, clause: str = "") -> Malformed:
    """The packet can be read, and may not be sent like that or now."""
    return Malformed(text, clause, Reason.PROTOCOL_ERROR)
