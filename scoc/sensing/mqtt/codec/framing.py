"""Where in a buffer the next packet begins and ends; section 2.1 of MQTT 5.0."""

from __future__ import annotations

from typing import NamedTuple

from scoc.sensing.mqtt.codec.packets import Kind
from scoc.sensing.mqtt.codec.reasons import V5, Malformed, Reason

_ANY = frozenset(range(16))
FLAGS = {kind: frozenset({0}) for kind in Kind} | {
    Kind.PUBLISH: _ANY, Kind.PUBREL: frozenset({2}), Kind.SUBSCRIBE: frozenset({2}), Kind.UNSUBSCRIBE: frozenset({2}),
}  # fmt: skip
"""The flags that a packet of each kind may have (table 2-2)."""


class Frame(NamedTuple):
    """A whole packet within a buffer: its first byte, and where its variable header begins and ends."""

    first: int
    start: int
    end: int


def needed(data: bytes, position: int) -> int:
    """How many bytes the packet at `position` has as a whole; 0 while its header is not complete."""
    length = shift = 0
    for at in range(position + 1, min(position + 5, len(data))):
        length |= (data[at] & 0x7F) << shift
        if data[at] < 0x80:
            return at + 1 - position + length
        shift += 7
    return 0


def next_frame(data: bytes, position: int, most: int, version: int = 0) -> Frame | None:
    """The packet that begins at `position`; None while bytes are missing.

    Raises Malformed from the header alone: where the length has more than four bytes, is not in its shortest form
    (5.0 only), or makes the packet longer than `most` bytes.
    """
    size = len(data)
    if position + 2 > size:
        return None
    length = data[position + 1]
    at = position + 2
    if length >= 0x80:
        length &= 0x7F
        shift = 7
        while True:
            if at >= size:
                return None
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 21:
                raise Malformed("the remaining length has more than four bytes", "MQTT-1.5.5-1")
        if byte == 0 and version == V5:
            raise Malformed("the remaining length is not in its shortest form", "MQTT-1.5.5-1")
    if at - position + length > most:
        raise Malformed(f"the packet has more than {most} bytes", reason=Reason.PACKET_TOO_LARGE)
    if at + length > size:
        return None
    return Frame(data[position], at, at + length)
