"""Packets as bytes."""

from __future__ import annotations

from typing import NamedTuple

from scoc.sensing.mqtt.codec import fields, properties
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
    Unsuback,
    Unsubscribe,
    Will,
)
from scoc.sensing.mqtt.codec.properties import Properties
from scoc.sensing.mqtt.codec.reasons import V5

PINGRESP = b"\xd0\x00"


class Parts(NamedTuple):
    """A PUBLISH around its packet identifier, so that one message is encoded once for many receivers."""

    before: bytes
    after: bytes

    def framed(self, packet_id: int) -> bytes:
        """The whole packet; 0 for a message of QoS 0."""
        if packet_id:
            return b"".join((self.before, packet_id.to_bytes(2), self.after))
        return self.before + self.after

    def size(self, qos: int) -> int:
        """Its bytes as a whole packet."""
        return len(self.before) + len(self.after) + (2 if qos else 0)


def _framed(first: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((first,)) + fields.variable(len(body)) + body


def publish_parts(
    version: int, topic: str, payload: bytes, qos: int, found: Properties, *, retain: bool = False, dup: bool = False
) -> Parts:
    """A PUBLISH without its packet identifier."""
    name = fields.text(topic)
    after = properties.write(found) + payload if version == V5 else payload
    length = len(name) + len(after) + (2 if qos else 0)
    first = Kind.PUBLISH << 4 | dup << 3 | qos << 1 | retain
    return Parts(bytes((first,)) + fields.variable(length) + name, after)


def acknowledgement(
    kind: Kind, packet_id: int, reason: int, version: int, found: Properties = properties.NONE
) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP in its shortest form."""
    first = kind << 4 | (2 if kind is Kind.PUBREL else 0)
    if version != V5 or (not reason and not found):
        return bytes((first, 2)) + packet_id.to_bytes(2)
    if not found:
        return bytes((first, 3)) + packet_id.to_bytes(2) + bytes((reason,))
    return _framed(first, packet_id.to_bytes(2), bytes((reason,)), properties.write(found))


def will(made: Will, version: int) -> bytes:
    """A will as it stands in a CONNECT."""
    head = properties.write(made.properties) if version == V5 else b""
    return head + fields.text(made.topic) + fields.binary(made.payload)


def _connect(packet: Connect) -> bytes:
    flags = packet.clean_start << 1
    tail = []
    if packet.will is not None:
        flags |= 4 | packet.will.qos << 3 | packet.will.retain << 5
        tail.append(will(packet.will, packet.version))
    if packet.username is not None:
        flags |= 128
        tail.append(fields.text(packet.username))
    if packet.password is not None:
        flags |= 64
        tail.append(fields.binary(packet.password))
    return _framed(
        Kind.CONNECT << 4, fields.text("MQTT"), bytes((packet.version, flags)), packet.keep_alive.to_bytes(2),
        properties.write(packet.properties) if packet.version == V5 else b"", fields.text(packet.client_id), *tail,
    )  # fmt: skip


def _options(packet: Subscribe, version: int) -> bytes:
    parts = []
    for item in packet.items:
        options = item.qos
        if version == V5:
            options |= item.no_local << 2 | item.retain_as_published << 3 | item.retain_handling << 4
        parts.append(fields.text(item.filter) + bytes((options,)))
    return b"".join(parts)


def _listed(packet: Subscribe | Suback | Unsubscribe | Unsuback, version: int) -> bytes:
    """The four packets of subscriptions."""
    head = packet.packet_id.to_bytes(2) + (properties.write(packet.properties) if version == V5 else b"")
    if isinstance(packet, Subscribe):
        return _framed(Kind.SUBSCRIBE << 4 | 2, head, _options(packet, version))
    if isinstance(packet, Unsubscribe):
        return _framed(Kind.UNSUBSCRIBE << 4 | 2, head, *map(fields.text, packet.filters))
    if isinstance(packet, Suback):
        return _framed(Kind.SUBACK << 4, head, bytes(packet.reasons))
    return _framed(Kind.UNSUBACK << 4, head, bytes(packet.reasons) if version == V5 else b"")


def _short(kind: Kind, reason: int, found: Properties, version: int) -> bytes:
    """DISCONNECT and AUTH: both leave out what is not needed."""
    if version != V5 or (not reason and not found):
        return bytes((kind << 4, 0))
    if not found and kind is Kind.DISCONNECT:
        return bytes((kind << 4, 1, reason))
    return _framed(kind << 4, bytes((reason,)), properties.write(found))


def encode(packet: Packet, version: int) -> bytes:
    """A packet as bytes; a CONNECT goes by its own version. Raises ValueError for what no packet can hold."""
    match packet:
        case Publish():
            parts = publish_parts(
                version, packet.topic, packet.payload, packet.qos, packet.properties, retain=packet.retain,
                dup=packet.dup,
            )  # fmt: skip
            return parts.framed(packet.packet_id)
        case Acknowledgement():
            return acknowledgement(packet.kind, packet.packet_id, packet.reason, version, packet.properties)
        case Connect():
            return _connect(packet)
        case Connack():
            tail = properties.write(packet.properties) if version == V5 else b""
            return _framed(Kind.CONNACK << 4, bytes((packet.session_present, packet.reason)), tail)
        case Ping():
            return bytes((packet.kind << 4, 0))
        case Disconnect():
            return _short(Kind.DISCONNECT, packet.reason, packet.properties, version)
        case Auth():
            return _short(Kind.AUTH, packet.reason, packet.properties, version)
        case _:
            return _listed(packet, version)
