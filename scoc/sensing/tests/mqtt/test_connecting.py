"""CONNECT and the end of connections: who gets in, what is agreed, what the last packet says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scoc.sensing.mqtt.codec import Auth, Connack, Connect, Disconnect, Kind, P, Ping, Publish, Reason, encode
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policy import Admitted, Credentials
from scoc.sensing.tests.mqtt.peer import Open, clause, house, run


@clause("MQTT-3.1.4-5", "MQTT-3.2.0-1", "MQTT-3.2.2-2")
def test_a_client_of_5_0_is_told_what_is_agreed() -> None:
    async def course() -> Connack:
        async with house() as there:
            _, answer = await there.connect("c", keep_alive=600, properties={P.SESSION_EXPIRY_INTERVAL: 2**32 - 1})
            return answer

    answer = run(course())
    limits = Limits()
    assert (answer.reason, answer.session_present) == (0, False)
    assert answer.properties == {
        P.RECEIVE_MAXIMUM: limits.receive_maximum, P.MAXIMUM_PACKET_SIZE: limits.packet_bytes,
        P.TOPIC_ALIAS_MAXIMUM: limits.topic_aliases, P.SESSION_EXPIRY_INTERVAL: limits.session_seconds,
        P.SERVER_KEEP_ALIVE: limits.keep_alive_seconds,
    }  # fmt: skip


@clause("MQTT-3.1.3-6", "MQTT-3.1.3-7", "MQTT-3.2.2-16")
def test_a_client_without_an_identifier_gets_one() -> None:
    async def course() -> tuple[Connack, Connack]:
        async with house() as there:
            return (await there.connect(""))[1], (await there.connect(""))[1]

    first, second = run(course())
    assert first.properties[P.ASSIGNED_CLIENT_IDENTIFIER] != second.properties[P.ASSIGNED_CLIENT_IDENTIFIER]


@clause("3.1.1:MQTT-3.1.3-7", "3.1.1:MQTT-3.1.3-8", "3.1.1:MQTT-3.1.3-9", "3.1.1:MQTT-3.2.2-4")
def test_3_1_1_needs_an_identifier_where_the_session_is_to_be_kept() -> None:
    async def course() -> tuple[Connack, Connack, list[Any]]:
        async with house() as there:
            refused, answer = await there.connect("", version=4, clean_start=False)
            return answer, (await there.connect("", version=4))[1], await refused.ended()

    refused, taken, more = run(course())
    assert (refused.reason, refused.session_present, more) == (2, False, [])
    assert taken.reason == 0


@pytest.mark.parametrize(("version", "code"), [(5, 0x86), (4, 4)])
@clause("MQTT-3.1.4-2", "MQTT-3.2.2-6", "MQTT-3.2.2-7")
def test_wrong_credentials_with_the_identifier_of_another_touch_no_session(version: int, code: int) -> None:
    async def course() -> None:
        async with house() as there:
            victim = await there.client("victim", version, clean_start=False, username="owner", password=b"right")
            await victim.subscribe("news")
            for username in ("owner", "stranger", None):
                fields = {"username": username} if username else {"username": ""}
                thief, answer = await there.connect("victim", version, password=b"wrong", **fields)
                assert (answer.reason, answer.session_present) == (code, False)
                assert await thief.ended() == []
            # a stranger with credentials of its own gets a session of its own
            stranger = await there.client("victim", version, username="stranger", password=b"right")
            await stranger.publish("news", b"still here")
            assert (await victim.message()).payload == b"still here"
            assert set(there.broker.sessions) == {("owner", "victim"), ("stranger", "victim")}

    run(course())


@clause("MQTT-3.1.4-6")
def test_what_follows_a_connect_waits_until_the_client_is_let_in() -> None:
    class Slow(Open):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()
            self.asked = 0

        async def authenticate(self, shown: Credentials) -> Admitted | int:  # type: ignore[override]  # may be awaited
            self.asked += 1
            await self.gate.wait()
            return Admitted("p") if shown.username else Reason.BAD_CREDENTIALS

    async def course() -> None:
        policy = Slow()
        async with house(policy=policy) as there:
            peers = []
            for username in ("u", None):
                peer = await there.raw()
                peer.send(Connect("c", username=username), Publish("t", b"x"), Ping(Kind.PINGREQ))
                peers.append(peer)
            await there.until(lambda: policy.asked == 2)
            assert policy.heard == []
            policy.gate.set()
            assert (await peers[0].expect(Connack)).reason == 0
            await peers[0].expect(Ping)
            assert (await peers[1].expect(Connack)).reason == Reason.BAD_CREDENTIALS
            assert await peers[1].ended() == []
            assert len(policy.heard) == 1

    run(course())


@pytest.mark.parametrize("later", [False, True])
def test_a_policy_that_fails_at_credentials_lets_nobody_in(*, later: bool) -> None:
    class Broken(Open):
        def authenticate(self, shown: Credentials) -> Any:
            async def fail() -> Admitted:
                raise RuntimeError("as a test wants it")

            if later:
                return fail()
            raise RuntimeError("as a test wants it")

    async def course() -> None:
        async with house(policy=Broken()) as there:
            _, answer = await there.connect("c")
            assert answer.reason == Reason.SERVER_UNAVAILABLE
            assert not there.broker.sessions
            assert there.broker.counts.pop("faults") == 1

    run(course())


def test_a_session_whose_rights_cannot_be_asked_for_waits_for_the_next_attempt() -> None:
    async def fail() -> int:
        raise RuntimeError("as a test wants it")

    async def course() -> None:
        async with house() as there:
            keep = {P.SESSION_EXPIRY_INTERVAL: 600}
            peer = await there.client("c", properties=keep)
            await peer.subscribe("t")
            peer.cut()
            session = there.broker.sessions["anybody", "c"]
            await there.until(lambda: session.connection is None)
            there.policy.grant = lambda client, item: fail()
            back, answer = await there.connect("c", clean_start=False, properties=keep)
            assert answer.reason == Reason.UNSPECIFIED
            assert await back.ended() == []
            assert there.broker.counts.pop("faults") == 1
            assert session.connection is None, "a connection that was never let in holds no session"
            assert session.ended is not None
            there.policy.grant = lambda client, item: item.qos
            _, answer = await there.connect("c", clean_start=False, properties=keep)
            assert answer.session_present

    run(course())


@clause("4.12", "3.1.2.11.9", "MQTT-4.12.0-1")
def test_extended_authentication_is_refused_in_its_own_words() -> None:
    async def course() -> None:
        async with house() as there:
            _, answer = await there.connect("c", properties={P.AUTHENTICATION_METHOD: "SCRAM-SHA-1"})
            assert answer.reason == Reason.BAD_AUTHENTICATION_METHOD
            peer = await there.client("c")
            peer.send(Auth(0x19, {P.AUTHENTICATION_METHOD: "SCRAM-SHA-1"}))
            assert (await peer.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR
            assert await peer.ended() == []

    run(course())


@clause("MQTT-3.1.0-1", "MQTT-3.1.0-2", "MQTT-4.13.1-1", "MQTT-3.14.0-1")
def test_connect_comes_first_and_once() -> None:
    async def course() -> None:
        async with house() as there:
            hasty = await there.raw()
            hasty.send(Ping(Kind.PINGREQ))
            assert await hasty.ended() == []
            twice = await there.client("c")
            twice.send(Connect("c"))
            [last] = await twice.ended()
            assert isinstance(last, Disconnect)
            assert last.reason == Reason.PROTOCOL_ERROR
            old = await there.client("d", version=4)
            old.send(Connect("d", version=4))
            assert await old.ended() == []  # 3.1.1 has no word for it

    run(course())


@pytest.mark.parametrize(
    "packet",
    [Connack(), Ping(Kind.PINGRESP)],
    ids=["CONNACK", "PINGRESP"],
)
@clause("4.13.1")
def test_a_client_does_not_speak_as_a_server(packet: Any) -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.client("c")
            peer.send(packet)
            assert (await peer.expect(Disconnect)).reason == Reason.PROTOCOL_ERROR

    run(course())


@clause("MQTT-3.1.2-1", "MQTT-3.1.2-2", "3.1.1:MQTT-3.1.2-2")
@pytest.mark.parametrize(("level", "answer"), [(3, b"\x00\x01"), (6, b"\x00\x84")])
def test_another_version_is_told_so(level: int, answer: bytes) -> None:
    async def course() -> bytes:
        async with house() as there:
            peer = await there.raw()
            data = bytearray(encode(Connect("c"), 5))
            data[8] = level
            peer.raw(bytes(data))
            return await peer.reader.read()

    assert run(course())[2:4] == answer


@clause("MQTT-3.1.2-22", "3.1.1:MQTT-3.1.2-24", "MQTT-3.12.4-1")
def test_a_silent_client_is_ended_after_one_and_a_half_keep_alives() -> None:
    async def course() -> None:
        async with house() as there:
            peer, old, endless = [
                await there.client("c", keep_alive=10),
                await there.client("d", version=4, keep_alive=10),
                await there.client("e", version=4),
            ]
            await peer.nothing()
            heard = {key[1]: one.connection for key, one in there.broker.sessions.items()}
            for connection in heard.values():
                assert connection is not None
                connection.look(connection.heard + 14.9)
            await peer.nothing()
            for connection in heard.values():
                assert connection is not None
                connection.look(connection.heard + 15.1)
            assert (await peer.expect(Disconnect)).reason == Reason.KEEP_ALIVE_TIMEOUT
            assert await old.ended() == []
            await endless.nothing()

    run(course())


@clause("MQTT-3.1.4-5")
def test_who_sends_no_connect_is_sent_away() -> None:
    async def course() -> None:
        async with house() as there:
            peer = await there.raw()
            await there.until(lambda: there.broker.connections)
            [connection] = there.broker.connections
            connection.look(connection.opened + 9.9)
            assert not connection.ending
            connection.look(connection.opened + 10.1)
            assert await peer.ended() == []

    run(course())


@clause("MQTT-3.1.2-29", "3.1.2.11.7")
def test_a_client_that_wants_no_explanations_gets_none() -> None:
    from scoc.sensing.mqtt.policy import Refuse

    async def course() -> None:
        policy = Open()
        policy.decide = lambda client, message: Refuse(Reason.PAYLOAD_FORMAT_INVALID, "because")
        async with house(policy=policy) as there:
            for wants, found in ((0, {}), (1, {P.REASON_STRING: "because"})):
                peer = await there.client(f"c{wants}", properties={P.REQUEST_PROBLEM_INFORMATION: wants})
                peer.send(Publish("t", b"x", 1, packet_id=1))
                answer: Any = await peer.packet()
                assert (answer.reason, answer.properties) == (Reason.PAYLOAD_FORMAT_INVALID, found)

    run(course())


def test_connections_and_connects_are_bounded() -> None:
    async def course() -> None:
        async with house(Limits(connections=3, connects_per_second=100_000)) as there:
            for number in range(3):
                await there.client(f"c{number}")
            one_too_many = await there.raw()
            assert await one_too_many.ended() == []
        async with house(Limits(connects_per_second=0)) as there:
            _, answer = await there.connect("c")
            assert answer.reason == Reason.CONNECTION_RATE_EXCEEDED
            _, answer = await there.connect("c", version=4)
            assert answer.reason == 3
        async with house(Limits(sessions_per_principal=2)) as there:
            for number in range(2):
                await there.client(f"c{number}", username="u")
            _, answer = await there.connect("c2", username="u")
            assert answer.reason == Reason.QUOTA_EXCEEDED
            await there.client("c0", username="u")  # its own session it may always take over
            await there.client("c2", username="other")

    run(course())


@clause("MQTT-3.14.4-1", "MQTT-3.14.4-2")
def test_the_listener_says_good_bye_when_it_stops() -> None:
    async def course() -> None:
        async with house() as there:
            new, old = await there.client("c"), await there.client("d", version=4)
            stopping = asyncio.create_task(there.broker.stop())
            assert (await new.expect(Disconnect)).reason == Reason.SERVER_SHUTTING_DOWN
            new.writer.close()
            assert await old.ended() == []
            await stopping
            assert not there.broker.connections

    run(course())
