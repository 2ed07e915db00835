"""PUBACK means stored: the web process is killed with -9 at random while devices publish by MQTT, and a device that
was away finds its session again. At the end it stops as it should."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scoc.sensing.mqtt.codec import Acknowledgement, Disconnect, P, Publish, Reason
from scoc.sensing.tests.mqtt.peer import House, Peer
from tests.installations import free_port
from tests.proof.ingest_parts import CLIENTS
from tests.proof.test_kill_ingest import Installation, Postgres, postgres

pytestmark = pytest.mark.proof
KILLS = 8
WINDOW = 20
__all__ = ["postgres"]


class Unit:
    """A device that publishes readings, some at a time, and those that were not acknowledged again."""

    def __init__(self, number: int, token: str) -> None:
        self.key = f"dev-{number}"
        self.token = token.encode()
        self.base = datetime.now(UTC) - timedelta(hours=3)
        self.number = 0
        self.open: dict[int, str] = {}
        self.acknowledged: set[str] = set()

    def packet(self, packet_id: int, at: str, *, dup: bool) -> Publish:
        """One reading."""
        body = json.dumps({"property": "pm25", "at": at, "value": 1.0}).encode()
        return Publish(f"telemetry/{self.key}", body, 1, dup=dup, packet_id=packet_id)

    def more(self) -> list[Publish]:
        """As many as the window has room for."""
        made = []
        while len(self.open) < WINDOW:
            self.number += 1
            packet_id = self.number % 60_000 + 1
            self.open[packet_id] = (self.base + timedelta(milliseconds=10 * self.number)).isoformat()
            made.append(self.packet(packet_id, self.open[packet_id], dup=False))
        return made

    async def publish(self, port: int) -> None:
        """Until cancelled, through whatever happens to the other side."""
        while True:
            there = other_house(port)
            try:
                peer = await there.client(self.key, 4, clean_start=False, username=self.key, password=self.token)
                await self._over(peer)
            except (OSError, AssertionError):
                await asyncio.sleep(0.05)
            finally:
                there.leave()

    async def _over(self, peer: Peer) -> None:
        peer.send(*(self.packet(packet_id, at, dup=True) for packet_id, at in self.open.items()))
        peer.send(*self.more())
        while (answer := await peer.packet()) is not None:
            if isinstance(answer, Acknowledgement):
                self.acknowledged.add(self.open.pop(answer.packet_id))
                peer.send(*self.more())

    async def keep(self, port: int) -> tuple[House, Peer, bool]:
        """Open a session that outlives its connection; whether it was there before."""
        there = other_house(port)
        peer, answer = await there.connect(
            "keeper", clean_start=False, username=self.key, password=self.token,
            properties={P.SESSION_EXPIRY_INTERVAL: 3600},
        )  # fmt: skip
        assert answer.reason == 0
        return there, peer, answer.session_present


def other_house(port: int) -> House:
    """A listener in another process."""
    return House(None, None, port)  # type: ignore[arg-type]  # its broker is out of reach


def all_went_on(units: list[Unit], before: list[int]) -> bool:
    """Whether every device has been acknowledged something since."""
    return all(len(unit.acknowledged) > number for unit, number in zip(units, before, strict=True))


async def course(installation: Installation, port: int, units: list[Unit]) -> None:
    """Publish while the web process is killed, again and again."""
    there, peer, present = await units[0].keep(port)
    assert not present
    assert (await peer.subscribe("command/dev-0/#")).reasons == [2]
    there.leave()
    running = [asyncio.create_task(unit.publish(port)) for unit in units]
    for _ in range(KILLS):
        before = [len(unit.acknowledged) for unit in units]
        async with asyncio.timeout(90):
            while not all_went_on(units, before):  # noqa: ASYNC110  # beside what publishes
                await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(0.0, 0.5))  # any moment will do
        await asyncio.to_thread(installation.kill, "serve")
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def farewell(installation: Installation, port: int, unit: Unit) -> None:
    """A kept session is found again, and told of the stop."""
    there, peer, present = await unit.keep(port)
    assert present
    installation.running["serve"].send_signal(signal.SIGTERM)
    last = await peer.expect(Disconnect)
    assert last.reason == Reason.SERVER_SHUTTING_DOWN
    there.leave()
    assert await asyncio.to_thread(installation.running["serve"].wait, 30) in (0, -signal.SIGTERM)
    assert "did not stop cleanly" not in (installation.folder / "serve.log").read_text()


def test_nothing_acknowledged_is_lost(tmp_path: Path, postgres: Postgres | None) -> None:  # a fixture
    port = free_port()
    installation = Installation(tmp_path, postgres, settings={"SCOC_MQTT_PORT": str(port)})
    try:
        tokens = json.loads((tmp_path / "tokens.json").read_text())
        units = [Unit(number, tokens[number]) for number in range(CLIENTS)]
        asyncio.run(course(installation, port, units))
        asyncio.run(farewell(installation, port, units[0]))
    finally:
        installation.stop()
    stored = json.loads(installation.parts("stored"))
    for unit in units:
        assert unit.acknowledged
        assert unit.acknowledged <= set(stored[unit.key])
        assert len(stored[unit.key]) == len(set(stored[unit.key]))
    total = sum(len(unit.acknowledged) for unit in units)
    sys.stdout.write(f"{KILLS} kills, {total} acknowledged, {sum(map(len, stored.values()))} stored\n")
