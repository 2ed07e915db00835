"""What telemetry goes by at whatever door it comes: clock and limits of the moment, devices by their credential, the
one writer of the process. Doors answer in their own words."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, connection

from scoc.core import now
from scoc.core.city.sections import city_settings
from scoc.core.secrets import keyed_hash
from scoc.sensing.ingest import directory
from scoc.sensing.ingest.checking import Bounds, bounds_at
from scoc.sensing.ingest.columns import Columns, Refused
from scoc.sensing.ingest.commits import Away, Waiting, Writer
from scoc.sensing.ingest.credentials import CREDENTIAL_PURPOSE, parse_token
from scoc.sensing.ingest.directory import KnownDevice
from scoc.sensing.ingest.taking import Taken
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Device

log = logging.getLogger(__name__)
DEADLINE_SECONDS = 10.0
FRESH_SECONDS = 1.0
"""Clock, limits and changed devices are looked up so often while telemetry comes."""
STALE_SECONDS = 2.0
"""Nothing goes by what was looked up longer ago than this."""
MOST_LOOKUPS = 500


class WrongCredential(Exception):
    """The credential is unknown or was revoked; it has been counted."""


class NotNow(Exception):
    """It cannot be said at the moment: `busy` or `away`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Sight:
    """What telemetry goes by for a second: run, clock, limits."""

    looked: float
    run_id: int
    clock: now.RunClock | None
    limits: SensingSettings

    def bounds(self) -> Bounds:
        """The times that are taken now."""
        wall = now.wall_now()
        return bounds_at(self.clock.at(wall) if self.clock else wall, self.limits)


@dataclass(slots=True)
class Door:
    """The state of telemetry in this process."""

    writer: Writer = field(default_factory=Writer)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "telemetry-lookup"))
    sight: Sight | None = None
    looking: asyncio.Task[Sight] | None = None
    lookups: int = 0

    async def close(self) -> None:
        """Store what waits, then end."""
        await asyncio.to_thread(self.writer.stop)
        self.pool.shutdown(wait=False, cancel_futures=True)

    def sight_now(self) -> Sight | None:
        """What to go by, if it is known; looks it up anew where it gets old. Others go on with the old meanwhile."""
        age = time.monotonic() - self.sight.looked if self.sight else STALE_SECONDS
        if self.sight is not None and age < FRESH_SECONDS:
            return self.sight
        if self.looking is None or self.looking.done():
            self.looking = asyncio.create_task(self._look_up())
            self.looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self.sight if age < STALE_SECONDS else None

    async def sight_soon(self) -> Sight:
        """What to go by: at most STALE_SECONDS old. Raises NotNow."""
        known = self.sight_now()
        if known is not None:
            return known
        assert self.looking is not None
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await asyncio.shield(self.looking)
        except Exception as error:  # see _away
            raise _away("what holds now", error) from error

    async def _look_up(self) -> Sight:
        self.sight = await asyncio.get_running_loop().run_in_executor(self.pool, _look)
        return self.sight

    async def device_of(self, sight: Sight, token: bytes, source: str) -> KnownDevice:
        """The device whose credential this is. Raises WrongCredential or NotNow; a wrong one is counted."""
        parsed = parse_token(token)
        if parsed is None:
            self.writer.count("", "wrong_credential", source)
            raise WrongCredential
        key, secret = parsed
        device = directory.peek(sight.run_id, key)
        if device is None and not directory.unknown_lately(sight.run_id, key):
            device = (await self.look_up(sight, [key])).get(key)
        right = device is not None and hmac.compare_digest(
            device.credential_hash, keyed_hash(CREDENTIAL_PURPOSE, secret)
        )
        if not right or device is None or not allowed(device):
            self.writer.count(key if right else "", "wrong_credential", source)
            raise WrongCredential
        return device

    async def commit(
        self,
        columns: Columns,
        refused: Sequence[Refused],
        received: Mapping[str, int],
        source: str,
        *,
        device_key: str = "",
        run_id: int | None = None,
    ) -> Taken:
        """Wait until rows are committed with those of others. Raises NotNow, Faulty: then nothing is promised."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(columns, refused, device_key, loop, loop.create_future(), received, source, run_id)
        if not self.writer.submit(waiting):
            raise NotNow("busy")
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await waiting.answer
        except (TimeoutError, Away) as error:
            raise NotNow("away") from error

    async def look_up(self, sight: Sight, keys: Sequence[str]) -> dict[str, KnownDevice]:
        """Devices by their keys. Raises NotNow."""
        if self.lookups >= MOST_LOOKUPS:
            raise NotNow("busy")
        self.lookups += 1
        try:
            look = asyncio.get_running_loop().run_in_executor(self.pool, _find, sight.run_id, keys)
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await look
        except Exception as error:  # see _away
            raise _away("a device", error) from error
        finally:
            self.lookups -= 1


def _away(what: str, error: Exception) -> NotNow:
    """Whatever went wrong in a look-up, devices are to keep their readings and come again, and the watch over their
    rights goes on. What is more than a database out of reach is a fault of ours, and is told with its trace."""
    outage = isinstance(error, DatabaseError | InterfaceError | TimeoutError)
    log.warning("telemetry cannot look up %s: %r", what, error, exc_info=None if outage else error)
    return NotNow("away")


def allowed(device: KnownDevice) -> bool:
    """Whether a device may use its credential."""
    return not device.credential_revoked and device.state != Device.State.RETIRED


def _look() -> Sight:
    """In a thread: what holds now. Raises while the database is away."""
    began = time.monotonic()
    try:
        directory.refresh()
        return Sight(began, now.current_run(), now.run_clock(), city_settings(SensingSettings))
    finally:
        connection.close()


def _find(run_id: int, keys: Sequence[str]) -> dict[str, KnownDevice]:
    """In a thread: devices by their keys."""
    try:
        return directory.devices(run_id, keys)
    finally:
        connection.close()
