"""What comes from one client: publications taken by the policy, acknowledged in their order and only once it is known
what became of them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from scoc.sensing.mqtt.codec import NONE, V5, Kind, Malformed, P, Properties, Publish, Reason
from scoc.sensing.mqtt.codec.decoding import fitting
from scoc.sensing.mqtt.codec.encoding import acknowledgement
from scoc.sensing.mqtt.codec.reasons import protocol_error
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Message, Refuse, Route, Verdict, Withhold

if TYPE_CHECKING:
    from scoc.sensing.mqtt.connections import Connection
    from scoc.sensing.mqtt.sessions import Session

TRAVELLING = frozenset({
    P.PAYLOAD_FORMAT_INDICATOR, P.CONTENT_TYPE, P.RESPONSE_TOPIC, P.CORRELATION_DATA, P.USER_PROPERTY,
})  # fmt: skip
"""Properties that are passed on unchanged (3.3.2.3)."""
ANSWERS = "answers"
FLOOD = "flood"


def message_of(topic: str, packet: Publish, origin: tuple[str, str]) -> Message:
    """The application message in a PUBLISH."""
    return composed(topic, packet.payload, packet.qos, packet.properties, origin, retain=packet.retain)


def composed(
    topic: str, payload: bytes, qos: int, found: Properties, origin: tuple[str, str], *, retain: bool
) -> Message:
    """An application message of what a PUBLISH or a will says."""
    if not found:
        return Message(topic, payload, qos, retain, NONE, None, origin)
    seconds = found.get(P.MESSAGE_EXPIRY_INTERVAL)
    expires = None if seconds is None else micros_now() + seconds * 1_000_000
    kept = {name: value for name, value in found.items() if name in TRAVELLING}
    return Message(topic, payload, qos, retain, kept, expires, origin)


@dataclass(eq=False, slots=True)
class Answer:
    """An acknowledgement that is owed; sent when all earlier ones are."""

    kind: Kind
    packet_id: int
    frame: bytes | None = None


class Inbox:
    """The receiving half of a connection."""

    __slots__ = ("_aliases", "_answers", "_open", "_single", "connection")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._answers: deque[Answer] = deque()
        self._open: set[int] = set()
        """Publications of QoS 2 that count against the receive maximum until PUBCOMP."""
        self._single = 0
        """Publications of QoS 1 that wait for their PUBACK."""
        self._aliases: dict[int, str] = {}

    # -- publications

    def publish(self, packet: Publish) -> None:
        """Take a PUBLISH. Raises Malformed."""
        topic = self._topic(packet) if packet.properties else packet.topic
        connection, qos = self.connection, packet.qos
        broker, session = connection.broker, connection.session
        assert session is not None
        if P.SUBSCRIPTION_IDENTIFIER in packet.properties:
            raise protocol_error("a client names no subscription", "MQTT-3.3.4-6")
        if qos:
            if qos == 2 and self._known(session, packet.packet_id):
                return
            self._count(packet.packet_id, qos)
        elif broker.flooded_beyond():
            broker.counts["flood"] += 1
            return
        message = message_of(topic, packet, session.key)
        answer = None
        if qos:
            answer = Answer(Kind.PUBACK if qos == 1 else Kind.PUBREC, packet.packet_id)
            self._answers.append(answer)
        verdict = broker.asked(connection, message)
        if isinstance(verdict, asyncio.Future):
            if qos == 2:
                session.taking[packet.packet_id] = verdict
            broker.wait(len(message.payload))
            verdict.add_done_callback(partial(self._decided, session, message, answer))
            if broker.flooded():
                connection.hold(FLOOD)
                broker.held.add(connection)
        else:
            self._settle(session, message, answer, verdict)

    def _topic(self, packet: Publish) -> str:
        """The topic, also where an alias stands for it."""
        alias = packet.properties.get(P.TOPIC_ALIAS)
        if alias is None:
            return packet.topic
        if alias > self.connection.broker.limits.topic_aliases:
            raise Malformed(
                f"the topic alias {alias} is beyond the maximum", "MQTT-3.3.2-9", Reason.TOPIC_ALIAS_INVALID
            )
        if packet.topic:
            self._aliases[alias] = packet.topic
            return packet.topic
        topic = self._aliases.get(alias)
        if topic is None:
            raise protocol_error(f"nothing is known under the topic alias {alias}", "MQTT-3.3.2-7")
        return topic

    def _known(self, session: Session, packet_id: int) -> bool:
        """Whether a publication of QoS 2 was taken before; then its acknowledgement is given again (MQTT-4.3.3-10)."""
        pending = session.taking.get(packet_id)
        if pending is None and packet_id not in session.received:
            return False
        if packet_id not in self._open:
            self._count(packet_id, 2)
        answer = Answer(Kind.PUBREC, packet_id)
        self._answers.append(answer)
        if pending is None:
            answer.frame = self._acknowledged(answer, 0)
            self._drain()
        else:
            pending.add_done_callback(partial(self._settle_again, session, answer))
        return True

    def _settle_again(self, session: Session, answer: Answer, future: asyncio.Future[Verdict]) -> None:
        """The first one has been decided, maybe over an older connection: this one gets the same answer."""
        verdict = self.connection.broker.verdict_of(future)
        if isinstance(verdict, Withhold):
            self.connection.end(verdict.reason)
        elif isinstance(verdict, Refuse) and answer.packet_id not in session.received:
            self._open.discard(answer.packet_id)
            self._answered(answer, fitting(Kind.PUBREC, verdict.reason), verdict.text)
        else:
            self.connection.broker.store.after(lambda: self._answered(answer, 0, ""))

    def _count(self, packet_id: int, qos: int) -> None:
        """Count a publication against the receive maximum: 5.0 ends the connection, 3.1.1 rests."""
        connection = self.connection
        most = connection.broker.limits.receive_maximum
        if connection.version == V5:
            if self._single + len(self._open) >= most:
                raise Malformed("more publications than the receive maximum", "MQTT-3.3.4-9",
                                Reason.RECEIVE_MAXIMUM_EXCEEDED)  # fmt: skip
            if qos == 2:
                self._open.add(packet_id)
            else:
                self._single += 1
        elif len(self._answers) + 1 >= most:
            connection.hold(ANSWERS)

    # -- what became of them

    def _decided(
        self, session: Session, message: Message, answer: Answer | None, future: asyncio.Future[Verdict]
    ) -> None:
        self.connection.broker.waited(len(message.payload))
        if answer is not None and answer.kind is Kind.PUBREC:
            session.taking.pop(answer.packet_id, None)
        verdict = self.connection.broker.verdict_of(future)
        self._settle(session, message, answer, verdict)

    def _settle(self, session: Session, message: Message, answer: Answer | None, verdict: Verdict) -> None:
        connection, broker = self.connection, self.connection.broker
        if isinstance(verdict, Withhold):
            broker.counts["withheld"] += 1
            if answer is not None:
                connection.end(verdict.reason)
            return
        reason, text, waits = 0, "", False
        if isinstance(verdict, Refuse):
            broker.counts["refused"] += 1
            reason, text = fitting(Kind.PUBACK, verdict.reason), verdict.text
        elif isinstance(verdict, Route):
            waits = broker.route(message)
        if answer is None:
            return
        if answer.kind is Kind.PUBREC:
            if reason >= 0x80 and connection.version == V5:
                self._open.discard(answer.packet_id)
            else:
                session.received.add(answer.packet_id)
                if session.stored:
                    broker.store.received(session, answer.packet_id)
                    waits = True
        if waits:
            broker.store.after(lambda: self._answered(answer, reason, text))
        else:
            self._answered(answer, reason, text)

    def _answered(self, answer: Answer, reason: int, text: str) -> None:
        answer.frame = self._acknowledged(answer, reason, text)
        self._drain()

    def _acknowledged(self, answer: Answer, reason: int, text: str = "") -> bytes:
        found: Properties = NONE
        if text and self.connection.explains:
            found = {P.REASON_STRING: text}
        return acknowledgement(answer.kind, answer.packet_id, reason, self.connection.version, found)

    def _drain(self) -> None:
        """Send every acknowledgement before which none is owed (MQTT-4.6.0-2, MQTT-4.6.0-3)."""
        answers = self._answers
        while answers and answers[0].frame is not None:
            answer = answers.popleft()
            if answer.kind is Kind.PUBACK:
                self._single -= 1
            assert answer.frame is not None
            self.connection.outbox.send(answer.frame)
        if self.connection.held_for(ANSWERS) and len(answers) < self.connection.broker.limits.receive_maximum:
            self.connection.release(ANSWERS)

    # -- the second half of QoS 2, and other answers that have their turn

    def released(self, session: Session, packet_id: int) -> None:
        """PUBREL: the identifier is free again, once that is stored."""
        known = packet_id in session.received
        session.received.discard(packet_id)
        broker = self.connection.broker
        answer = Answer(Kind.PUBCOMP, packet_id)
        self._answers.append(answer)
        reason = 0 if known else Reason.PACKET_ID_NOT_FOUND

        def complete() -> None:
            self._open.discard(packet_id)
            self._answered(answer, reason, "")

        if known and session.stored:
            broker.store.completed(session, packet_id)
            broker.store.after(complete)
        else:
            complete()

    def in_turn(self, kind: Kind, frame: bytes, *, stored: bool) -> None:
        """SUBACK or UNSUBACK; with `stored`, once everything so far is."""
        answer = Answer(kind, 0)
        self._answers.append(answer)

        def ready() -> None:
            answer.frame = frame
            self._drain()

        if stored:
            self.connection.broker.store.after(ready)
        else:
            ready()
