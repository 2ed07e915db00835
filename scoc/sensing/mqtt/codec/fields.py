"""The data types of section 1.5: integers, variable byte integers, UTF-8 texts, binary data."""

from __future__ import annotations

from scoc.sensing.mqtt.codec.reasons import Malformed

MOST_VARIABLE = 268_435_455
MOST_TEXT = 65_535


class Reader:
    """Reads fields one after the other from a part of a buffer, and never beyond its end."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data = data
        self.position = position
        self.end = end

    def left(self) -> int:
        """How many bytes have not been read."""
        return self.end - self.position

    def byte(self) -> int:
        """One byte."""
        position = self.position
        if position >= self.end:
            raise Malformed("the packet ends within a field")
        self.position = position + 1
        return self.data[position]

    def short(self) -> int:
        """A two byte integer."""
        return int.from_bytes(self.raw(2))

    def long(self) -> int:
        """A four byte integer."""
        return int.from_bytes(self.raw(4))

    def raw(self, length: int) -> bytes:
        """So many bytes."""
        position = self.position
        if position + length > self.end:
            raise Malformed("the packet ends within a field")
        self.position = position + length
        return self.data[position : position + length]

    def binary(self) -> bytes:
        """Binary data with its length in front."""
        return self.raw(self.short())

    def text(self) -> str:
        """A UTF-8 text."""
        return text_of(self.raw(self.short()))

    def variable(self) -> int:
        """A variable byte integer in its shortest form."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 21:
                raise Malformed("a variable byte integer has more than four bytes", "MQTT-1.5.5-1")
        if byte == 0 and shift:
            raise Malformed("a variable byte integer is not in its shortest form", "MQTT-1.5.5-1")
        return value

    def finish(self) -> None:
        """Nothing may be left."""
        if self.position != self.end:
            raise Malformed("the packet goes on behind its last field")


def text_of(raw: bytes) -> str:
    """A text of well-formed UTF-8 without U+0000; a byte order mark stays what it is (MQTT-1.5.4-3)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is not well-formed UTF-8", "MQTT-1.5.4-1") from error
    if "\x00" in text:
        raise Malformed("a text contains U+0000", "MQTT-1.5.4-2")
    return text


def variable(value: int) -> bytes:
    """A variable byte integer in its shortest form."""
    if not 0 <= value <= MOST_VARIABLE:
        raise ValueError(f"{value} does not fit a variable byte integer")
    if value < 0x80:
        return bytes((value,))
    made = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        made.append(byte | 0x80 if value else byte)
        if not value:
            return bytes(made)


def binary(data: bytes) -> bytes:
    """Binary data with its length in front."""
    if len(data) > MOST_TEXT:
        raise ValueError(f"{len(data)} bytes do not fit a field")
    return len(data).to_bytes(2) + data


def text(value: str) -> bytes:
    """A UTF-8 text with its length in front."""
    return binary(value.encode())
