"""Who is who at the listener: devices by their credential, machines by their API key; each has a policy of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from scoc.sensing.ingest.doors import Door
from scoc.sensing.mqtt import devices, keys
from scoc.sensing.mqtt.announcing import Announcer
from scoc.sensing.mqtt.codec import SubscribeItem
from scoc.sensing.mqtt.devices import DevicePolicy
from scoc.sensing.mqtt.keys import KeyPolicy
from scoc.sensing.mqtt.policy import Admitted, Client, Credentials, Message, Policy, Verdict

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker

_KEY = b"scoc_"
"""API keys begin with it; no credential of a device does."""


class CityPolicy(Policy):
    """Hands each client over to the policy of its kind."""

    def __init__(self, door: Door, root: str) -> None:
        self.announcer = Announcer(root)
        self.devices = DevicePolicy(door)
        self.keys = KeyPolicy(door, self.announcer)

    def _of(self, principal: str) -> Policy:
        return self.keys if principal.startswith(keys.PRINCIPAL) else self.devices

    def authenticate(self, shown: Credentials) -> Admitted | int | Awaitable[Admitted | int]:
        """By what the password looks like."""
        return (self.keys if (shown.password or b"").startswith(_KEY) else self.devices).authenticate(shown)

    def may_subscribe(self, client: Client, item: SubscribeItem) -> int | Awaitable[int]:
        """As its policy says."""
        return self._of(client.principal).may_subscribe(client, item)

    def subscribed(self, client: Client, item: SubscribeItem) -> None:
        """Told to its policy."""
        self._of(client.principal).subscribed(client, item)

    def unsubscribed(self, principal: str, client_id: str, filter_: str) -> None:
        """Told to its policy."""
        self._of(principal).unsubscribed(principal, client_id, filter_)

    def may_receive(self, principal: str, topic: str) -> bool:
        """As its policy says."""
        return self._of(principal).may_receive(principal, topic)

    def publish(self, client: Client, message: Message) -> Verdict | Awaitable[Verdict]:
        """As its policy says."""
        return self._of(client.principal).publish(client, message)

    def connected(self, client: Client) -> None:
        """Told to its policy."""
        self._of(client.principal).connected(client)

    def disconnected(self, client: Client) -> None:
        """Told to its policy."""
        self._of(client.principal).disconnected(client)

    def restored(self, broker: Broker) -> None:
        """Sessions outlived the process: what they wait for is kept for them until they come back."""
        for (principal, client_id), session in broker.sessions.items():
            if principal.startswith(keys.PRINCIPAL):
                for filter_ in session.subscriptions:
                    self.keys.waits(principal, client_id, filter_)

    def close(self) -> None:
        """End the threads."""
        for pool in (self.keys.pool, self.announcer.pool):
            pool.shutdown(wait=False, cancel_futures=True)

    async def watch(self, broker: Broker) -> None:
        """Expel whose rights ended, and tell what is new; until cancelled."""
        await asyncio.gather(
            self.devices.watch(broker, devices.LOOK_SECONDS), self.keys.watch(broker, keys.LOOK_SECONDS),
            self.announcer.run(broker),
        )  # fmt: skip
