"""What is new below `v1.1`, told to whoever subscribed to it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import InterfaceError, OperationalError, connection

from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, NotFound
from scoc.sensing.ingest.interest import ENTITIES, EVERYTHING, renew
from scoc.sensing.models import News
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.sta.asking import Path, path_of, query_of
from scoc.sensing.sta.reading import Reader, address_of, read, read_some
from scoc.sensing.sta.seeing import whole_city

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker

log = logging.getLogger(__name__)
BEGINNING = "v1.1/"
LOOK_SECONDS = 0.25
RENEW_SECONDS = 20.0
MOST_NEWS = 5_000
"""So many observations are told of in one look; the others in the next."""
MOST_KEPT = 100_000
"""So many news are looked through in one look."""
SETTLED = timedelta(seconds=30)
"""News that is older, and was told of, is not looked at again: what was to be committed before it has been."""
AT_ONCE = 100
"""So many messages are given out before whoever hears them may take them."""
ROOM_SECONDS = 0.02
ROOM_TURNS = 50
"""So often a client that does not take them keeps the others waiting so long."""
_STREAMS = ("Datastreams", "MultiDatastreams")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that somebody may subscribe to: a path, perhaps with `$select`."""

    name: str
    path: Path
    options: str

    @classmethod
    def of(cls, name: str) -> Topic | None:
        """The topic of a filter; None where it is no path of SensorThings, or has wildcards."""
        if not name.startswith(BEGINNING) or "+" in name or "#" in name:
            return None
        below, _, options = name.removeprefix(BEGINNING).partition("?")
        try:
            path = path_of(below)
            query = query_of(options, path.last.entity)
        except (NotFound, Invalid):
            return None
        plain = {option for option, _ in query.written} <= {"$select"} and not (path.inside and options)
        return cls(name, path, options) if plain and not path.reference and not path.raw else None

    def below_to(self, step: int) -> str:
        """Its path up to a step."""
        return address_of(Path(self.path.steps[: step + 1]))

    @property
    def streams(self) -> Iterator[int]:
        """The datastreams whose observations it tells of; or that it tells of other entities."""
        if self.path.last.entity.name != "Observations":
            yield ENTITIES
            return
        named = next((step.id for step in reversed(self.path.steps) if step.entity.name in _STREAMS), None)
        yield EVERYTHING if named is None else named


@dataclass(eq=False)
class Announcer:
    """Looks for what is new as long as somebody waits for it."""

    root: str
    """The address that links begin with."""
    topics: dict[str, Topic] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    """How many subscriptions there are of each topic."""
    holder: str = field(default_factory=lambda: secrets.token_hex(8))
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "mqtt-announcer"))
    """A thread of its own: many topics must not keep devices waiting."""
    _settled: int = 0
    """The last news of which no earlier one is still to come."""
    _told: set[int] = field(default_factory=set)
    """Later news that was told of."""
    _changed: bool = False
    _renewed: float = 0.0

    def begin(self, name: str) -> None:
        """Somebody waits for a topic."""
        topic = Topic.of(name)
        if topic is not None:
            self.waiting[name] += 1
            self._changed = self._changed or name not in self.topics
            self.topics[name] = topic

    def end(self, name: str) -> None:
        """One waits no more."""
        self.waiting[name] -= 1
        if self.waiting[name] <= 0:
            del self.waiting[name]
            self._changed = self.topics.pop(name, None) is not None or self._changed

    async def run(self, broker: Broker) -> None:
        """Tell what is new, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.topics and not self._changed:
                continue
            try:
                messages = await loop.run_in_executor(self.pool, self._look, loop.time())
            except Exception:  # noqa: BLE001  # it is recorded; the next look tells what this one could not
                broker.failed("what is new could not be looked for")
                continue
            for n, message in enumerate(messages):
                if n % AT_ONCE == 0:
                    await _room(broker, message.topic)
                broker.publish(message)

    def _look(self, moment: float) -> list[Message]:
        """In a thread: what is new of the topics that somebody waits for."""
        try:
            topics = list(self.topics.values())
            if self._changed or moment - self._renewed > RENEW_SECONDS:
                self._changed = False
                try:
                    renew(self.holder, {pk for topic in topics for pk in topic.streams})
                except Exception:
                    self._changed = True
                    raise
                self._renewed = moment
            # Rights were looked at when somebody subscribed, and are looked at again by the policy of keys.
            return list(self._news(Reader(whole_city(), self.root), topics))
        finally:
            connection.close()

    def _news(self, reader: Reader, topics: list[Topic]) -> Iterator[Message]:
        """Commits come in another order than ids, so all that is kept is looked through for what was not told."""
        later = News.objects.filter(id__gt=self._settled).order_by("id")
        rows = list(later.values_list("id", "entity", "number", "recorded_at")[:MOST_KEPT])
        fresh = [row for row in rows if row[0] not in self._told][:MOST_NEWS]
        written: dict[str, set[int]] = {}
        for _, entity, number, _ in fresh:
            written.setdefault(entity, set()).add(number)
        for topic in topics:
            ids = written.get(topic.path.last.entity.name)
            if ids:
                try:
                    yield from _told_of(reader, topic, sorted(ids))
                except (OperationalError, InterfaceError):
                    raise  # told of in the next look
                except Exception:
                    log.exception("mqtt: nothing can be told to %s", topic.name)
        told = self._told | {row[0] for row in fresh}
        before = wall_now() - SETTLED
        settled = [row[0] for row in takewhile(lambda row: row[0] in told and row[3] < before, rows)]
        self._settled = settled[-1] if settled else self._settled
        self._told = {row[0] for row in rows[len(settled) :]} & told


async def _room(broker: Broker, topic: str) -> None:
    """Let clients take what waits for them: many at once must not cut off one that keeps up."""
    await asyncio.sleep(0)  # what was written goes out
    for _ in range(ROOM_TURNS):
        hearing = [to.session for to in broker.router.deliveries(topic, None)]
        if not any(one.connection and len(one.waiting) > broker.limits.queued // 2 for one in hearing):
            return
        await asyncio.sleep(ROOM_SECONDS)


def _told_of(reader: Reader, topic: Topic, ids: list[int]) -> Iterator[Message]:
    """The messages of a topic about those of these entities that belong to it."""
    path = topic.path
    if path.many:
        found: list[Any] = read_some(reader, path, topic.options, ids)
    else:
        try:
            one = read(reader, Path(path.steps), "$select=id")
            found = [read(reader, path, topic.options)] if one["@iot.id"] in ids else []
        except NotFound:  # it has gone, or has no such value
            found = []
    for content in found:
        yield Message(topic.name, msgspec.json.encode(content), qos=2)
