"""Malformed packets, clause by clause: each gets the reason code that the standard gives it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.codec import Kind, Malformed, P, Publish, Reason, decode, encode, next_frame
from scoc.sensing.mqtt.codec import properties as codec
from scoc.sensing.mqtt.codec.fields import Reader, text, variable
from scoc.sensing.mqtt.codec.reasons import return_code
from scoc.sensing.tests.mqtt.peer import MOST, clause

BAD = Reason.MALFORMED_PACKET
ERROR = Reason.PROTOCOL_ERROR


def framed(first: int, *parts: bytes) -> bytes:
    """A packet with a right length."""
    body = b"".join(parts)
    return bytes((first,)) + variable(len(body)) + body


def connect(
    flags: int, *tail: bytes, name: bytes = b"\x00\x04MQTT", level: int = 5, found: bytes | None = None
) -> bytes:
    """A CONNECT; the client identifier is `c`."""
    properties = found if found is not None else (b"\x00" if level == 5 else b"")
    return framed(0x10, name, bytes((level, flags)), b"\x00\x3c", properties, text("c"), *tail)


def publish(flags: int, *parts: bytes) -> bytes:
    """A PUBLISH."""
    return framed(0x30 | flags, *parts)


def subscribe(options: int, wanted: str = "a", packet_id: int = 1, found: bytes = b"\x00") -> bytes:
    """A SUBSCRIBE of 5.0 with one filter."""
    return framed(0x82, packet_id.to_bytes(2), found, text(wanted), bytes((options,)))


def prop(*parts: bytes) -> bytes:
    """Properties with their length."""
    body = b"".join(parts)
    return variable(len(body)) + body


WILL = (b"\x00", text("w"), b"\x00\x01x")
A = text("a")
SURROGATE = b"\x00\x03\xed\xa0\x80"

CASES: list[tuple[tuple[str, ...], int, bytes, Reason]] = [
    # -- data types
    (("MQTT-1.5.4-1",), 5, publish(0, SURROGATE, b"\x00"), BAD),
    (("MQTT-1.5.4-1",), 5, publish(0, b"\x00\x02\xc0\x80", b"\x00"), BAD),
    (("MQTT-1.5.4-2",), 5, publish(0, text("a\x00b"), b"\x00"), BAD),
    (("3.1.1:MQTT-1.5.3-1",), 4, publish(0, SURROGATE), BAD),
    (("3.1.1:MQTT-1.5.3-2",), 4, publish(0, text("\x00")), BAD),
    (("MQTT-1.5.5-1",), 5, b"\x30\x84\x00" + A + b"\x00", BAD),
    (("MQTT-1.5.5-1",), 5, b"\x30\xff\xff\xff\xff\x01", BAD),
    (("MQTT-1.5.5-1",), 5, publish(0, A, b"\x80\x00"), BAD),
    (("MQTT-1.5.5-1",), 5, publish(0, A, b"\xff\xff\xff\xff\x01"), BAD),
    (("MQTT-1.5.7-1",), 5, publish(0, A, prop(b"\x26", text("k"), SURROGATE)), BAD),
    # -- fixed header
    (("MQTT-2.1.2-1",), 5, b"\x00\x00", BAD),
    (("3.1.1:MQTT-2.2.2-1",), 4, b"\xf0\x00", BAD),
    (("MQTT-2.1.3-1",), 5, b"\xc1\x00", BAD),
    (("MQTT-2.1.3-1", "MQTT-3.8.1-1"), 5, framed(0x80, b"\x00\x01\x00", A, b"\x00"), BAD),
    (("MQTT-2.1.3-1", "MQTT-3.10.1-1"), 5, framed(0xA0, b"\x00\x01\x00", A), BAD),
    (("MQTT-2.1.3-1", "MQTT-3.6.1-1"), 5, b"\x60\x02\x00\x01", BAD),
    (("MQTT-2.1.3-1", "MQTT-3.14.1-1"), 5, b"\xe1\x00", BAD),
    (("MQTT-2.1.3-1", "MQTT-3.15.1-1"), 5, b"\xf1\x00", BAD),
    (("3.1.1:MQTT-2.2.2-2",), 4, b"\xe2\x00", BAD),
    (("3.1.1:MQTT-3.6.1-1",), 4, b"\x60\x02\x00\x01", BAD),
    # -- packet identifiers
    (("MQTT-2.2.1-3",), 5, publish(2, A, b"\x00\x00", b"\x00"), ERROR),
    (("MQTT-2.2.1-3",), 5, subscribe(0, packet_id=0), ERROR),
    (("MQTT-2.2.1-3",), 5, framed(0xA2, b"\x00\x00\x00", A), ERROR),
    (("MQTT-2.2.1-3",), 5, b"\x40\x02\x00\x00", ERROR),
    (("3.1.1:MQTT-2.3.1-1",), 4, publish(2, A, b"\x00\x00"), ERROR),
    # -- properties
    (("MQTT-2.2.2-1",), 5, publish(0, A, b"\x05\x01"), BAD),
    (("2.2.2.2",), 5, publish(0, A, prop(b"\x7e\x00")), BAD),
    (("2.2.2.2",), 5, publish(0, A, prop(b"\x11\x00\x00\x00\x01")), BAD),
    (("3.3.2.3.2",), 5, publish(0, A, prop(b"\x01\x00\x01\x00")), ERROR),
    (("3.3.2.3.2",), 5, publish(0, A, prop(b"\x01\x02")), ERROR),
    (("3.3.2.3.3",), 5, publish(0, A, prop(b"\x02\x00\x00\x00\x01\x02\x00\x00\x00\x01")), ERROR),
    (("3.3.2.3.4",), 5, publish(0, A, prop(b"\x23\x00\x00")), Reason.TOPIC_ALIAS_INVALID),
    (("MQTT-3.3.2-8",), 5, publish(0, A, prop(b"\x23\x00\x00")), Reason.TOPIC_ALIAS_INVALID),
    (("3.8.2.1.2",), 5, subscribe(0, found=prop(b"\x0b\x00")), ERROR),
    (("3.8.2.1.2",), 5, subscribe(0, found=prop(b"\x0b\x01\x0b\x02")), ERROR),
    (("3.1.2.11.3",), 5, connect(2, found=prop(b"\x21\x00\x00")), ERROR),
    (("3.1.2.11.4",), 5, connect(2, found=prop(b"\x27\x00\x00\x00\x00")), ERROR),
    (("3.1.2.11.2",), 5, connect(2, found=prop(b"\x11\x00\x00\x00\x01\x11\x00\x00\x00\x01")), ERROR),
    (("3.1.2.11.7",), 5, connect(2, found=prop(b"\x17\x02")), ERROR),
    (("3.1.2.11.10",), 5, connect(2, found=prop(b"\x16\x00\x01x")), ERROR),
    # -- CONNECT
    (("MQTT-3.1.2-1",), 5, connect(2, name=b"\x00\x04MQXX"), Reason.UNSUPPORTED_VERSION),
    (("MQTT-3.1.2-1",), 5, connect(2, name=b"\x00\x06MQIsdp", level=3), Reason.UNSUPPORTED_VERSION),
    (("MQTT-3.1.2-2",), 5, connect(2, level=6), Reason.UNSUPPORTED_VERSION),
    (("3.1.1:MQTT-3.1.2-2",), 4, connect(2, level=3), Reason.UNSUPPORTED_VERSION),
    (("MQTT-3.1.2-3",), 5, connect(3), BAD),
    (("3.1.1:MQTT-3.1.2-3",), 4, connect(3, level=4), BAD),
    (("MQTT-3.1.2-11",), 5, connect(2 | 8), BAD),
    (("MQTT-3.1.2-13",), 5, connect(2 | 32), BAD),
    (("MQTT-3.1.2-12",), 5, connect(2 | 4 | 24, *WILL), BAD),
    (("3.1.1:MQTT-3.1.2-14",), 4, connect(2 | 4 | 24, *WILL[1:], level=4), BAD),
    (("3.1.1:MQTT-3.1.2-22",), 4, connect(2 | 64, b"\x00\x01x", level=4), BAD),
    (("MQTT-3.1.2-16", "MQTT-3.1.2-17"), 5, connect(2 | 128), BAD),
    (("MQTT-3.1.2-18", "MQTT-3.1.2-19"), 5, connect(2 | 64), BAD),
    (("MQTT-3.1.3-1",), 5, connect(2, b"\x00\x01u"), BAD),
    (("MQTT-3.1.3-4",), 5, framed(0x10, b"\x00\x04MQTT\x05\x02\x00\x00\x00", SURROGATE), BAD),
    (("MQTT-3.1.3-11",), 5, connect(2 | 4, b"\x00", text("w/#"), b"\x00\x00"), Reason.TOPIC_NAME_INVALID),
    (("MQTT-3.1.3-11",), 5, connect(2 | 4, b"\x00", SURROGATE, b"\x00\x00"), BAD),
    (("MQTT-3.1.3-12",), 5, connect(2 | 128, SURROGATE), BAD),
    (("3.1.3.2",), 5, connect(2 | 4, prop(b"\x23\x00\x01"), *WILL[1:]), BAD),
    # -- PUBLISH
    (("MQTT-3.3.1-2",), 5, publish(8, A, b"\x00"), BAD),
    (("MQTT-3.3.1-4",), 5, publish(6, A, b"\x00\x01\x00"), BAD),
    (("3.1.1:MQTT-3.3.1-4",), 4, publish(6, A, b"\x00\x01"), BAD),
    (("MQTT-3.3.2-1",), 5, publish(0, b"\x00\x00\x00"), ERROR),
    (("MQTT-3.3.2-2",), 5, publish(0, text("a/+"), b"\x00"), Reason.TOPIC_NAME_INVALID),
    (("MQTT-3.3.2-2",), 5, publish(0, text("a/#"), b"\x00"), Reason.TOPIC_NAME_INVALID),
    (("3.1.1:MQTT-4.7.3-1",), 4, publish(0, b"\x00\x00"), Reason.TOPIC_NAME_INVALID),
    (("MQTT-3.3.2-14",), 5, publish(0, A, prop(b"\x08", text("r/#"))), ERROR),
    (("MQTT-3.3.2-13",), 5, publish(0, A, prop(b"\x08", SURROGATE)), BAD),
    (("MQTT-3.3.2-19",), 5, publish(0, A, prop(b"\x03", SURROGATE)), BAD),
    (("3.3.2",), 5, publish(0, b"\x00\x09a"), BAD),
    (("3.3.2",), 5, publish(2, A, b"\x00"), BAD),
    # -- acknowledgements
    (("MQTT-3.4.2-1",), 5, b"\x40\x03\x00\x01\x01", BAD),
    (("MQTT-3.5.2-1",), 5, b"\x50\x03\x00\x01\x92", BAD),
    (("MQTT-3.6.2-1",), 5, b"\x62\x03\x00\x01\x80", BAD),
    (("MQTT-3.7.2-1",), 5, b"\x70\x03\x00\x01\x10", BAD),
    (("3.1.1:3.4.2",), 4, b"\x40\x03\x00\x01\x00", BAD),
    (("3.4.2",), 5, b"\x40\x01\x00", BAD),
    # -- SUBSCRIBE and UNSUBSCRIBE
    (("MQTT-3.8.3-1",), 5, framed(0x82, b"\x00\x01\x00", SURROGATE, b"\x00"), BAD),
    (("MQTT-3.8.3-2",), 5, framed(0x82, b"\x00\x01\x00"), ERROR),
    (("3.1.1:MQTT-3.8.3-3",), 4, framed(0x82, b"\x00\x01"), ERROR),
    (("MQTT-3.8.3-4",), 5, subscribe(4, "$share/g/a"), ERROR),
    (("MQTT-3.8.3-5",), 5, subscribe(0x40), BAD),
    (("MQTT-3.8.3-5",), 5, subscribe(0x80), BAD),
    (("3.8.3.1",), 5, subscribe(3), BAD),
    (("3.8.3.1",), 5, subscribe(0x30), ERROR),
    (("3.1.1:MQTT-3.8.3-4",), 4, framed(0x82, b"\x00\x01", A, b"\x03"), BAD),
    (("3.1.1:MQTT-3.8.3-4",), 4, framed(0x82, b"\x00\x01", A, b"\x04"), BAD),
    (("MQTT-3.10.3-1",), 5, framed(0xA2, b"\x00\x01\x00", SURROGATE), BAD),
    (("MQTT-3.10.3-2",), 5, framed(0xA2, b"\x00\x01\x00"), ERROR),
    (("3.1.1:MQTT-3.10.3-2",), 4, framed(0xA2, b"\x00\x01"), ERROR),
    (("3.1.1:MQTT-3.9.3-2",), 4, b"\x90\x03\x00\x01\x03", BAD),
    (("MQTT-3.9.3-2",), 5, b"\x90\x04\x00\x01\x00\x03", BAD),
    (("MQTT-3.11.3-2",), 5, b"\xb0\x04\x00\x01\x00\x01", BAD),
    # -- the rest
    (("MQTT-3.2.2-1",), 5, b"\x20\x03\x02\x00\x00", BAD),
    (("MQTT-3.2.2-8",), 5, b"\x20\x03\x00\x01\x00", BAD),
    (("MQTT-3.14.2-1",), 5, b"\xe0\x01\x01", BAD),
    (("3.1.1:MQTT-3.14.1-1",), 4, b"\xe0\x01\x00", BAD),
    (("MQTT-3.15.2-1",), 5, b"\xf0\x02\x01\x00", BAD),
    (("3.12",), 5, b"\xc0\x01\x00", BAD),
]


def cases() -> Iterator[Any]:
    """Each with the marks of its clauses."""
    for number, (clauses, version, data, reason) in enumerate(CASES):
        yield pytest.param(version, data, reason, id=f"{clauses[0]}-{number}", marks=clause(*clauses))


def taken(data: bytes, version: int) -> None:
    """Read one packet."""
    frame = next_frame(data, 0, MOST, version)
    assert frame is not None
    decode(data, frame, version)


@pytest.mark.parametrize(("version", "data", "reason"), list(cases()))
def test_a_malformed_packet_gets_its_reason(version: int, data: bytes, reason: Reason) -> None:
    with pytest.raises(Malformed) as fault:
        taken(data, version)
    assert fault.value.reason is reason, fault.value


@clause("MQTT-3.1.2-24", "3.14.2.1")
def test_a_packet_beyond_the_maximum_is_refused_by_its_header_alone() -> None:
    with pytest.raises(Malformed) as fault:
        next_frame(b"\x30\xff\xff\xff\x7f", 0, 1_000_000, 5)
    assert fault.value.reason is Reason.PACKET_TOO_LARGE


def test_a_packet_is_refused_that_has_more_properties_than_anybody_needs() -> None:
    many = Publish("a", b"", properties={P.USER_PROPERTY: [("k", "v")] * 257})
    data = encode(many, 5)
    frame = next_frame(data, 0, MOST, 5)
    assert frame is not None
    with pytest.raises(Malformed) as fault:
        decode(data, frame, 5)
    assert fault.value.reason is Reason.QUOTA_EXCEEDED


@clause("2.2.2.2")
def test_each_property_is_taken_in_its_packets_only() -> None:
    samples: dict[codec.Form, Any] = {
        codec.Form.FLAG: 1, codec.Form.SHORT: 1, codec.Form.LONG: 1, codec.Form.VARIABLE: 1, codec.Form.TEXT: "x",
        codec.Form.BINARY: b"x", codec.Form.PAIR: ("k", "v"),
    }  # fmt: skip
    for name, (form, kinds) in codec.TABLE.items():
        data = codec.write({name: samples[form]})
        if name is P.AUTHENTICATION_DATA:
            data = codec.write({P.AUTHENTICATION_METHOD: "m", name: b"x"})
        for kind in (codec.WILL, *Kind):
            if kind in (Kind.PINGREQ, Kind.PINGRESP):
                continue
            reader = Reader(data, 0, len(data))
            if kind in kinds:
                assert name in codec.read(reader, kind)
            else:
                with pytest.raises(Malformed):
                    codec.read(reader, kind)


@clause("3.1.1:3.2.2.3")
@pytest.mark.parametrize(
    ("reason", "code"),
    [(0, 0), (0x84, 1), (0x85, 2), (0x88, 3), (0x97, 3), (0x86, 4), (0x87, 5)],
)
def test_3_1_1_has_its_own_return_codes(reason: int, code: int) -> None:
    assert return_code(reason) == code


@pytest.mark.parametrize(
    ("wanted", "topic", "does"),
    [
        pytest.param("a/#", "a", True, marks=clause("MQTT-4.7.1-1")),
        pytest.param("a/#", "a/b/c", True, marks=clause("MQTT-4.7.1-1")),
        pytest.param("#", "a", True, marks=clause("MQTT-4.7.1-1")),
        pytest.param("a/+", "a/b", True, marks=clause("MQTT-4.7.1-2")),
        pytest.param("a/+", "a", False, marks=clause("MQTT-4.7.1-2")),
        pytest.param("a/+", "a/", True, marks=clause("MQTT-4.7.1-2")),
        pytest.param("+/+", "/a", True, marks=clause("MQTT-4.7.1-2")),
        pytest.param("+", "/a", False, marks=clause("MQTT-4.7.1-2")),
        pytest.param("a/+/c", "a/b/c", True, marks=clause("MQTT-4.7.1-2")),
        pytest.param("#", "$SYS/a", False, marks=clause("MQTT-4.7.2-1")),
        pytest.param("+/a", "$SYS/a", False, marks=clause("MQTT-4.7.2-1")),
        pytest.param("$SYS/#", "$SYS/a", True, marks=clause("MQTT-4.7.2-1")),
        pytest.param("A", "a", False, marks=clause("MQTT-4.7.3-4")),
        pytest.param("a", "a/", False, marks=clause("MQTT-4.7.3-4")),
    ],
)
def test_filters_match(wanted: str, topic: str, does: bool) -> None:  # a column of the table above
    assert topics.filter_fault(wanted) is None
    assert topics.matches(wanted, topic) is does


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("", marks=clause("MQTT-4.7.3-1")),
        pytest.param("a\x00", marks=clause("MQTT-4.7.3-2")),
        pytest.param("a/" * 1200, marks=clause("MQTT-4.7.3-3")),
        *(pytest.param(one, marks=clause("MQTT-4.7.1-1")) for one in ("a#", "a/#/b", "#/a", "##", "a/b#")),
        *(pytest.param(one, marks=clause("MQTT-4.7.1-2")) for one in ("a+", "a/+b", "++")),
        *(pytest.param(one, marks=clause("MQTT-4.8.2-1")) for one in ("$share", "$share/", "$share//a", "$share/g")),
        pytest.param("$share/g/", marks=clause("MQTT-4.8.2-1")),
        *(pytest.param(one, marks=clause("MQTT-4.8.2-2")) for one in ("$share/g+/a", "$share/#/a")),
    ],
)
def test_bad_filters_are_told(wanted: str) -> None:
    assert topics.filter_fault(wanted) is not None
