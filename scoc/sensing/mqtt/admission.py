"""CONNECT, section 3.1.4: credentials first, and only then any session."""

from __future__ import annotations

import asyncio
import inspect
import secrets
import time
from typing import TYPE_CHECKING

from scoc.sensing.mqtt.codec import V5, Connect, P, Properties, Reason
from scoc.sensing.mqtt.connections import ADMITTING, Connection
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Admitted, Client, Credentials

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker
    from scoc.sensing.mqtt.sessions import Session

MOST_CLIENT_ID = 256


class Admission:
    """Lets clients in."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._second = 0
        self._came = 0

    def connect(self, connection: Connection, packet: Connect) -> None:
        """Handle a CONNECT; while it waits for the policy nothing else of this client is read."""
        connection.version = packet.version
        fault = self._fault(packet)
        if fault:
            connection.answer_connect(fault)
            return
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        shown = Credentials(packet.client_id, packet.username, packet.password, str(peer[0]) if peer else "")
        connection.hold(ADMITTING)
        task = asyncio.ensure_future(self._admit(connection, packet, shown))
        task.add_done_callback(lambda done: self._admitted(connection, done))

    def _admitted(self, connection: Connection, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._broker.failed("a client could not be let in", error)
            connection.answer_connect(Reason.UNSPECIFIED)
        connection.release(ADMITTING)

    def _fault(self, packet: Connect) -> int:
        """Why a client is not even asked for its credentials; 0 if it is."""
        if packet.version == V5 and P.AUTHENTICATION_METHOD in packet.properties:
            return Reason.BAD_AUTHENTICATION_METHOD
        if not packet.client_id and not packet.clean_start and packet.version != V5:  # MQTT-3.1.3-8
            return Reason.CLIENT_ID_NOT_VALID
        if len(packet.client_id) > MOST_CLIENT_ID:
            return Reason.CLIENT_ID_NOT_VALID
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._came = second, 0
        self._came += 1
        if self._came > self._broker.limits.connects_per_second:
            self._broker.counts["rate"] += 1
            return Reason.CONNECTION_RATE_EXCEEDED
        return Reason.SERVER_SHUTTING_DOWN if self._broker.stopping else 0

    async def _asked(self, shown: Credentials) -> Admitted | int:
        """What the policy says, at once or later; one that fails lets nobody in."""
        try:
            said = self._broker.policy.authenticate(shown)
            return await said if inspect.isawaitable(said) else said
        except Exception:  # noqa: BLE001  # a policy is no code of the broker's: it is recorded, and its client is told
            self._broker.failed("the policy failed at credentials")
            return Reason.SERVER_UNAVAILABLE

    async def _admit(self, connection: Connection, packet: Connect, shown: Credentials) -> None:
        said = await self._asked(shown)
        if connection.ending:
            return
        if not isinstance(said, Admitted):
            self._broker.counts["not_admitted"] += 1
            connection.answer_connect(said)
            return
        client_id = packet.client_id or f"auto-{secrets.token_hex(10)}"
        client = Client(said.principal, client_id, packet.version, said.data)
        key = (said.principal, client_id)
        old = self._broker.sessions.get(key)
        if old is not None and old.connection is not None:
            self._broker.counts["taken_over"] += 1
            old.connection.end(Reason.SESSION_TAKEN_OVER)
            old = self._broker.sessions.get(key)  # it may have ended with its connection
        if old is not None and packet.clean_start:
            self._broker.wills.now(key)
            self._broker.drop(old)
            old = None
        if old is None and not self._room(said.principal):
            connection.answer_connect(Reason.QUOTA_EXCEEDED)
            return
        session = old or self._broker.new_session(key)
        session.connection = connection  # from here on a newer connection takes over from this one
        self._broker.wills.recalled(key)
        try:
            if old is not None:
                await self._broker.subscriptions.resume(client, session)
        except Exception:
            _leave(session, connection)
            raise
        if connection.closed:  # while the policy was asked
            _leave(session, connection)
        elif session.connection is connection:
            self._begin(connection, packet, client, session, present=old is not None)

    def _room(self, principal: str) -> bool:
        broker = self._broker
        if len(broker.sessions) >= broker.limits.sessions:
            return False
        number = broker.per_principal[principal]
        return number < broker.limits.sessions_per_principal

    def _begin(
        self, connection: Connection, packet: Connect, client: Client, session: Session, *, present: bool
    ) -> None:
        """The client is in: CONNACK, and then what waited for it."""
        broker = self._broker
        found = self._agree(connection, packet, session)
        if not packet.client_id and packet.version == V5:
            found[P.ASSIGNED_CLIENT_IDENTIFIER] = client.client_id
        session.ended = None
        session.will = packet.will
        if session.expiry_seconds or session.stored:
            session.stored = True
            broker.store.session(session)
        connection.session, connection.client = session, client
        session.rewind()
        broker.counts["admitted"] += 1
        connection.answer_connect(0, present=present, found=found)
        broker.policy.connected(client)
        connection.outbox.release_again(session)
        connection.outbox.pump()

    def _agree(self, connection: Connection, packet: Connect, session: Session) -> Properties:
        """Take over what the client asks for, and say where it gets something else."""
        limits = self._broker.limits
        if packet.version != V5:
            session.expiry_seconds = 0 if packet.clean_start else limits.session_seconds
            connection.keep_alive = packet.keep_alive
            return {}
        asked = packet.properties
        found: Properties = {
            P.RECEIVE_MAXIMUM: limits.receive_maximum, P.MAXIMUM_PACKET_SIZE: limits.packet_bytes,
            P.TOPIC_ALIAS_MAXIMUM: limits.topic_aliases,
        }  # fmt: skip
        expiry = connection.expiry_asked = asked.get(P.SESSION_EXPIRY_INTERVAL, 0)
        session.expiry_seconds = min(expiry, limits.session_seconds)
        if session.expiry_seconds != expiry:
            found[P.SESSION_EXPIRY_INTERVAL] = session.expiry_seconds
        connection.keep_alive = min(packet.keep_alive or limits.keep_alive_seconds, limits.keep_alive_seconds)
        if connection.keep_alive != packet.keep_alive:
            found[P.SERVER_KEEP_ALIVE] = connection.keep_alive
        outbox = connection.outbox
        outbox.quota = min(asked.get(P.RECEIVE_MAXIMUM, 65_535), limits.inflight)
        outbox.most_bytes = asked.get(P.MAXIMUM_PACKET_SIZE, 0)
        outbox.alias_maximum = min(asked.get(P.TOPIC_ALIAS_MAXIMUM, 0), limits.topic_aliases)
        connection.explains = asked.get(P.REQUEST_PROBLEM_INFORMATION, 1) == 1
        return found


def _leave(session: Session, connection: Connection) -> None:
    """A connection that was not let in after all holds no session; a newer one may have taken over from it."""
    if session.connection is connection:
        session.connection, session.ended = None, micros_now()
