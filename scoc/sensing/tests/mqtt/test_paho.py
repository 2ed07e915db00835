"""The listener as devices in the field see it: through paho-mqtt, in 3.1.1 and 5.0, over TCP and WebSockets."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from scoc.core.environment import Environment
from scoc.core.tests.factories import City
from scoc.sensing.ingest.doors import Door
from scoc.sensing.models import Observation
from scoc.sensing.mqtt import serving
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.mqtt.serving import Listener
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.mqtt.peer import run
from scoc.sensing.tests.mqtt.test_devices import reading, token_of
from scoc.sensing.tests.mqtt.test_doors import free_port

SECONDS = 20


class Device:
    """A paho client whose events come through queues."""

    def __init__(self, version: int, transport: Any, client_id: str = "field-unit") -> None:
        self.version = version
        protocol = paho.MQTTv5 if version == 5 else paho.MQTTv311
        clean: dict[str, Any] = {} if version == 5 else {"clean_session": False}
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=protocol, transport=transport, **clean
        )
        self.connects: queue.Queue[tuple[int, bool]] = queue.Queue()
        self.acks: queue.Queue[tuple[int, int]] = queue.Queue()
        self.granted: queue.Queue[list[int]] = queue.Queue()
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.ends: queue.Queue[int] = queue.Queue()
        client: Any = self.client
        client.on_connect = lambda c, u, flags, code, p: self.connects.put((code.value, flags.session_present))
        client.on_publish = lambda c, u, mid, code, p: self.acks.put((mid, code.value))
        client.on_subscribe = lambda c, u, mid, codes, p: self.granted.put([code.value for code in codes])
        client.on_message = lambda c, u, message: self.messages.put(message)
        client.on_disconnect = lambda c, u, flags, code, p: self.ends.put(code.value)

    def connect(self, port: int, username: str, password: str) -> tuple[int, bool]:
        """Connect and say what came of it."""
        self.client.username_pw_set(username, password)
        more: dict[str, Any] = {}
        if self.version == 5:
            found: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types there
            found.SessionExpiryInterval = 600
            more = {"clean_start": False, "properties": found}
        self.client.connect("127.0.0.1", port, keepalive=30, **more)
        self.client.loop_start()
        return self.connects.get(timeout=SECONDS)

    def close(self) -> None:
        """End it."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def made(version: int, transport: str) -> Iterator[Device]:
    """A client that is ended in any case."""
    device = Device(version, transport)
    try:
        yield device
    finally:
        device.close()


async def with_hub(course: Any) -> None:
    """Run a course of paho, which blocks, in a thread beside the listener."""
    door = Door()
    environment = Environment(mqtt_port=free_port(), mqtt_ws_port=free_port())
    listener = await serving.listen(door, environment)
    loop = asyncio.get_running_loop()

    def command(message: Message) -> None:
        loop.call_soon_threadsafe(listener.broker.publish, message)

    try:
        await asyncio.to_thread(course, environment, command, listener)
    finally:
        await listener.stop()
        await door.close()
    assert not listener.broker.counts["faults"]


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("version", [4, 5])
def test_a_device_in_the_field(committed: City, version: int, transport: str) -> None:
    token = token_of(make_device("dev-a")).decode()

    def course(environment: Environment, command: Any, listener: Listener) -> None:
        port = environment.mqtt_port if transport == "tcp" else environment.mqtt_ws_port
        with made(version, transport) as device:
            assert device.connect(port, "dev-a", token) == (0, False)
            device.client.subscribe([("command/dev-a/#", 2), ("command/dev-b", 1)])
            assert device.granted.get(timeout=SECONDS) == [2, 0x87 if version == 5 else 0x80]
            for number in range(40):
                device.client.publish("telemetry/dev-a", reading(number, seconds_ago=100 + number), qos=1 + number % 2)
            got = sorted(device.acks.get(timeout=SECONDS) for _ in range(40))
            assert [code for _, code in got] == [0] * 40
            device.client.publish("telemetry/dev-a", b"broken", qos=1)
            assert device.acks.get(timeout=SECONDS)[1] == (0x99 if version == 5 else 0)
            for qos in (0, 1, 2):
                command(Message(f"command/dev-a/{qos}", json.dumps({"open": qos}).encode(), qos))
                assert device.messages.get(timeout=SECONDS).topic == f"command/dev-a/{qos}"
        command(Message("command/dev-a/later", b"while away", 1))
        with made(version, transport) as again:
            assert again.connect(port, "dev-a", token) == (0, True)
            assert again.messages.get(timeout=SECONDS).payload == b"while away"

    run(with_hub(course))
    assert Observation.objects.count() == 40


@pytest.mark.parametrize("version", [4, 5])
def test_a_stranger(committed: City, version: int) -> None:
    make_device("dev-a")

    def course(environment: Environment, command: Any, listener: Listener) -> None:
        with made(version, "tcp") as device:
            code, present = device.connect(environment.mqtt_port, "dev-a", "nonsense")
            assert code >= 0x80
            assert not present

    run(with_hub(course))
