"""The codec: whatever is written is read again, and nothing else than Malformed comes of any bytes."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.codec import (
    Acknowledgement,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Malformed,
    P,
    Packet,
    Ping,
    Properties,
    Publish,
    Suback,
    Subscribe,
    SubscribeItem,
    Unsuback,
    Unsubscribe,
    Will,
    decode,
    encode,
    next_frame,
)
from scoc.sensing.mqtt.codec import properties as codec
from scoc.sensing.mqtt.codec.decoding import REASONS
from scoc.sensing.mqtt.codec.fields import MOST_VARIABLE, Reader, variable
from scoc.sensing.mqtt.codec.framing import needed
from scoc.sensing.tests.mqtt.peer import MOST, clause

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
TOPIC = TEXT.filter(lambda text: topics.name_fault(text) is None)
BINARY = st.binary(max_size=20)
ID = st.integers(1, 65_535)
VALUES: dict[codec.Form, st.SearchStrategy[Any]] = {
    codec.Form.FLAG: st.integers(0, 1),
    codec.Form.SHORT: st.integers(1, 65_535),
    codec.Form.LONG: st.integers(1, 2**32 - 1),
    codec.Form.VARIABLE: st.integers(1, MOST_VARIABLE),
    codec.Form.TEXT: TEXT,
    codec.Form.BINARY: BINARY,
    codec.Form.PAIR: st.tuples(TEXT, TEXT),
}


def value_of(name: P, kind: int) -> st.SearchStrategy[Any]:
    """What a property may hold."""
    if name is P.RESPONSE_TOPIC:
        return TOPIC
    one = VALUES[codec.TABLE[name][0]]
    if name in codec.LISTS and not (kind == Kind.SUBSCRIBE and name is P.SUBSCRIPTION_IDENTIFIER):
        return st.lists(one, min_size=1, max_size=3)
    return one


def properties(kind: int) -> st.SearchStrategy[Properties]:
    """Properties that may stand in a packet of this kind."""
    names = [name for name, (_, kinds) in codec.TABLE.items() if kind in kinds]
    some = st.fixed_dictionaries({}, optional={name: value_of(name, kind) for name in names})
    return some.filter(lambda found: P.AUTHENTICATION_DATA not in found or P.AUTHENTICATION_METHOD in found)


def connects(version: int) -> st.SearchStrategy[Packet]:
    """Every CONNECT."""
    none: st.SearchStrategy[Properties] = st.just({})
    will = st.builds(Will, TOPIC, BINARY, st.integers(0, 2), st.booleans(),
                     properties(codec.WILL) if version == 5 else none)  # fmt: skip
    made = st.builds(
        Connect, TEXT, st.just(version), st.booleans(), st.integers(0, 65_535), st.none() | TEXT, st.none() | BINARY,
        st.none() | will, properties(Kind.CONNECT) if version == 5 else none,
    )  # fmt: skip
    return made.filter(lambda one: version == 5 or one.password is None or one.username is not None)


def packets(version: int) -> st.SearchStrategy[Packet]:
    """Every packet of a version."""

    def some(kind: int) -> st.SearchStrategy[Properties]:
        return properties(kind) if version == 5 else st.just({})

    def reasons(kind: Kind) -> st.SearchStrategy[int]:
        return st.sampled_from(sorted(REASONS[kind])) if version == 5 else st.just(0)

    def ack(kind: Kind) -> st.SearchStrategy[Packet]:
        return st.builds(Acknowledgement, st.just(kind), ID, reasons(kind), some(kind))

    items = st.lists(
        st.builds(SubscribeItem, TEXT, st.integers(0, 2), *([st.booleans()] * 2), st.integers(0, 2))
        if version == 5
        else st.builds(SubscribeItem, TEXT, st.integers(0, 2)),
        min_size=1, max_size=4,
    ).filter(lambda all_: not any(one.no_local and one.filter.startswith("$share/") for one in all_))  # fmt: skip
    subacks = st.sampled_from(sorted(REASONS[Kind.SUBACK]) if version == 5 else [0, 1, 2, 128])
    made: list[st.SearchStrategy[Packet]] = [
        connects(version),
        st.builds(Connack, reasons(Kind.CONNACK) if version == 5 else st.integers(0, 5), st.booleans(),
                  some(Kind.CONNACK)),
        st.builds(Publish, TOPIC, BINARY, retain=st.booleans(), properties=some(Kind.PUBLISH)),
        st.builds(Publish, TOPIC, BINARY, st.integers(1, 2), st.booleans(), st.booleans(), ID, some(Kind.PUBLISH)),
        *(ack(kind) for kind in (Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP)),
        st.builds(Subscribe, ID, items, some(Kind.SUBSCRIBE)),
        st.builds(Suback, ID, st.lists(subacks, max_size=4), some(Kind.SUBACK)),
        st.builds(Unsubscribe, ID, st.lists(TEXT, min_size=1, max_size=4), some(Kind.UNSUBSCRIBE)),
        st.builds(Unsuback, ID, st.lists(reasons(Kind.UNSUBACK), max_size=4) if version == 5 else st.just([]),
                  some(Kind.UNSUBACK)),
        st.sampled_from([Ping(Kind.PINGREQ), Ping(Kind.PINGRESP)]),
        st.builds(Disconnect, reasons(Kind.DISCONNECT), some(Kind.DISCONNECT)),
    ]  # fmt: skip
    if version == 5:
        made.append(st.builds(Auth, reasons(Kind.AUTH), some(Kind.AUTH)))
    return st.one_of(made)


def read_back(data: bytes, version: int) -> Packet:
    """The one packet in some bytes."""
    frame = next_frame(data, 0, MOST, version)
    assert frame is not None
    assert frame.end == len(data) == needed(data, 0)
    return decode(data, frame, version)


@clause("MQTT-2.1.4-1", "MQTT-2.2.2-1", "MQTT-1.5.4-3")
@given(packets(5))
@settings(max_examples=400, deadline=None)
def test_every_packet_of_5_0_comes_back(packet: Packet) -> None:
    assert read_back(encode(packet, 5), 5) == packet


@clause("3.1.1:MQTT-1.5.3-3")
@given(packets(4))
@settings(max_examples=200, deadline=None)
def test_every_packet_of_3_1_1_comes_back(packet: Packet) -> None:
    assert read_back(encode(packet, 4), 4) == packet


@given(packets(5), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_a_packet_that_ends_early_is_waited_for_or_refused(packet: Packet, cut: int) -> None:
    data = encode(packet, 5)
    if cut < len(data):
        assert next_frame(data[:cut], 0, MOST, 5) is None
    body = next_frame(data, 0, MOST, 5)
    assert body is not None
    shorter = data[body.start : body.end - 1]
    if body.end > body.start:
        short = bytes((data[0],)) + variable(len(shorter)) + shorter
        with contextlib.suppress(Malformed):
            read_back(short, 5)


@given(st.binary(min_size=2, max_size=60), st.sampled_from([4, 5]))
@settings(max_examples=1500, deadline=None)
def test_any_bytes_are_a_packet_or_malformed(data: bytes, version: int) -> None:
    with contextlib.suppress(Malformed):
        frame = next_frame(data, 0, MOST, version)
        if frame is not None:
            decode(data, frame, version)


@clause("MQTT-1.5.5-1")
@given(st.integers(0, MOST_VARIABLE))
def test_a_variable_byte_integer_is_as_short_as_it_can_be(value: int) -> None:
    data = variable(value)
    assert len(data) == 1 + (value > 127) + (value > 16_383) + (value > 2_097_151)
    assert Reader(data, 0, len(data)).variable() == value
