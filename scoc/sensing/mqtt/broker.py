"""The listener's middle: who is connected, whose session is whose, and where messages go."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from scoc.sensing.mqtt.admission import Admission
from scoc.sensing.mqtt.codec import Connect, Reason
from scoc.sensing.mqtt.connections import Connection
from scoc.sensing.mqtt.inbox import FLOOD
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Client, Message, Policy, Verdict, Withhold
from scoc.sensing.mqtt.retained import Retained
from scoc.sensing.mqtt.router import Router
from scoc.sensing.mqtt.sessions import Key, Session
from scoc.sensing.mqtt.storing import Store
from scoc.sensing.mqtt.subscriptions import Subscriptions
from scoc.sensing.mqtt.wills import Wills

log = logging.getLogger(__name__)
SWEEP_SECONDS = 1.0
EXPIRE_SECONDS = 10.0
"""So often sessions and retained messages are looked through for what nobody needs any more."""


class Broker:
    """Everything that connections share."""

    def __init__(self, policy: Policy, store: Store | None = None, limits: Limits | None = None) -> None:
        self.policy = policy
        self.store = store or Store()
        self.limits = limits or Limits()
        self.loop = asyncio.get_running_loop()
        self.router = Router()
        self.retained = Retained(self.limits.retained, self.limits.retained_bytes)
        self.sessions: dict[Key, Session] = {}
        self.per_principal: Counter[str] = Counter()
        """Sessions of each principal."""
        self.connections: set[Connection] = set()
        self.counts: Counter[str] = Counter()
        """What was dropped, refused, cut off, by kind, since the start."""
        self.held: set[Connection] = set()
        """Connections that are not read since too much waits for its storing."""
        self.subscriptions = Subscriptions(self)
        self.wills = Wills(self)
        self.admission = Admission(self)
        self.stopping = False
        self._quiet = asyncio.Event()
        self._pending = 0
        self._pending_bytes = 0
        self._last_number = 0
        self._expired = time.monotonic()
        self._sweep: asyncio.TimerHandle | None = None

    # -- from start to stop

    async def start(self) -> None:
        """Restore what was kept, then look after the connections."""
        kept = await asyncio.to_thread(self.store.load)
        for message in kept.retained:
            self.retained.keep(message)
        for session in kept.sessions:
            self._last_number = max(self._last_number, session.number)
            self._add(session)
            for subscription in session.subscriptions.values():
                self.router.add(subscription)
        now = micros_now()
        for session in kept.sessions:  # clients that were there when the process ended are lost now, and only once
            before = session.ended, session.will
            session.ended = session.ended or now
            self.wills.lost(session, _shadow(session))
            if (session.ended, session.will) != before:
                self.store.session(session)
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._look)

    def accept(self) -> Connection:
        """A new socket's protocol."""
        return Connection(self)

    async def stop(self) -> None:
        """Say good-bye to everybody, let what is being stored be stored, then end."""
        self.stopping = True
        for connection in list(self.connections):
            connection.end(Reason.SERVER_SHUTTING_DOWN)
        self.wills.stop()
        if self._sweep is not None:
            self._sweep.cancel()
        await asyncio.sleep(0)  # wills of those who were there are published in the next turn
        self._look_whether_quiet()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                await self._quiet.wait()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.to_thread(self.store.stop)

    def _look_whether_quiet(self) -> None:
        if self.stopping and not self._pending and not self.connections:
            self._quiet.set()

    def failed(self, what: str, error: BaseException | None = None) -> None:
        """Record a fault of ours; without `error` the one that is being handled."""
        self.counts["faults"] += 1
        log.error("mqtt: %s", what, exc_info=error or True)

    # -- connections

    def opened(self, connection: Connection) -> bool:
        """Whether there is room for a socket."""
        if self.stopping or len(self.connections) >= self.limits.connections:
            self.counts["turned_away"] += 1
            return False
        self.connections.add(connection)
        return True

    def closed(self, connection: Connection) -> None:
        """A socket is closed."""
        self.connections.discard(connection)
        self.held.discard(connection)
        self._look_whether_quiet()

    def connect(self, connection: Connection, packet: Connect) -> None:
        """CONNECT."""
        self.admission.connect(connection, packet)

    def parted(self, connection: Connection, client: Client, session: Session | None) -> None:
        """A client has gone, whoever ended it: its session ends or waits, its will is published or waits."""
        client.connected = False
        self.policy.disconnected(client)
        if session is None or session.connection is not connection:
            return
        session.connection = None
        session.ended = micros_now()
        self.wills.lost(session, client)
        if session.expiry_seconds <= 0:
            self.drop(session)
        elif session.stored:
            self.store.session(session)

    def expel(self, client: Client, reason: int) -> None:
        """End the connection of a client that may not be here any more."""
        session = self.sessions.get((client.principal, client.client_id))
        if session is not None and session.connection is not None and session.connection.client is client:
            self.counts["expelled"] += 1
            session.connection.end(reason)

    def new_session(self, key: Key) -> Session:
        """A session that begins."""
        self._last_number += 1
        session = Session(key, self._last_number)
        self._add(session)
        return session

    def _add(self, session: Session) -> None:
        self.sessions[session.key] = session
        self.per_principal[session.key[0]] += 1

    def drop(self, session: Session) -> None:
        """A session has ended."""
        if self.sessions.get(session.key) is session:
            del self.sessions[session.key]
            self.per_principal[session.key[0]] -= 1
            if not self.per_principal[session.key[0]]:
                del self.per_principal[session.key[0]]
        self.subscriptions.ended(session)
        if session.stored:
            self.store.forget(session)
            session.stored = False  # what is still under way for it is not written any more

    # -- publications

    def asked(self, connection: Connection, message: Message) -> Verdict | asyncio.Future[Verdict]:
        """What the policy says of a publication, or will say."""
        client = connection.client
        assert client is not None
        return self.verdict(client, message)

    def verdict(self, client: Client, message: Message) -> Verdict | asyncio.Future[Verdict]:
        """The same for any client, also one that has gone."""
        if message.qos and self.store.full():
            return Withhold(Reason.SERVER_BUSY)
        try:
            said: Any = self.policy.publish(client, message)
        except Exception:  # noqa: BLE001  # it is recorded, and its client is told
            self.failed("the policy failed at a publication")
            return Withhold(Reason.UNSPECIFIED)
        if isinstance(said, asyncio.Future) or not inspect.isawaitable(said):
            return said
        return asyncio.ensure_future(_awaited(said))

    def verdict_of(self, future: asyncio.Future[Verdict]) -> Verdict:
        """What a policy said in the end; a policy that failed has not taken the message."""
        if future.cancelled():
            return Withhold(Reason.SERVER_BUSY)
        error = future.exception()
        if error is None:
            return future.result()
        self.failed("the policy failed at a publication", error)
        return Withhold(Reason.UNSPECIFIED)

    def publish(self, message: Message) -> None:
        """A message of the hub itself."""
        self.route(message)

    def route(self, message: Message) -> bool:
        """Give a message to whoever subscribed, and keep it if it is to be retained.

        True where its acknowledgement must wait for the store.
        """
        waits = False
        if message.retain:
            waits = self._retain(message)
        for to in self.router.deliveries(message.topic, message.origin):
            retain = message.retain and to.retain_as_published
            waits |= self.deliver(to.session, message, to.qos, retain=retain, identifiers=to.identifiers)
        return waits

    def _retain(self, message: Message) -> bool:
        kept = replace(message, frames={}, origin=None) if message.origin else message
        if not self.retained.keep(kept):
            self.counts["not_retained"] += 1
            return False
        if message.payload:
            self.store.retain(kept)
        else:
            self.store.unretain(message.topic)
        return True

    def deliver(
        self, session: Session, message: Message, qos: int, *, retain: bool, identifiers: list[int],
        kept: bool = False,
    ) -> bool:  # fmt: skip
        """Give one session a copy. True where that is to be stored.

        `kept` is for retained messages: as many as there are may wait for a new subscription.
        """
        qos = min(qos, message.qos)
        connection = session.connection
        if not self.policy.may_receive(session.key[0], message.topic):
            self.counts["withheld_from_reader"] += 1
            return False
        if qos == 0:
            if connection is not None and not connection.outbox.message(
                message, retain=retain, identifiers=identifiers
            ):
                self.counts["shed"] += 1
            return False
        if not session.kept():
            return False
        limits = self.limits
        most = limits.queued + (limits.retained if kept else 0)
        if session.full(most, limits.queued_bytes + (limits.retained_bytes if kept else 0)):
            self.counts["dropped"] += 1
            if connection is not None:  # it is there and does not take them
                self.counts["cut_off"] += 1
                self.loop.call_soon(connection.end, Reason.QUOTA_EXCEEDED)
            return False
        made = session.put(message, qos, retain=retain, identifiers=identifiers)
        if session.stored:
            self.store.queue(session, made)
        if connection is not None:
            connection.outbox.pump()
        return session.stored

    # -- how much waits for its storing

    def wait(self, size: int) -> None:
        """A publication waits for the policy."""
        self._pending += 1
        self._pending_bytes += size

    def waited(self, size: int) -> None:
        """It waits no longer; connections are read again once half of what was too much is done."""
        self._pending -= 1
        self._pending_bytes -= size
        self._look_whether_quiet()
        limits = self.limits
        if self.held and self._pending <= limits.pending // 2 and self._pending_bytes <= limits.pending_bytes // 2:
            held, self.held = self.held, set()
            for connection in held:
                connection.release(FLOOD)

    def flooded(self) -> bool:
        """Whether so much waits that sockets are not read."""
        return self._pending >= self.limits.pending or self._pending_bytes >= self.limits.pending_bytes

    def flooded_beyond(self) -> bool:
        """Whether even more waits than not reading could keep out, so that QoS 0 is dropped."""
        return self._pending >= 2 * self.limits.pending or self._pending_bytes >= 2 * self.limits.pending_bytes

    # -- once a second

    def _look(self) -> None:
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._look)
        now = time.monotonic()
        for connection in list(self.connections):
            connection.look(now)
        if now - self._expired > EXPIRE_SECONDS:
            self._expired = now
            self.expire(micros_now())

    def expire(self, now: int) -> None:
        """End sessions whose client did not come back in time, and forget messages that nobody needs any more."""
        for session in [
            one for one in self.sessions.values()
            if one.connection is None and one.ended is not None and one.ended + one.expiry_seconds * 1_000_000 <= now
        ]:  # fmt: skip
            self.wills.now(session.key)  # MQTT-3.1.3-9: with the end of the session at the latest
            self.drop(session)
        for topic in self.retained.expired(now):
            self.store.unretain(topic)


def _shadow(session: Session) -> Client:
    """A client that is not there any more, for its will."""
    return Client(*session.key, 5, connected=False)


async def _awaited(said: Awaitable[Verdict]) -> Verdict:
    return await said
