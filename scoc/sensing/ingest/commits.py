"""Group commit: one thread writes what many requests brought, in one transaction, as soon as the last one is done.

There is no timer: while a commit runs, requests gather, so a batch sizes itself from the time that the disk needs.
A request is answered when its rows are committed, which means on disk (SQLite: synchronous=FULL; PostgreSQL: fsync).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from django.db import InterfaceError, OperationalError, connection

from scoc.core.access import system_actor
from scoc.core.acting import Actor, unit_of_work
from scoc.core.now import in_run
from scoc.sensing.ingest import partitions
from scoc.sensing.ingest.accounting import settle
from scoc.sensing.ingest.columns import Columns, Flags, Refused, joined, no_columns
from scoc.sensing.ingest.taking import Taken, take

log = logging.getLogger(__name__)
MOST_WAITING_ROWS = 50_000
"""A queue longer than this answers 503: later is better than out of memory."""
MOST_BATCH_ROWS = 20_000
COUNT_SECONDS = 1.0
"""Refusals that carry no reading, such as wrong credentials, are counted at least so often."""
_CERTAINLY_ROLLED_BACK = {"40001", "40P01"}
"""PostgreSQL's serialization failure and deadlock: such a batch may be tried again at once."""
SOURCE = "http"
"""Under which refusals are kept and counted, where a door names no other source."""


class Away(Exception):
    """The database could not be reached, or not in time: nothing is known of the rows."""


class Faulty(Exception):
    """These rows cannot be written at all."""


@dataclass(eq=False, slots=True)
class Waiting:
    """The rows of one request, waiting for their commit."""

    columns: Columns
    refused: Sequence[Refused]
    device_key: str
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Taken]
    received: Mapping[str, int]
    """How many readings came, by device key, before they were looked at."""
    source: str = SOURCE
    run_id: int | None = None
    """Of which run its datastreams are, where it is not that of real life."""

    def __len__(self) -> int:
        return len(self.columns) + len(self.refused)


class Counted(NamedTuple):
    """What is counted of refusals that no transaction stored yet."""

    source: str
    device_key: str
    reason: str
    reading: bool
    """Whether a reading was refused, and no request as a whole."""
    run_id: int | None = None


@dataclass(slots=True)
class _Part:
    """What of a batch came by one source in one run."""

    received: Counter[str] = field(default_factory=Counter)
    columns: list[Columns] = field(default_factory=list)
    fresh: list[Flags] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    more: Counter[tuple[str, str]] = field(default_factory=Counter)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(slots=True)
class _Outcome:
    waiting: Waiting
    taken: Taken | None = None
    error: Exception | None = None


@dataclass(eq=False)
class Writer:
    """The one writer of this process."""

    queue: deque[Waiting] = field(default_factory=deque)
    rows: int = 0
    counts: Counter[Counted] = field(default_factory=Counter)
    """Refusals that are not yet stored."""
    stopping: bool = False
    _news: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _actor: Actor | None = None

    def start(self) -> None:
        """Have a thread write. One that ended, whatever ended it, is followed by another while rows wait."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="telemetry-writer", daemon=True)
            self._thread.start()

    def submit(self, waiting: Waiting) -> bool:
        """Put rows into the queue; False when it is full."""
        with self._news:
            if self.stopping or (self.rows and self.rows + len(waiting) > MOST_WAITING_ROWS):
                return False
            self.queue.append(waiting)
            self.rows += len(waiting)
            self.start()
            self._news.notify()
        return True

    def count(self, device_key: str, reason: str, source: str = SOURCE) -> None:
        """Count a request that is refused with no reading looked at."""
        self._count(Counted(source, device_key, reason, reading=False))

    def count_reading(
        self, device_key: str, reason: str, source: str, run_id: int | None = None, number: int = 1
    ) -> None:
        """Count readings that came and are refused, where they are not kept."""
        self._count(Counted(source, device_key, reason, reading=True, run_id=run_id), number)

    def _count(self, counted: Counted, number: int = 1) -> None:
        with self._news:
            self.counts[counted] += number
            if len(self.counts) == 1:
                self.start()
                self._news.notify()

    def stop(self, seconds: float = 10.0) -> None:
        """Write what waits, then end."""
        with self._news:
            self.stopping = True
            self._news.notify()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _take_batch(self) -> list[Waiting] | None:
        """The next batch; an empty one to store counts alone, None to end."""
        with self._news:
            until = time.monotonic() + COUNT_SECONDS
            while not self.queue and not self.stopping:
                if not self.counts:
                    self._news.wait()
                    until = time.monotonic() + COUNT_SECONDS
                elif not self._news.wait(until - time.monotonic()) or time.monotonic() >= until:
                    break
            if not self.queue and not self.counts:
                return None if self.stopping else []
            batch: list[Waiting] = []
            rows = 0
            while self.queue and (not batch or rows + len(self.queue[0]) <= MOST_BATCH_ROWS):
                batch.append(self.queue.popleft())
                rows += len(batch[-1])
            self.rows -= rows
            return batch

    def _run(self) -> None:
        try:
            while (batch := self._take_batch()) is not None:
                try:
                    self._commit(batch)
                except Exception:  # the writer never dies of one batch
                    log.exception("a telemetry batch was lost; its senders are told")
                    _tell([_Outcome(one, error=Away()) for one in batch])
        finally:
            connection.close()
            with self._news:
                self._thread = None
                if (self.queue or self.counts) and not self.stopping:
                    self.start()

    def _commit(self, batch: list[Waiting]) -> None:
        """Write a batch and answer it; one that spoils it is found by halving."""
        with self._news:
            counts, self.counts = self.counts, Counter()
        try:
            takens = self._store(batch, counts)
        except (OperationalError, InterfaceError) as error:
            log.warning("telemetry could not be written: %s", error)
            connection.close()
            self._count_later(counts)
            _tell([_Outcome(one, error=Away()) for one in batch])
            if not batch:
                time.sleep(COUNT_SECONDS)  # only counts wait; do not turn in circles while the database is away
        except Exception as error:
            self._count_later(counts)
            if len(batch) > 1:
                middle = len(batch) // 2
                self._commit(batch[:middle])
                self._commit(batch[middle:])
            elif batch:
                log.exception("telemetry of %s cannot be written", batch[0].device_key)
                for key, number in batch[0].received.items():
                    self.count_reading(key, "fault", batch[0].source, batch[0].run_id, number)
                _tell([_Outcome(batch[0], error=Faulty(str(error)))])
            else:
                raise
        else:
            _tell([_Outcome(one, taken=taken) for one, taken in zip(batch, takens, strict=True)])

    def _count_later(self, counts: Counter[Counted]) -> None:
        with self._news:
            self.counts.update(counts)

    def _store(self, batch: list[Waiting], counts: Counter[Counted]) -> list[Taken]:
        """Commit a batch; what became of the rows of each request."""
        for attempt in (1, 2, 3):
            try:
                return self._store_once(batch, counts)
            except OperationalError as error:
                state = getattr(error.__cause__, "sqlstate", None)
                if state not in _CERTAINLY_ROLLED_BACK or attempt == 3:
                    raise
        raise AssertionError("The third attempt returns or raises.")

    def _store_once(self, batch: list[Waiting], counts: Counter[Counted]) -> list[Taken]:
        if self._actor is None:
            self._actor = system_actor("sensing")
        filled = [one.columns for one in batch if len(one.columns)]
        columns = joined(filled) if filled else no_columns()
        if filled:
            partitions.ensure_for(columns.at)
        with unit_of_work(self._actor):
            taken = take(columns)
            shares = _shares(batch, taken)
            _settle(batch, columns, taken, shares, counts)
        return shares


def _shares(batch: list[Waiting], taken: Taken) -> list[Taken]:
    """The part of each request in what became of the whole batch."""
    shares, start = [], 0
    for one in batch:
        end = start + len(one.columns)
        shares.append(Taken(taken.fresh[start:end], taken.ids[start:end], taken.recorded))
        start = end
    return shares


def _settle(
    batch: list[Waiting], columns: Columns, taken: Taken, shares: list[Taken], counts: Counter[Counted]
) -> None:
    """Write the accounts of a batch, of each run and source by itself."""
    parts: dict[tuple[int, str], _Part] = {}
    for one, share in zip(batch, shares, strict=True):
        part = parts.setdefault((one.run_id or 0, one.source), _Part())
        part.received.update(one.received)
        part.refused += one.refused
        if len(one.columns):
            part.columns.append(one.columns)
            part.fresh.append(share.fresh)
    for counted, number in counts.items():
        part = parts.setdefault((counted.run_id or 0, counted.source), _Part())
        (part.more if counted.reading else part.requests)[counted.device_key, counted.reason] += number
        part.received[counted.device_key] += number if counted.reading else 0
    for (run_id, source), part in sorted(parts.items(), key=lambda item: item[0]):
        if len(parts) > 1:
            columns = joined(part.columns) if part.columns else no_columns()
            fresh = np.concatenate(part.fresh) if part.fresh else np.empty(0, np.bool_)
        else:
            fresh = taken.fresh
        with in_run(run_id or None):
            settle(source, part.received, columns, fresh, taken.recorded, part.refused, part.more, part.requests)


def _tell(outcomes: list[_Outcome]) -> None:
    """Answer requests in their own event loops, each loop woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome.waiting.loop, []).append(outcome)
    for loop, told in loops.items():
        try:
            loop.call_soon_threadsafe(_answer, told)
        except RuntimeError:  # the loop is closed: nobody waits for the answer any more
            log.info("%s telemetry requests ended before their answer", len(told))


def _answer(outcomes: list[_Outcome]) -> None:
    for outcome in outcomes:
        answer: asyncio.Future[Any] = outcome.waiting.answer
        if answer.done():  # its deadline passed
            continue
        if outcome.error is not None:
            answer.set_exception(outcome.error)
        else:
            answer.set_result(outcome.taken)
