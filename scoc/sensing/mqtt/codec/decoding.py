"""Packets from bytes. What breaks a rule raises Malformed with the reason code that the standard gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.codec import properties
from scoc.sensing.mqtt.codec.fields import Reader, text_of
from scoc.sensing.mqtt.codec.framing import FLAGS, Frame
from scoc.sensing.mqtt.codec.packets import (
    Acknowledgement,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Ping,
    Publish,
    Suback,
    Subscribe,
    SubscribeItem,
    Unsuback,
    Unsubscribe,
    Will,
)
from scoc.sensing.mqtt.codec.properties import NONE, P, Properties
from scoc.sensing.mqtt.codec.reasons import V4, V5, Malformed, Reason, protocol_error

_RECEIVED = frozenset({0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99})
_RELEASED = frozenset({0, 0x92})
_SUBSCRIBED = frozenset({0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2})
_UNSUBSCRIBED = frozenset({0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91})
REASONS: dict[Kind, frozenset[int]] = {
    Kind.CONNACK: frozenset({0, 0x9F, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D}),
    Kind.PUBACK: _RECEIVED, Kind.PUBREC: _RECEIVED, Kind.PUBREL: _RELEASED, Kind.PUBCOMP: _RELEASED,
    Kind.SUBACK: _SUBSCRIBED, Kind.UNSUBACK: _UNSUBSCRIBED,
    Kind.DISCONNECT: frozenset({0, 4, *range(0x80, 0x84), 0x87, 0x89, 0x8B, *range(0x8D, 0x91), *range(0x93, 0xA3)}),
    Kind.AUTH: frozenset({0, 0x18, 0x19}),
}  # fmt: skip
"""The reason codes that a packet of 5.0 may carry."""


def fitting(kind: Kind, reason: int) -> int:
    """A reason as this kind of packet may carry it: "unspecified" for one that has no place in it."""
    return reason if reason in REASONS[kind] else Reason.UNSPECIFIED


_TOPICS: dict[bytes, str] = {}
_MOST_TOPICS = 20_000
MOST_FILTERS = 1_000
"""More in one packet would keep everybody else waiting."""
_LONGEST_REMEMBERED = 256


def topic_of(raw: bytes) -> str:
    """A topic to publish to, checked; topics come again and again, so checked ones are remembered."""
    topic = _TOPICS.get(raw)
    if topic is not None:
        return topic
    topic = text_of(raw)
    fault = topics.name_fault(topic)
    if fault is not None:
        clause = "MQTT-3.3.2-2" if "wildcards" in fault else "MQTT-4.7.3-1"
        raise Malformed(fault, clause, Reason.TOPIC_NAME_INVALID)
    if len(raw) <= _LONGEST_REMEMBERED:
        if len(_TOPICS) >= _MOST_TOPICS:
            _TOPICS.clear()
        _TOPICS[raw] = topic
    return topic


def decode(data: bytes, frame: Frame, version: int) -> Packet:
    """The packet in a frame; a CONNECT tells its version itself."""
    first, start, end = frame
    number = first >> 4
    if number == Kind.PUBLISH:
        return publish(data, first, start, end, version)
    if number == 0 or (number == Kind.AUTH and version != V5):
        raise Malformed(f"there is no packet of kind {number}", "MQTT-2.1.2-1")
    kind = Kind(number)
    if first & 15 not in FLAGS[kind]:
        raise Malformed(f"{kind.name} with the flags {first & 15}", "MQTT-2.1.3-1")
    reader = Reader(data, start, end)
    packet = _DECODERS[kind](reader, kind, version)
    reader.finish()
    return packet


def publish(data: bytes, first: int, start: int, end: int, version: int) -> Publish:
    """A PUBLISH, read in place."""
    qos = first >> 1 & 3
    if qos == 3:
        raise Malformed("there is no QoS 3", "MQTT-3.3.1-4")
    if first & 8 and not qos:
        raise Malformed("DUP with QoS 0", "MQTT-3.3.1-2")
    if start + 2 > end:
        raise Malformed("the packet ends within a field")
    at = start + 2 + (data[start] << 8 | data[start + 1])
    if at > end:
        raise Malformed("the packet ends within a field")
    raw = data[start + 2 : at]
    packet_id = 0
    if qos:
        if at + 2 > end:
            raise Malformed("the packet ends within a field")
        packet_id = data[at] << 8 | data[at + 1]
        if not packet_id:
            raise protocol_error("a packet identifier is 0", "MQTT-2.2.1-3")
        at += 2
    found = NONE
    if version == V5:
        if at < end and data[at] == 0:
            at += 1
        else:
            reader = Reader(data, at, end)
            found = properties.read(reader, Kind.PUBLISH)
            at = reader.position
            _check_message(found)
        topic = topic_of(raw) if raw else ""
        if not raw and P.TOPIC_ALIAS not in found:
            raise protocol_error("neither topic nor alias", "MQTT-3.3.2-1")
    else:
        topic = topic_of(raw)
    return Publish(topic, data[at:end], qos, bool(first & 1), bool(first & 8), packet_id, found)


def _check_message(found: Properties) -> None:
    response = found.get(P.RESPONSE_TOPIC)
    if response is not None and topics.name_fault(response):
        raise protocol_error("the response topic is none to publish to", "MQTT-3.3.2-14")


def _packet_id(reader: Reader) -> int:
    found = reader.short()
    if not found:
        raise protocol_error("a packet identifier is 0", "MQTT-2.2.1-3")
    return found


def _connect(reader: Reader, _: Kind, __: int) -> Connect:
    name = reader.text()
    if name != "MQTT":
        raise Malformed(f"the protocol is {name[:20]!r}, not MQTT", "MQTT-3.1.2-1", Reason.UNSUPPORTED_VERSION)
    version = reader.byte()
    if version not in (V4, V5):
        raise Malformed(f"there is no protocol level {version}", "MQTT-3.1.2-2", Reason.UNSUPPORTED_VERSION)
    flags = reader.byte()
    if flags & 1:
        raise Malformed("the reserved flag is set", "MQTT-3.1.2-3")
    has_will, will_qos, will_retain = bool(flags & 4), flags >> 3 & 3, bool(flags & 32)
    if not has_will and (will_qos or will_retain):
        raise Malformed("QoS or retain of a will that is not there", "MQTT-3.1.2-11")
    if will_qos == 3:
        raise Malformed("there is no QoS 3", "MQTT-3.1.2-12")
    if version == V4 and flags & 64 and not flags & 128:
        raise Malformed("a password without a user name", "MQTT-3.1.2-22")
    made = Connect(version=version, clean_start=bool(flags & 2), keep_alive=reader.short())
    if version == V5:
        made.properties = properties.read(reader, Kind.CONNECT)
    made.client_id = reader.text()
    if has_will:
        made.will = will_of(reader, version, will_qos, retain=will_retain)
    if flags & 128:
        made.username = reader.text()
    if flags & 64:
        made.password = reader.binary()
    return made


def will_of(reader: Reader, version: int, qos: int, *, retain: bool) -> Will:
    found = properties.read(reader, properties.WILL) if version == V5 else NONE
    _check_message(found)
    topic = reader.text()
    fault = topics.name_fault(topic)
    if fault is not None:
        raise Malformed(fault, "MQTT-3.1.3-11", Reason.TOPIC_NAME_INVALID)
    return Will(topic, reader.binary(), qos, retain, found)


def _reason(reader: Reader, kind: Kind) -> int:
    reason = reader.byte()
    if reason not in REASONS[kind]:
        raise Malformed(f"{kind.name} with the reason {reason:#x}")
    return reason


def _connack(reader: Reader, kind: Kind, version: int) -> Connack:
    flags = reader.byte()
    if flags > 1:
        raise Malformed("reserved flags are set", "MQTT-3.2.2-1")
    if version != V5:
        code = reader.byte()
        if code > 5:
            raise Malformed(f"there is no return code {code}")
        return Connack(code, bool(flags))
    return Connack(_reason(reader, kind), bool(flags), properties.read(reader, kind))


def _acknowledgement(reader: Reader, kind: Kind, version: int) -> Acknowledgement:
    made = Acknowledgement(kind, _packet_id(reader))
    if version == V5 and reader.left():
        made.reason = _reason(reader, kind)
        if reader.left():
            made.properties = properties.read(reader, kind)
    return made


def _subscribe(reader: Reader, kind: Kind, version: int) -> Subscribe:
    packet_id = _packet_id(reader)
    found = properties.read(reader, kind) if version == V5 else NONE
    items = []
    while reader.left():
        wanted, options = reader.text(), reader.byte()
        items.append(_item(wanted, options, version))
        _check_number(items)
    if not items:
        raise protocol_error("SUBSCRIBE without a filter", "MQTT-3.8.3-2")
    return Subscribe(packet_id, items, found)


def _check_number(filters: Sequence[object]) -> None:
    if len(filters) > MOST_FILTERS:
        raise Malformed(f"more than {MOST_FILTERS} filters in one packet", reason=Reason.QUOTA_EXCEEDED)


def _item(wanted: str, options: int, version: int) -> SubscribeItem:
    if options & (0xC0 if version == V5 else 0xFC):
        raise Malformed("reserved bits of the options are set", "MQTT-3.8.3-5")
    if options & 3 == 3:
        raise Malformed("there is no QoS 3", "MQTT-3.8.3-5")
    if options & 0x30 == 0x30:
        raise protocol_error("there is no retain handling 3")
    item = SubscribeItem(wanted, options & 3, bool(options & 4), bool(options & 8), options >> 4 & 3)
    if item.no_local and wanted.startswith(topics.SHARE):
        raise protocol_error("no local on a shared subscription", "MQTT-3.8.3-4")
    return item


def _suback(reader: Reader, kind: Kind, version: int) -> Suback:
    packet_id = _packet_id(reader)
    found = properties.read(reader, kind) if version == V5 else NONE
    reasons = []
    while reader.left():
        reason = reader.byte()
        if reason not in (_SUBSCRIBED if version == V5 else (0, 1, 2, 0x80)):
            raise Malformed(f"SUBACK with the reason {reason:#x}", "MQTT-3.9.3-2")
        reasons.append(reason)
    return Suback(packet_id, reasons, found)


def _unsubscribe(reader: Reader, kind: Kind, version: int) -> Unsubscribe:
    packet_id = _packet_id(reader)
    found = properties.read(reader, kind) if version == V5 else NONE
    filters = []
    while reader.left():
        filters.append(reader.text())
        _check_number(filters)
    if not filters:
        raise protocol_error("UNSUBSCRIBE without a filter", "MQTT-3.10.3-2")
    return Unsubscribe(packet_id, filters, found)


def _unsuback(reader: Reader, kind: Kind, version: int) -> Unsuback:
    made = Unsuback(_packet_id(reader))
    if version == V5:
        made.properties = properties.read(reader, kind)
        while reader.left():
            made.reasons.append(_reason(reader, kind))
    return made


def _ping(_: Reader, kind: Kind, __: int) -> Ping:
    return Ping(kind)


def _disconnect(reader: Reader, kind: Kind, version: int) -> Disconnect:
    made = Disconnect()
    if version == V5 and reader.left():
        made.reason = _reason(reader, kind)
        if reader.left():
            made.properties = properties.read(reader, kind)
    return made


def _auth(reader: Reader, kind: Kind, _: int) -> Auth:
    made = Auth()
    if reader.left():
        made.reason = _reason(reader, kind)
        made.properties = properties.read(reader, kind)
    return made


_DECODERS: dict[Kind, Callable[[Reader, Kind, int], Packet]] = {
    Kind.CONNECT: _connect, Kind.CONNACK: _connack, Kind.PUBACK: _acknowledgement, Kind.PUBREC: _acknowledgement,
    Kind.PUBREL: _acknowledgement, Kind.PUBCOMP: _acknowledgement, Kind.SUBSCRIBE: _subscribe, Kind.SUBACK: _suback,
    Kind.UNSUBSCRIBE: _unsubscribe, Kind.UNSUBACK: _unsuback, Kind.PINGREQ: _ping, Kind.PINGRESP: _ping,
    Kind.DISCONNECT: _disconnect, Kind.AUTH: _auth,
}  # fmt: skip
