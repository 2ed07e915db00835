"""Policies that look again and again at the rights of those who are in."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from scoc.sensing.ingest.doors import NotNow
from scoc.sensing.mqtt.policy import Client, Policy

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker

log = logging.getLogger(__name__)


class Watching(Policy):
    """Knows its clients, and expels those whose rights ended."""

    def __init__(self, whose: str) -> None:
        self._whose = whose
        self._clients: set[Client] = set()

    def connected(self, client: Client) -> None:
        """A client is in."""
        self._clients.add(client)

    def disconnected(self, client: Client) -> None:
        """A client has gone."""
        self._clients.discard(client)

    async def look(self, broker: Broker) -> None:
        """Look at every client once. Raises NotNow."""

    async def watch(self, broker: Broker, seconds: float) -> None:
        """Look every so many seconds, until cancelled; a look that fails is followed by the next."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.look(broker)
            except NotNow as error:
                log.warning("mqtt: the rights of %s cannot be looked at: %s", self._whose, error)
            except Exception:  # noqa: BLE001  # it is recorded; without the watch whose rights ended would stay
                broker.failed(f"the rights of {self._whose} could not be looked at")
