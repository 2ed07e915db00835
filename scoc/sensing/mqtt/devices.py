"""What devices of the city may do by MQTT: send their own readings, hear their own commands.

A device shows its key as user name (or client identifier) and its credential as password. `telemetry/<key>` and
`telemetry/<key>/<property>` take the JSON of the HTTP door; the acknowledgement leaves after the commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scoc.sensing.ingest import directory
from scoc.sensing.ingest.bodies import check_items, decoded
from scoc.sensing.ingest.checking import Checked
from scoc.sensing.ingest.columns import no_columns
from scoc.sensing.ingest.commits import Away, Waiting
from scoc.sensing.ingest.credentials import parse_token
from scoc.sensing.ingest.directory import KnownDevice
from scoc.sensing.ingest.doors import Door, NotNow, Sight, WrongCredential, allowed
from scoc.sensing.ingest.taking import Taken
from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.codec import Reason, SubscribeItem
from scoc.sensing.mqtt.policy import (
    SWALLOW,
    Admitted,
    Client,
    Credentials,
    Message,
    Refuse,
    Verdict,
    Withhold,
)
from scoc.sensing.mqtt.watching import Watching

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker

log = logging.getLogger(__name__)
SOURCE = "mqtt"
TELEMETRY = "telemetry"
COMMAND = "command"
PRINCIPAL = "device:"
LOOK_SECONDS = 3.0
"""So often the rights of connected devices are looked at again."""
MOST_GATHERED = 2_000
"""Readings of one device that are handed to the writer together."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Which device a client is, and the credential that it came with."""

    key: str
    credential_hash: str | None


@dataclass(eq=False, slots=True)
class _Load:
    """Readings of one client that came in one turn of the loop."""

    key: str
    checked: Checked
    told: list[tuple[asyncio.Future[Verdict], Verdict]] = field(default_factory=list)
    """Who waits for the commit, and what is said then."""
    rows: int = 0


class DevicePolicy(Watching):
    """The policy of devices."""

    def __init__(self, door: Door) -> None:
        super().__init__("devices")
        self._door = door
        self._loads: dict[str, _Load] = {}

    # -- who it is

    async def authenticate(self, shown: Credentials) -> Admitted | int:
        """The device whose credential is the password; the key it names must be that device's."""
        claimed = shown.username or shown.client_id
        try:
            sight = await self._door.sight_soon()
            device = await self._door.device_of(sight, shown.password or b"", SOURCE)
        except WrongCredential:
            return Reason.BAD_CREDENTIALS
        except NotNow as error:
            return Reason.SERVER_BUSY if error.code == "busy" else Reason.SERVER_UNAVAILABLE
        parsed = parse_token(shown.password or b"")
        if parsed is None or claimed != parsed[0]:
            self._door.writer.count(device.key, "wrong_credential", SOURCE)
            return Reason.BAD_CREDENTIALS
        return Admitted(f"{PRINCIPAL}{device.key}", Seat(device.key, device.credential_hash))

    async def look(self, broker: Broker) -> None:
        """Look at every connected device once. Raises NotNow."""
        if not self._clients:
            return
        sight = await self._door.sight_soon()
        clients = [(client, client.data) for client in self._clients if isinstance(client.data, Seat)]
        known = await self._door.look_up(sight, sorted({seat.key for _, seat in clients}))
        for client, seat in clients:
            if not _holds(seat, known.get(seat.key)):
                broker.expel(client, Reason.NOT_AUTHORIZED)

    # -- what it hears

    def may_subscribe(self, client: Client, item: SubscribeItem) -> int:
        """Its own commands; a wildcard may stand below them only."""
        wanted = topics.shared(item.filter)[1]
        return item.qos if _is_own(COMMAND, client.principal, wanted) else Reason.NOT_AUTHORIZED

    def may_receive(self, principal: str, topic: str) -> bool:
        """The same of a message about to be given to it."""
        return _is_own(COMMAND, principal, topic)

    # -- what it sends

    def publish(self, client: Client, message: Message) -> Verdict | Awaitable[Verdict]:
        """Its own readings."""
        if not _is_own(TELEMETRY, client.principal, message.topic):
            other = message.topic.startswith(f"{TELEMETRY}/")
            self._door.writer.count(_key_of(client.principal), "other_device" if other else "malformed", SOURCE)
            return Refuse(Reason.NOT_AUTHORIZED, "a device publishes to telemetry/<its key>")
        seat = client.data if isinstance(client.data, Seat) else Seat(_key_of(client.principal), None)
        name = message.topic[len(TELEMETRY) + len(seat.key) + 2 :]
        if "/" in name:
            return Refuse(Reason.TOPIC_NAME_INVALID, "telemetry/<key>/<property> has no further level")
        sight = self._door.sight_now()
        device = directory.peek(sight.run_id, seat.key) if sight is not None else None
        if sight is None or device is None:
            return self._later(seat, name, message.payload)
        return self._take(sight, seat, device, name, message.payload)

    async def _later(self, seat: Seat, name: str, payload: bytes) -> Verdict:
        """Look up what is not known, then take it."""
        try:
            sight = await self._door.sight_soon()
            device = (await self._door.look_up(sight, [seat.key])).get(seat.key)
        except NotNow:
            return Withhold(Reason.SERVER_BUSY)
        said = self._take(sight, seat, device, name, payload)
        return await said if isinstance(said, asyncio.Future) else said

    def _take(
        self, sight: Sight, seat: Seat, device: KnownDevice | None, name: str, payload: bytes
    ) -> Verdict | asyncio.Future[Verdict]:
        """Check readings, and gather them with what else this device sent in this turn of the loop."""
        if device is None or not _holds(seat, device):
            self._door.writer.count(seat.key, "wrong_credential", SOURCE)
            return Withhold(Reason.NOT_AUTHORIZED)
        items = self._items(sight, device, name, payload)
        if isinstance(items, Refuse):
            return items
        if not items:
            return SWALLOW
        load = self._loads.get(seat.key)
        if load is None or load.rows + len(items) > MOST_GATHERED:
            if load is not None:
                self._submit(load)
            load = self._loads[seat.key] = _Load(seat.key, Checked(sight.bounds()))
            asyncio.get_running_loop().call_soon(self._submit, load)
        checked = load.checked
        taken, refused = len(checked.positions), len(checked.refused)
        check_items(items, device, checked)
        load.rows += len(items)
        verdict: Verdict = SWALLOW
        if len(checked.positions) == taken:
            first = checked.refused[refused][1]
            verdict = Refuse(Reason.PAYLOAD_FORMAT_INVALID, f"{first.reason}: {first.detail}")
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        load.told.append((answer, verdict))
        return answer

    def _items(self, sight: Sight, device: KnownDevice, name: str, payload: bytes) -> list[Any] | Refuse:
        """The readings in a payload."""
        if len(payload) > sight.limits.most_body_bytes:
            return self._refused(device, "too_large", Reason.QUOTA_EXCEEDED, "the payload is too large")
        try:
            content = decoded(payload)
        except ValueError:
            return self._refused(device, "malformed", Reason.PAYLOAD_FORMAT_INVALID, "the payload is no JSON")
        items = content if isinstance(content, list) else [content]
        if not isinstance(content, list | dict):
            return self._refused(device, "malformed", Reason.PAYLOAD_FORMAT_INVALID, "it is no object, and no list")
        if len(items) > sight.limits.most_readings:
            return self._refused(device, "too_large", Reason.QUOTA_EXCEEDED, "there are too many readings in it")
        if name:
            for item in items:
                if isinstance(item, dict) and item.setdefault("property", name) != name:
                    text = "a reading names another property than the topic"
                    return self._refused(device, "malformed", Reason.PAYLOAD_FORMAT_INVALID, text)
        return items

    def _refused(self, device: KnownDevice, reason: str, code: int, text: str) -> Refuse:
        self._door.writer.count(device.key, reason, SOURCE)
        return Refuse(code, text)

    def _submit(self, load: _Load) -> None:
        """Hand gathered readings to the writer."""
        if self._loads.get(load.key) is load:
            del self._loads[load.key]
        if not load.told:
            return
        told, load.told = load.told, []
        loop = asyncio.get_running_loop()
        checked = load.checked
        waiting = Waiting(
            checked.columns() if checked.positions else no_columns(), [row for _, row in checked.refused], load.key,
            loop, loop.create_future(), {load.key: load.rows}, SOURCE,
        )  # fmt: skip
        if not self._door.writer.submit(waiting):
            _say(told, Withhold(Reason.SERVER_BUSY))
            return
        waiting.answer.add_done_callback(lambda done: _committed(done, told))


def _committed(done: asyncio.Future[Taken], told: list[tuple[asyncio.Future[Verdict], Verdict]]) -> None:
    """Tell those who wait: stored, or not now, or never."""
    error = None if done.cancelled() else done.exception()
    if error is None and not done.cancelled():
        _say(told, None)
    elif isinstance(error, Away) or error is None:
        _say(told, Withhold(Reason.SERVER_BUSY))
    else:  # it was recorded, and would fail again
        _say(told, Refuse(Reason.IMPLEMENTATION_SPECIFIC, "these readings cannot be stored"))


def _say(told: list[tuple[asyncio.Future[Verdict], Verdict]], instead: Verdict | None) -> None:
    for answer, verdict in told:
        if not answer.done():
            answer.set_result(instead or verdict)


def _key_of(principal: str) -> str:
    return principal.removeprefix(PRINCIPAL)


def _is_own(root: str, principal: str, topic: str) -> bool:
    """Whether a topic or filter is the device's own one below a root, or lies below that."""
    own = f"{root}/{_key_of(principal)}"
    return topic == own or topic.startswith(f"{own}/")


def _holds(seat: Seat, device: KnownDevice | None) -> bool:
    """Whether the credential that a client came with still holds."""
    return (
        device is not None and allowed(device)
        and (seat.credential_hash is None or seat.credential_hash == device.credential_hash)
    )  # fmt: skip
