"""What machines with an API key may do by MQTT: SensorThings, as 18-088 sections 13 and 14 have it.

The key is the password. Observations are created by publishing to `v1.1/Datastreams(1)/Observations` and the like;
updates come to whoever subscribed to a path below `v1.1`, with nested paths, single properties and `$select`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from django.db import connection

from scoc.core import clients, now
from scoc.core.access import allowed
from scoc.core.acting import Actor
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal, TooMuch
from scoc.kit.text import Text
from scoc.sensing.ingest.commits import Faulty
from scoc.sensing.ingest.doors import Door, NotNow
from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.announcing import BEGINNING, Announcer, Topic
from scoc.sensing.mqtt.codec import Reason, SubscribeItem
from scoc.sensing.mqtt.policy import SWALLOW, Admitted, Client, Credentials, Message, Refuse, Verdict, Withhold
from scoc.sensing.mqtt.watching import Watching
from scoc.sensing.sta.asking import path_of
from scoc.sensing.sta.doing import Asked, Caller, Done, Rows, do
from scoc.sensing.sta.observing import SOURCE, Unfit, reason_of
from scoc.sensing.sta.reading import Reader, read
from scoc.sensing.sta.seeing import SEE, sight_of

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker

T = TypeVar("T")
log = logging.getLogger(__name__)
PRINCIPAL = "key:"
LOOK_SECONDS = 5.0
"""So often the keys of connected machines are looked at again."""
_OF_ONE = frozenset({"Things", "Datastreams", "MultiDatastreams", "HistoricalLocations", "Observations"})
"""What belongs to one thing, and so to one organisation, with all that hangs at it on the way down."""
_DOWN = frozenset({"Datastreams", "MultiDatastreams", "Observations", "HistoricalLocations"})
"""A thing may be at a place of others, so its places are not among them."""
THREADS = 2


@dataclass(eq=False, slots=True)
class Seat:
    """Which machine a client is."""

    key: str
    actor: Actor


class KeyPolicy(Watching):
    """The policy of machines with an API key."""

    def __init__(self, door: Door, announcer: Announcer) -> None:
        super().__init__("machines")
        self._door = door
        self._announcer = announcer
        self._waiting: set[tuple[str, str, str]] = set()
        self.pool = ThreadPoolExecutor(THREADS, "mqtt-keys")
        """Beside that of devices: what machines ask for may take longer than a look-up."""

    async def authenticate(self, shown: Credentials) -> Admitted | int:
        """The machine whose key is the password."""
        key = (shown.password or b"").decode("latin1")
        try:
            actor = await self._in_thread(lambda: clients.actor_of_key(key, shown.address))
        except TooMuch:
            return Reason.QUOTA_EXCEEDED
        except Exception:
            log.exception("mqtt: a key cannot be looked up")
            return Reason.SERVER_UNAVAILABLE
        if actor is None:
            self._door.writer.count("", "wrong_credential", SOURCE)
            return Reason.BAD_CREDENTIALS
        return Admitted(f"{PRINCIPAL}{actor.key_id}", Seat(key, actor))

    async def look(self, broker: Broker) -> None:
        """Look at every connected machine once: who came back with other rights asks for its subscriptions anew."""
        heard: dict[tuple[str, str], list[str]] = {}
        for principal, client_id, filter_ in self._waiting:
            heard.setdefault((principal, client_id), []).append(filter_)
        for client in list(self._clients):
            seat = client.data
            if isinstance(seat, Seat):
                filters = heard.get((client.principal, client.client_id), [])
                if not await self._in_thread(partial(_still, seat, filters)):
                    broker.expel(client, Reason.NOT_AUTHORIZED)

    # -- what it hears

    async def may_subscribe(self, client: Client, item: SubscribeItem) -> int:
        """Paths below `v1.1` that the machine may read."""
        topic = Topic.of(topics.shared(item.filter)[1])
        if topic is None or not isinstance(client.data, Seat):
            return Reason.TOPIC_FILTER_INVALID if item.filter.startswith(BEGINNING) else Reason.NOT_AUTHORIZED
        actor = client.data.actor
        try:
            return item.qos if await self._in_thread(lambda: _may_hear(actor, topic)) else Reason.NOT_AUTHORIZED
        except (NotAllowed, NotFound):
            return Reason.NOT_AUTHORIZED
        except Invalid:
            return Reason.TOPIC_FILTER_INVALID

    def subscribed(self, client: Client, item: SubscribeItem) -> None:
        """Whoever announces tells of it from now on."""
        self.waits(client.principal, client.client_id, item.filter)

    def waits(self, principal: str, client_id: str, filter_: str) -> None:
        """A session waits for what a filter names, be its client there or not."""
        one = principal, client_id, filter_
        if one not in self._waiting:
            self._waiting.add(one)
            self._announcer.begin(topics.shared(filter_)[1])

    def unsubscribed(self, principal: str, client_id: str, filter_: str) -> None:
        """Nobody waits for it any more, unless others do."""
        one = principal, client_id, filter_
        if one in self._waiting:
            self._waiting.discard(one)
            self._announcer.end(topics.shared(filter_)[1])

    def may_receive(self, principal: str, topic: str) -> bool:
        """What was allowed when it subscribed."""
        return topic.startswith(BEGINNING)

    # -- what it sends

    def publish(self, client: Client, message: Message) -> Verdict | Awaitable[Verdict]:
        """Observations alone are created by publishing."""
        below = message.topic.removeprefix(BEGINNING)
        if not message.topic.startswith(BEGINNING) or not below.endswith("Observations"):
            return Refuse(Reason.TOPIC_NAME_INVALID, "publish to v1.1/Datastreams(<id>)/Observations")
        if not isinstance(client.data, Seat):
            return Refuse(Reason.NOT_AUTHORIZED)
        return self._take(client.data, below, message.payload)

    async def _take(self, seat: Seat, below: str, payload: bytes) -> Verdict:
        def work() -> Done | Rows:
            actor = clients.actor_of_key(seat.key, seat.actor.address)  # each publication is a call
            if actor is None:
                raise NotAllowed("no_permission", Text("密钥已失效。", "The key has ended."))
            return do(Caller(actor, self._announcer.root), Asked("POST", below, body=payload))

        try:
            rows = await self._in_thread(work)
        except TooMuch:
            return Withhold(Reason.QUOTA_EXCEEDED)
        except Unfit as refusal:
            self._door.writer.count_reading(refusal.device_key, reason_of(refusal), SOURCE, refusal.run_id)
            return _unfit(refusal)
        except Invalid as refusal:
            self._door.writer.count("", reason_of(refusal), SOURCE)
            return _unfit(refusal)
        except Refusal as refusal:
            return Refuse(Reason.NOT_AUTHORIZED, refusal.message.en)
        except Exception:
            log.exception("mqtt: an observation cannot be taken")
            return Withhold(Reason.SERVER_BUSY)
        if isinstance(rows, Done):
            return SWALLOW
        try:
            await self._door.commit(rows.columns, rows.refused, rows.received, SOURCE, run_id=rows.run_id)
        except NotNow:
            return Withhold(Reason.SERVER_BUSY)
        except Faulty:
            return Refuse(Reason.IMPLEMENTATION_SPECIFIC, "this observation cannot be stored")
        return SWALLOW

    async def _in_thread(self, call: Callable[[], T]) -> T:
        def work() -> T:
            try:
                return call()
            finally:
                connection.close()

        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def _still(seat: Seat, filters: list[str]) -> bool:
    """Whether a machine may do what it might when it came, and hear what it subscribed to: things change hands."""
    actor = clients.actor_of_key(seat.key, "", counted=False)
    if actor is None or actor != replace(seat.actor, address=""):
        return False
    found = [topic for name in filters if (topic := Topic.of(topics.shared(name)[1])) is not None]
    try:
        with now.in_run(actor.run_id):
            return not found or allowed(actor, SEE).city or all(_may_hear(actor, topic) for topic in found)
    except Refusal:
        return False


def _unfit(refusal: Invalid) -> Refuse:
    return Refuse(Reason.PAYLOAD_FORMAT_INVALID, f"{refusal.errors[0].field}: {refusal.message.en}")


def _may_hear(actor: Actor, topic: Topic) -> bool:
    """Whether a machine may hear all that its topic may ever tell. Raises NotAllowed, NotFound.

    What leads away from one thing may lead to things of others: that is for whoever may read the whole city.
    """
    with now.in_run(actor.run_id):
        whole = allowed(actor, SEE).city
        first, *further = topic.path.steps
        below = (
            first.id is not None
            and first.entity.name in _OF_ONE
            and all(step.relation is not None and step.relation.name in _DOWN for step in further)
        )
        if not whole and not below:
            return False
        single = next((n for n, step in enumerate(topic.path.steps) if step.id is not None), None)
        if single is not None:
            read(Reader(sight_of(actor), ""), path_of(topic.below_to(single)), "$select=id")
        return True
