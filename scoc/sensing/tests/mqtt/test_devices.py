"""Devices by MQTT: their readings are stored before they are told so, and nobody does what is not theirs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from scoc.core.access import system_actor
from scoc.core.environment import Environment
from scoc.core.now import wall_now
from scoc.core.tests.factories import City
from scoc.sensing import actions
from scoc.sensing.ingest import commits, directory
from scoc.sensing.ingest.doors import Door
from scoc.sensing.ingest.taking import take
from scoc.sensing.models import Device, Observation, Rejected, RejectedCount
from scoc.sensing.mqtt import devices, serving
from scoc.sensing.mqtt.codec import Acknowledgement, Disconnect, P, Publish, Reason, Will
from scoc.sensing.mqtt.devices import DevicePolicy
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.mqtt.peer import House, run


@asynccontextmanager
async def hub() -> AsyncIterator[House]:
    """The listener as the web process starts it, on a free port."""
    door = Door()
    listener = await serving.listen(door, Environment(mqtt_port=free_port()))
    there = House(listener.broker, listener.policy, listener.ports()[0])
    try:
        yield there
    finally:
        there.leave()
        await listener.stop()
        await door.close()
    assert not listener.broker.counts["faults"]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at(seconds_ago: float = 60) -> str:
    """A time a moment ago."""
    return (wall_now() - timedelta(seconds=seconds_ago)).isoformat()


def reading(value: Any = 12.5, seconds_ago: float = 60, **more: Any) -> bytes:
    """One reading."""
    return json.dumps({"property": "pm25", "at": at(seconds_ago), "value": value, **more}).encode()


def token_of(device: Device) -> bytes:
    """A fresh credential."""
    return actions.issue_credential(system_actor("sensing"), device.pk).token.encode()


@pytest.fixture
def device(committed: City) -> Device:
    """A committed device."""
    return make_device("dev-a")


async def beside(function: Any) -> Any:
    """Ask the database in a thread."""

    def asked() -> Any:
        try:
            return function()
        finally:
            connection.close()

    return await asyncio.to_thread(asked)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [1, 2])
def test_a_reading_is_stored_when_it_is_acknowledged(device: Device, version: int, qos: int) -> None:
    token = token_of(device)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("any-id", version, username="dev-a", password=token)
            bodies = (once := reading(), once, b"[%s, %s]" % (reading(seconds_ago=50), reading(seconds_ago=40)))
            for number, (body, stored) in enumerate(zip(bodies, (1, 1, 3), strict=True), 1):
                assert await peer.publish("telemetry/dev-a", body, qos, packet_id=number) == 0
                assert await beside(Observation.objects.count) == stored
            short = json.dumps({"at": at(30), "value": 3}).encode()
            assert await peer.publish("telemetry/dev-a/pm25", short, qos, packet_id=9) == 0
            assert await beside(Observation.objects.count) == 4

    run(course())
    assert not Rejected.objects.exists()


def test_readings_without_acknowledgement_are_stored_all_the_same(device: Device) -> None:
    token = token_of(device)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("dev-a", password=token)  # the client identifier may name the device
            for number in range(50):
                await peer.publish("telemetry/dev-a", reading(seconds_ago=60 + number), 0)
            await peer.nothing()
            peer.send(Disconnect())
            await peer.ended()

    run(course())
    assert Observation.objects.count() == 50


BAD: list[tuple[str, bytes, int, str]] = [
    ("", b"no JSON", Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("", b"12", Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("", b"\xff\xfe", Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("", b"", Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("", b"[" * 5_000, Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("", b'[{"x": 1}, 7]', Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("/pm10", reading(), Reason.PAYLOAD_FORMAT_INVALID, "malformed"),
    ("/ozone", b'{"at": "2026-06-15T09:00:00Z", "value": 1}', Reason.PAYLOAD_FORMAT_INVALID, "unknown_property"),
    ("", reading(device_key="dev-b"), Reason.PAYLOAD_FORMAT_INVALID, "other_device"),
    ("", reading(float("nan")), Reason.PAYLOAD_FORMAT_INVALID, "not_finite"),
    ("", reading(-1), Reason.PAYLOAD_FORMAT_INVALID, "out_of_range"),
    ("", reading(seconds_ago=-9_999), Reason.PAYLOAD_FORMAT_INVALID, "in_future"),
    ("", b"[" + b",".join([b"1"] * 10_001) + b"]", Reason.QUOTA_EXCEEDED, "too_large"),
]


@pytest.mark.parametrize("version", [4, 5])
def test_what_can_never_be_stored_is_refused_and_counted(device: Device, version: int) -> None:
    token = token_of(device)

    async def course() -> list[int]:
        async with hub() as there:
            peer = await there.client("c", version, username="dev-a", password=token)
            return [await peer.publish(f"telemetry/dev-a{tail}", body) for tail, body, _, _ in BAD]

    assert run(course()) == [reason if version == 5 else 0 for _, _, reason, _ in BAD]
    assert not Observation.objects.exists()
    counts = dict(RejectedCount.objects.filter(device_key="dev-a", source="mqtt").values_list("reason", "n"))
    wanted = [reason for _, _, _, reason in BAD]
    assert counts == {reason: wanted.count(reason) + (reason == "malformed") for reason in wanted}


def test_one_bad_reading_does_not_fail_its_neighbours(device: Device) -> None:
    token = token_of(device)

    async def course() -> int:
        async with hub() as there:
            peer = await there.client("c", username="dev-a", password=token)
            return await peer.publish("telemetry/dev-a", b"[%s, %s]" % (reading(), reading("x")))

    assert run(course()) == 0
    assert Observation.objects.count() == 1
    assert Rejected.objects.get().source == "mqtt"


def test_acknowledgements_keep_their_order_whatever_each_needs(device: Device) -> None:
    token = token_of(device)

    async def course() -> list[tuple[int, int]]:
        async with hub() as there:
            peer = await there.client("c", username="dev-a", password=token)
            bodies = [reading(seconds_ago=60 + n) if n % 3 else b"broken" for n in range(60)]
            peer.send(*(Publish("telemetry/dev-a", body, 1, packet_id=n) for n, body in enumerate(bodies, 1)))
            got = [await peer.expect(Acknowledgement) for _ in bodies]
            return [(one.packet_id, one.reason) for one in got]

    assert run(course()) == [(n, 0 if (n - 1) % 3 else 0x99) for n in range(1, 61)]
    assert Observation.objects.count() == 40


def test_only_the_device_itself_gets_in(device: Device) -> None:
    token, other = token_of(device), token_of(make_device("dev-b"))
    retired = make_device("dev-c")
    gone = token_of(retired)
    Device.objects.filter(pk=retired.pk).update(state=Device.State.RETIRED, changed=wall_now())
    tries: list[dict[str, Any]] = [
        {"username": "dev-a"}, {"username": "dev-a", "password": b"nonsense"},
        {"username": "dev-a", "password": other},
        {"username": "dev-a", "password": token.replace(token[6:16], b"0123456789")},
        {"username": "dev-b", "password": token}, {"password": token}, {"username": "dev-c", "password": gone},
        {},
    ]  # fmt: skip

    async def course() -> None:
        async with hub() as there:
            owner = await there.client("dev-a", password=token, properties={P.SESSION_EXPIRY_INTERVAL: 60})
            await owner.subscribe("command/dev-a")
            for shown in tries:
                thief, answer = await there.connect("victim" if "password" in shown else "dev-a", **shown)
                assert answer.reason == Reason.BAD_CREDENTIALS, shown
                assert await thief.ended() == []
            assert (await there.connect("dev-a", username="dev-b", password=other))[1].reason == 0
            there.broker.publish(Message("command/dev-a", b"open", 1))
            assert (await owner.message()).payload == b"open"

    run(course())
    assert sum(RejectedCount.objects.filter(reason="wrong_credential").values_list("n", flat=True)) == len(tries)


def test_a_device_hears_its_own_commands_and_nothing_else(device: Device) -> None:
    token = token_of(device)
    filters = {
        "command/dev-a": 1, "command/dev-a/#": 1, "command/dev-a/+/set": 1, "$share/g/command/dev-a/x": 1,
        "command/dev-b": 0x87, "command/+": 0x87, "command/#": 0x87, "#": 0x87, "command/dev-ab": 0x87,
        "telemetry/dev-a": 0x87, "$SYS/#": 0x87, "v1.1/Datastreams(1)/Observations": 0x87, "+/dev-a": 0x87,
    }  # fmt: skip

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("c", username="dev-a", password=token)
            assert (await peer.subscribe(*filters, qos=1)).reasons == list(filters.values())
            there.broker.publish(Message("command/dev-b", b"not mine", 1))
            there.broker.publish(Message("command/dev-a/valve/set", b"mine", 1))
            assert (await peer.message()).payload == b"mine"
            await peer.nothing()

    run(course())


@pytest.mark.parametrize("topic", ["telemetry/dev-b", "command/dev-a", "x", "telemetry", "telemetry/dev-a/pm25/x"])
def test_a_device_publishes_to_its_own_topic_only(device: Device, topic: str) -> None:
    token = token_of(device)

    async def course() -> int:
        async with hub() as there:
            peer = await there.client("c", username="dev-a", password=token)
            return await peer.publish(topic, reading())

    assert run(course()) == (0x90 if topic.endswith("/x") else 0x87)
    counted = dict(RejectedCount.objects.values_list("reason", "n"))
    assert counted == ({} if topic.endswith("/x") else {"other_device" if "dev-b" in topic else "malformed": 1})
    assert not Observation.objects.exists()


def test_nobody_is_acknowledged_while_the_database_is_away(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(device)

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("away, as a test wants it")

    async def course() -> None:
        async with hub() as there:
            for version in (5, 4):
                peer = await there.client("c", version, username="dev-a", password=token)
                monkeypatch.setattr(commits, "take", away)
                peer.send(Publish("telemetry/dev-a", reading(), 1, packet_id=1))
                last = await peer.ended()
                assert [one.reason for one in last if isinstance(one, Disconnect)] == [0x89] * (version == 5)
                assert not any(isinstance(one, Acknowledgement) for one in last)
                monkeypatch.setattr(commits, "take", take)
            back = await there.client("c", username="dev-a", password=token)
            assert await back.publish("telemetry/dev-a", reading(), dup=True) == 0

    run(course())
    assert Observation.objects.count() == 1


def test_a_revoked_device_is_expelled(device: Device) -> None:
    token = token_of(device)

    async def course() -> None:
        async with hub() as there:
            idle = await there.client("idle", username="dev-a", password=token)
            await beside(lambda: actions.revoke_credential(system_actor("sensing"), device.pk))
            directory.forget_directory()
            await there.policy.devices.look(there.broker)
            assert (await idle.expect(Disconnect)).reason == Reason.NOT_AUTHORIZED

    run(course())


def test_the_watch_over_rights_survives_a_fault(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[DevicePolicy] = []

    async def look(policy: DevicePolicy, _: object) -> None:
        looks.append(policy)
        if len(looks) == 1:
            raise RuntimeError("as a test wants it")

    async def course() -> None:
        async with hub() as there:
            await there.until(lambda: len(looks) > 1)
            assert there.broker.counts.pop("faults") == 1

    monkeypatch.setattr(devices, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(DevicePolicy, "look", look)
    run(course())


def test_readings_of_a_device_whose_credential_was_replaced_are_not_taken(device: Device) -> None:
    token = token_of(device)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("c", username="dev-a", password=token)
            fresh = await beside(lambda: token_of(device))
            directory.forget_directory()
            peer.send(Publish("telemetry/dev-a", reading(), 1, packet_id=1))
            [last] = await peer.ended()
            assert isinstance(last, Disconnect)
            assert last.reason == Reason.NOT_AUTHORIZED
            await there.client("c", username="dev-a", password=fresh)

    run(course())
    assert not Observation.objects.exists()


def test_a_will_of_a_device_is_a_reading_like_any_other(device: Device) -> None:
    token = token_of(device)

    async def course() -> None:
        async with hub() as there:
            will = Will("telemetry/dev-a", reading(7), 1)
            peer = await there.client("c", username="dev-a", password=token, will=will)
            peer.cut()
            await there.until(lambda: not there.broker.connections)

    run(course())
    assert Observation.objects.get().result == 7
