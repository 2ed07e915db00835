"""Kept sessions and retained messages in the records store: one thread writes, in the order of what happened, as much
in one transaction as came while the last one ran."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from scoc.core.fields import to_micros
from scoc.sensing.models import MqttMessage, MqttReceived, MqttRetained, MqttSession, MqttSubscription
from scoc.sensing.mqtt.codec import V5, Kind, P, Properties, Will
from scoc.sensing.mqtt.codec import properties as property_codec
from scoc.sensing.mqtt.codec.decoding import will_of
from scoc.sensing.mqtt.codec.encoding import will as will_bytes
from scoc.sensing.mqtt.codec.fields import Reader
from scoc.sensing.mqtt.policy import Message
from scoc.sensing.mqtt.router import Subscription
from scoc.sensing.mqtt.sessions import Outgoing, Session
from scoc.sensing.mqtt.storing import Kept, Store

log = logging.getLogger(__name__)
MOST_WAITING = 50_000
MOST_WAITING_BYTES = 67_108_864
MOST_BATCH = 5_000
RETRY_SECONDS = 1.0
Write = tuple[str, tuple[Any, ...], int]
"""A statement, its parameters, and how many bytes of messages they hold."""
_SESSION = (
    "INSERT INTO sensing_mqtt_session (id, principal, client_id, expiry_seconds, ended, will) "
    "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET expiry_seconds = excluded.expiry_seconds, "
    "ended = excluded.ended, will = excluded.will"
)
_SUBSCRIPTION = (
    "INSERT INTO sensing_mqtt_subscription (session_id, filter, qos, no_local, retain_as_published, retain_handling, "
    "identifier) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (session_id, filter) DO UPDATE SET "
    "qos = excluded.qos, no_local = excluded.no_local, retain_as_published = excluded.retain_as_published, "
    "retain_handling = excluded.retain_handling, identifier = excluded.identifier"
)
_QUEUE = (
    "INSERT INTO sensing_mqtt_message (session_id, packet_id, topic, payload, qos, retain, properties, expires, "
    "released) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_DONE = "DELETE FROM sensing_mqtt_message WHERE session_id = %s AND packet_id = %s"
_RELEASE = "UPDATE sensing_mqtt_message SET released = true WHERE session_id = %s AND packet_id = %s"
_RECEIVED = (
    "INSERT INTO sensing_mqtt_received (session_id, packet_id) VALUES (%s, %s) "
    "ON CONFLICT (session_id, packet_id) DO NOTHING"
)
_COMPLETED = "DELETE FROM sensing_mqtt_received WHERE session_id = %s AND packet_id = %s"
_RETAIN = (
    "INSERT INTO sensing_mqtt_retained (topic, payload, qos, properties, expires) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (topic) DO UPDATE SET payload = excluded.payload, qos = excluded.qos, "
    "properties = excluded.properties, expires = excluded.expires"
)
_OF_SESSION = ("sensing_mqtt_message", "sensing_mqtt_received", "sensing_mqtt_subscription")


class Records(Store):
    """The durable store."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = threading.Condition()
        self._writes: deque[Write] = deque()
        self._told: deque[tuple[int, Callable[[], object]]] = deque()
        """Who is to be called back, and after how many writes."""
        self._bytes = 0
        self._given = 0
        """How many writes there have been, and how many of them are stored."""
        self._written = 0
        self._stopping = False
        self._thread: threading.Thread | None = None

    # -- what the engine calls, in the event loop

    def full(self) -> bool:
        """Whether too much waits to be written."""
        return len(self._writes) >= MOST_WAITING or self._bytes >= MOST_WAITING_BYTES

    def session(self, session: Session) -> None:
        """A session began, goes on, or lost its connection."""
        will = None if session.will is None else _will_written(session.will)
        self._put(_SESSION, session.number, *session.key, session.expiry_seconds, session.ended, will)

    def forget(self, session: Session) -> None:
        """A session ended."""
        for table in _OF_SESSION:
            self._put(f"DELETE FROM {table} WHERE session_id = %s", session.number)  # noqa: S608  # our own tables
        self._put("DELETE FROM sensing_mqtt_session WHERE id = %s", session.number)

    def subscription(self, session: Session, subscription: Subscription) -> None:
        """A subscription began or changed."""
        self._put(
            _SUBSCRIPTION, session.number, subscription.filter, subscription.qos, subscription.no_local,
            subscription.retain_as_published, subscription.retain_handling, subscription.identifier,
        )  # fmt: skip

    def unsubscription(self, session: Session, filter_: str) -> None:
        """A subscription ended."""
        self._put(
            "DELETE FROM sensing_mqtt_subscription WHERE session_id = %s AND filter = %s", session.number, filter_
        )

    def queue(self, session: Session, made: Outgoing) -> None:
        """A message waits for its client."""
        message = made.message
        found = message.properties
        if made.identifiers:
            found = {**found, P.SUBSCRIPTION_IDENTIFIER: made.identifiers}
        self._put(
            _QUEUE, session.number, made.packet_id, message.topic, message.payload, made.qos, made.retain,
            property_codec.write(found), message.expires, made.released,
            size=len(message.payload),
        )  # fmt: skip

    def release(self, session: Session, packet_id: int) -> None:
        """The client has the message."""
        self._put(_RELEASE, session.number, packet_id)

    def done(self, session: Session, packet_id: int) -> None:
        """The message needs nothing more."""
        self._put(_DONE, session.number, packet_id)

    def received(self, session: Session, packet_id: int) -> None:
        """A publication of QoS 2 was taken."""
        self._put(_RECEIVED, session.number, packet_id)

    def completed(self, session: Session, packet_id: int) -> None:
        """Its identifier is free again."""
        self._put(_COMPLETED, session.number, packet_id)

    def retain(self, message: Message) -> None:
        """A topic has a retained message."""
        self._put(
            _RETAIN, message.topic, message.payload, message.qos, property_codec.write(message.properties),
            message.expires, size=len(message.payload),
        )  # fmt: skip

    def unretain(self, topic: str) -> None:
        """A topic has none any more."""
        self._put("DELETE FROM sensing_mqtt_retained WHERE topic = %s", topic)

    def after(self, told: Callable[[], object]) -> None:
        """Call back once everything so far is written."""
        with self._news:
            if self._written < self._given:
                self._told.append((self._given, told))
                self._news.notify()
                return
        told()

    def _put(self, statement: str, *parameters: Any, size: int = 0) -> None:
        with self._news:
            self._writes.append((statement, parameters, size))
            self._given += 1
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mqtt-writer", daemon=True)
                self._thread.start()
            self._news.notify()

    def stop(self) -> None:
        """Write what waits, then end."""
        with self._news:
            self._stopping = True
            self._news.notify()
            thread = self._thread
        if thread is not None:
            thread.join(10.0)

    # -- the writing thread

    def _run(self) -> None:
        try:
            while True:
                with self._news:
                    while not self._writes and not self._stopping:
                        self._news.wait()
                    if not self._writes:
                        return
                    batch = [self._writes.popleft() for _ in range(min(len(self._writes), MOST_BATCH))]
                    self._bytes -= sum(size for _, _, size in batch)
                if not self._stored(batch):
                    return
                with self._news:
                    self._written += len(batch)
                    told = []
                    while self._told and self._told[0][0] <= self._written:
                        told.append(self._told.popleft()[1])
                if told:
                    self._loop.call_soon_threadsafe(_tell, told)
        except RuntimeError:  # the loop is closed: nobody waits to be told
            log.info("mqtt: the listener ended before its store")
        finally:
            connection.close()

    def _stored(self, batch: list[Write]) -> bool:
        """Commit a batch, however often that takes; False when told to stop while the database is away."""
        writes = list(_needed(batch))
        while True:
            try:
                with transaction.atomic():
                    _execute(writes)
                return True
            except (OperationalError, InterfaceError) as error:
                log.warning("mqtt: sessions could not be written: %s", error)
                connection.close()
                with self._news:
                    if self._news.wait_for(lambda: self._stopping, RETRY_SECONDS):
                        return False
            except Exception:
                if len(writes) == 1:
                    log.exception("mqtt: a change of a session cannot be written, and is left out")
                    return True
                return all(self._stored([one]) for one in writes)

    # -- at the start

    def load(self) -> Kept:
        """What was kept."""
        try:
            with transaction.atomic():
                return _loaded()
        finally:
            connection.close()


def _tell(told: list[Callable[[], object]]) -> None:
    for one in told:
        one()


def _needed(batch: list[Write]) -> Iterator[Write]:
    """The writes of a batch without messages that came and went within it."""
    gone: set[int] = set()
    came: dict[tuple[Any, ...], int] = {}
    for place, (statement, parameters, _) in enumerate(batch):
        if statement == _QUEUE:
            came[parameters[:2]] = place
        elif statement == _RELEASE:
            came.pop(parameters, None)
        elif statement == _DONE:
            queued = came.pop(parameters, None)
            if queued is not None:
                gone |= {queued, place}
    return (one for place, one in enumerate(batch) if place not in gone)


def _execute(writes: list[Write]) -> None:
    """In their order; equal statements that follow each other go together."""
    with connection.cursor() as cursor:
        start = 0
        while start < len(writes):
            statement = writes[start][0]
            end = start + 1
            while end < len(writes) and writes[end][0] == statement:
                end += 1
            cursor.executemany(statement, [parameters for _, parameters, _ in writes[start:end]])
            start = end


def _loaded() -> Kept:
    kept = Kept()
    sessions: dict[int, Session] = {}
    for row in MqttSession.objects.order_by("id"):
        will = None if row.will is None else _will_read(bytes(row.will))
        session = Session(
            (row.principal, row.client_id), row.pk, row.expiry_seconds, stored=True, will=will,
            ended=None if row.ended is None else to_micros(row.ended),
        )  # fmt: skip
        sessions[row.pk] = session
        kept.sessions.append(session)
    for line in MqttSubscription.objects.order_by("id"):
        session = sessions[line.session_id]
        session.subscriptions[line.filter] = Subscription(
            session, line.filter, line.qos, line.no_local, line.retain_as_published, line.retain_handling,
            line.identifier,
        )  # fmt: skip
    for message in MqttMessage.objects.order_by("id").iterator(1000):
        found = _properties(bytes(message.properties))
        identifiers = found.pop(P.SUBSCRIPTION_IDENTIFIER, [])
        expires = None if message.expires is None else to_micros(message.expires)
        body = Message(message.topic, bytes(message.payload), message.qos, message.retain, found, expires)
        sessions[message.session_id].restore(
            Outgoing(body, message.qos, message.retain, identifiers, message.packet_id, sent=True,
                     released=message.released)
        )  # fmt: skip
    for taken in MqttReceived.objects.all():
        sessions[taken.session_id].received.add(taken.packet_id)
    for one in MqttRetained.objects.order_by("topic").iterator(1000):
        expires = None if one.expires is None else to_micros(one.expires)
        found = _properties(bytes(one.properties))
        kept.retained.append(
            Message(one.topic, bytes(one.payload), one.qos, retain=True, properties=found, expires=expires)
        )
    return kept


def _properties(written: bytes) -> Properties:
    return dict(property_codec.read(Reader(written, 0, len(written)), Kind.PUBLISH))


def _will_written(will: Will) -> bytes:
    return bytes((will.qos | will.retain << 2,)) + will_bytes(will, V5)


def _will_read(written: bytes) -> Will:
    return will_of(Reader(written, 1, len(written)), V5, written[0] & 3, retain=bool(written[0] & 4))
