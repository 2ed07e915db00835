"""The properties of MQTT 5.0, section 2.2.2: which there are, of which type, in which packets."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any, Final

from scoc.sensing.mqtt.codec import fields
from scoc.sensing.mqtt.codec.fields import Reader
from scoc.sensing.mqtt.codec.reasons import Malformed, Reason, protocol_error


class Property(IntEnum):
    """Table 2-4."""

    PAYLOAD_FORMAT_INDICATOR = 1
    MESSAGE_EXPIRY_INTERVAL = 2
    CONTENT_TYPE = 3
    RESPONSE_TOPIC = 8
    CORRELATION_DATA = 9
    SUBSCRIPTION_IDENTIFIER = 11
    SESSION_EXPIRY_INTERVAL = 17
    ASSIGNED_CLIENT_IDENTIFIER = 18
    SERVER_KEEP_ALIVE = 19
    AUTHENTICATION_METHOD = 21
    AUTHENTICATION_DATA = 22
    REQUEST_PROBLEM_INFORMATION = 23
    WILL_DELAY_INTERVAL = 24
    REQUEST_RESPONSE_INFORMATION = 25
    RESPONSE_INFORMATION = 26
    SERVER_REFERENCE = 28
    REASON_STRING = 31
    RECEIVE_MAXIMUM = 33
    TOPIC_ALIAS_MAXIMUM = 34
    TOPIC_ALIAS = 35
    MAXIMUM_QOS = 36
    RETAIN_AVAILABLE = 37
    USER_PROPERTY = 38
    MAXIMUM_PACKET_SIZE = 39
    WILDCARD_SUBSCRIPTION_AVAILABLE = 40
    SUBSCRIPTION_IDENTIFIER_AVAILABLE = 41
    SHARED_SUBSCRIPTION_AVAILABLE = 42


Properties = dict[Property, Any]
"""Values by property. User properties are a list of pairs in their order, subscription identifiers a list."""
NONE: Final[Properties] = {}
"""What most packets have; never changed."""


class Form(Enum):
    """How a value stands in a packet."""

    FLAG = "a byte that is 0 or 1"
    SHORT = "two bytes"
    LONG = "four bytes"
    VARIABLE = "a variable byte integer"
    TEXT = "a UTF-8 text"
    BINARY = "binary data"
    PAIR = "two UTF-8 texts"


WILL = 0
"""The packet kind 0 is reserved; here it stands for the will within a CONNECT."""
_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _DISCONNECT, _AUTH = 1, 2, 3, 8, 14, 15
_ACKS = (4, 5, 6, 7, 9, 11)
_EVERYWHERE = frozenset({WILL, 1, 2, 3, *_ACKS, 8, 10, 14, 15})

P = Property
TABLE: Final[dict[Property, tuple[Form, frozenset[int]]]] = {
    P.PAYLOAD_FORMAT_INDICATOR: (Form.FLAG, frozenset({_PUBLISH, WILL})),
    P.MESSAGE_EXPIRY_INTERVAL: (Form.LONG, frozenset({_PUBLISH, WILL})),
    P.CONTENT_TYPE: (Form.TEXT, frozenset({_PUBLISH, WILL})),
    P.RESPONSE_TOPIC: (Form.TEXT, frozenset({_PUBLISH, WILL})),
    P.CORRELATION_DATA: (Form.BINARY, frozenset({_PUBLISH, WILL})),
    P.SUBSCRIPTION_IDENTIFIER: (Form.VARIABLE, frozenset({_PUBLISH, _SUBSCRIBE})),
    P.SESSION_EXPIRY_INTERVAL: (Form.LONG, frozenset({_CONNECT, _CONNACK, _DISCONNECT})),
    P.ASSIGNED_CLIENT_IDENTIFIER: (Form.TEXT, frozenset({_CONNACK})),
    P.SERVER_KEEP_ALIVE: (Form.SHORT, frozenset({_CONNACK})),
    P.AUTHENTICATION_METHOD: (Form.TEXT, frozenset({_CONNECT, _CONNACK, _AUTH})),
    P.AUTHENTICATION_DATA: (Form.BINARY, frozenset({_CONNECT, _CONNACK, _AUTH})),
    P.REQUEST_PROBLEM_INFORMATION: (Form.FLAG, frozenset({_CONNECT})),
    P.WILL_DELAY_INTERVAL: (Form.LONG, frozenset({WILL})),
    P.REQUEST_RESPONSE_INFORMATION: (Form.FLAG, frozenset({_CONNECT})),
    P.RESPONSE_INFORMATION: (Form.TEXT, frozenset({_CONNACK})),
    P.SERVER_REFERENCE: (Form.TEXT, frozenset({_CONNACK, _DISCONNECT})),
    P.REASON_STRING: (Form.TEXT, frozenset({_CONNACK, *_ACKS, _DISCONNECT, _AUTH})),
    P.RECEIVE_MAXIMUM: (Form.SHORT, frozenset({_CONNECT, _CONNACK})),
    P.TOPIC_ALIAS_MAXIMUM: (Form.SHORT, frozenset({_CONNECT, _CONNACK})),
    P.TOPIC_ALIAS: (Form.SHORT, frozenset({_PUBLISH})),
    P.MAXIMUM_QOS: (Form.FLAG, frozenset({_CONNACK})),
    P.RETAIN_AVAILABLE: (Form.FLAG, frozenset({_CONNACK})),
    P.USER_PROPERTY: (Form.PAIR, _EVERYWHERE),
    P.MAXIMUM_PACKET_SIZE: (Form.LONG, frozenset({_CONNECT, _CONNACK})),
    P.WILDCARD_SUBSCRIPTION_AVAILABLE: (Form.FLAG, frozenset({_CONNACK})),
    P.SUBSCRIPTION_IDENTIFIER_AVAILABLE: (Form.FLAG, frozenset({_CONNACK})),
    P.SHARED_SUBSCRIPTION_AVAILABLE: (Form.FLAG, frozenset({_CONNACK})),
}
NEVER_ZERO: Final = {
    P.SUBSCRIPTION_IDENTIFIER: Reason.PROTOCOL_ERROR, P.RECEIVE_MAXIMUM: Reason.PROTOCOL_ERROR,
    P.MAXIMUM_PACKET_SIZE: Reason.PROTOCOL_ERROR, P.TOPIC_ALIAS: Reason.TOPIC_ALIAS_INVALID,
}  # fmt: skip
"""Where zero stands in one of these, it is this error."""
LISTS: Final = frozenset({P.USER_PROPERTY, P.SUBSCRIPTION_IDENTIFIER})
"""What may stand several times; a subscription identifier in a PUBLISH only."""
_BY_NUMBER: Final = {int(found): (found, *TABLE[found]) for found in P}
MOST_USER_PROPERTIES = 256
"""More than this in one packet is refused: each costs memory for as long as the message lives."""


def _value(reader: Reader, form: Form, name: Property) -> Any:
    if form is Form.FLAG:
        flag = reader.byte()
        if flag > 1:
            raise protocol_error(f"{name.name} is {flag}, neither 0 nor 1")
        return flag
    if form is Form.PAIR:
        return reader.text(), reader.text()
    if form is Form.SHORT:
        return reader.short()
    if form is Form.LONG:
        return reader.long()
    if form is Form.VARIABLE:
        return reader.variable()
    return reader.text() if form is Form.TEXT else reader.binary()


def read(reader: Reader, kind: int) -> Properties:
    """The properties of a packet of this kind, or of a will."""
    length = reader.variable()
    if not length:
        return NONE
    if length > reader.left():
        raise Malformed("the properties are longer than the packet", "MQTT-2.2.2-1")
    part = Reader(reader.data, reader.position, reader.position + length)
    reader.position += length
    found: Properties = {}
    while part.left():
        number = part.variable()
        known = _BY_NUMBER.get(number)
        if known is None:
            raise Malformed(f"there is no property {number}")
        name, form, kinds = known
        if kind not in kinds:
            raise Malformed(f"{name.name} has no place in this packet")
        value = _value(part, form, name)
        if not value and name in NEVER_ZERO:
            raise Malformed(f"{name.name} is 0", reason=NEVER_ZERO[name])
        if name in LISTS and not (kind == _SUBSCRIBE and name is P.SUBSCRIPTION_IDENTIFIER):
            values = found.setdefault(name, [])
            values.append(value)
            if len(values) > MOST_USER_PROPERTIES:
                raise Malformed("the packet has too many properties", reason=Reason.QUOTA_EXCEEDED)
        elif name in found:
            raise protocol_error(f"{name.name} stands twice")
        else:
            found[name] = value
    if P.AUTHENTICATION_DATA in found and P.AUTHENTICATION_METHOD not in found:
        raise protocol_error("authentication data without a method")
    return found


def _written(name: Property, form: Form, value: Any) -> bytes:
    head = bytes((name,))
    if form is Form.FLAG:
        return head + bytes((value,))
    if form is Form.SHORT:
        return head + int(value).to_bytes(2)
    if form is Form.LONG:
        return head + int(value).to_bytes(4)
    if form is Form.VARIABLE:
        return head + fields.variable(value)
    if form is Form.TEXT:
        return head + fields.text(value)
    if form is Form.BINARY:
        return head + fields.binary(value)
    return head + fields.text(value[0]) + fields.text(value[1])


def write(values: Properties) -> bytes:
    """Properties with their length in front."""
    if not values:
        return b"\x00"
    parts: list[bytes] = []
    for name, value in values.items():
        form = TABLE[name][0]
        many = value if name in LISTS and isinstance(value, list) else (value,)
        parts.extend(_written(name, form, one) for one in many)
    body = b"".join(parts)
    return fields.variable(len(body)) + body
