"""SUBSCRIBE and UNSUBSCRIBE, sections 3.8 to 3.11, and what a resumed session may still hear."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.codec import V5, Kind, P, Reason, Suback, Subscribe, SubscribeItem, Unsuback, Unsubscribe, encode
from scoc.sensing.mqtt.codec.decoding import fitting
from scoc.sensing.mqtt.connections import SUBSCRIBING
from scoc.sensing.mqtt.outbox import micros_now
from scoc.sensing.mqtt.policy import Client
from scoc.sensing.mqtt.router import Subscription

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker
    from scoc.sensing.mqtt.connections import Connection
    from scoc.sensing.mqtt.sessions import Session


class Subscriptions:
    """Begin and end subscriptions as the policy allows."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def subscribe(self, connection: Connection, packet: Subscribe) -> None:
        """Ask the policy for each filter, then answer; nothing else of this client is handled meanwhile."""
        client = connection.client
        assert client is not None
        asked = [self.granted(client, item) for item in packet.items]
        if not any(inspect.isawaitable(one) for one in asked):
            self._begin(connection, packet, [one for one in asked if isinstance(one, int)])
            return
        connection.hold(SUBSCRIBING)
        task = asyncio.ensure_future(_all(asked))

        def answered(done: asyncio.Future[list[int]]) -> None:
            if not done.cancelled():
                error = done.exception()
                if error is None:
                    self._begin(connection, packet, done.result())
                else:
                    self._broker.failed("the policy failed at a subscription", error)
                    connection.end(Reason.UNSPECIFIED)
            connection.release(SUBSCRIBING)

        task.add_done_callback(answered)

    def granted(self, client: Client, item: SubscribeItem) -> int | Awaitable[int]:
        """The QoS that a filter gets, or why it gets none."""
        if topics.filter_fault(item.filter) is not None:
            return Reason.TOPIC_FILTER_INVALID
        if self._broker.store.full():
            return Reason.QUOTA_EXCEEDED
        try:
            return self._broker.policy.may_subscribe(client, item)
        except Exception:  # noqa: BLE001  # it is recorded, and its client is told
            self._broker.failed("the policy failed at a subscription")
            return Reason.UNSPECIFIED

    def _begin(self, connection: Connection, packet: Subscribe, granted: list[int]) -> None:
        session, client = connection.session, connection.client
        if session is None or client is None:
            return
        identifier = packet.properties.get(P.SUBSCRIPTION_IDENTIFIER, 0)
        reasons: list[int] = []
        begun: list[tuple[Subscription, bool]] = []
        for item, most in zip(packet.items, granted, strict=True):
            known = session.subscriptions.get(item.filter)
            reason = fitting(Kind.SUBACK, most)
            if reason < 0x80 and known is None and len(session.subscriptions) >= self._broker.limits.subscriptions:
                reason = Reason.QUOTA_EXCEEDED
            if reason < 0x80:
                reason = min(item.qos, reason)
                made = Subscription(
                    session, item.filter, reason, item.no_local, item.retain_as_published, item.retain_handling,
                    identifier,
                )  # fmt: skip
                session.subscriptions[item.filter] = made
                self._broker.router.add(made)
                self._broker.policy.subscribed(client, item)
                if session.stored:
                    self._broker.store.subscription(session, made)
                begun.append((made, known is not None))
            elif connection.version != V5:
                reason = Reason.UNSPECIFIED  # the only failure that 3.1.1 knows (MQTT-3.9.3-2)
            reasons.append(int(reason))
        frame = encode(Suback(packet.packet_id, reasons), connection.version)
        connection.inbox.in_turn(Kind.SUBACK, frame, stored=session.stored)
        for made, known_before in begun:
            self._retained(made, connection, again=known_before)

    def _retained(self, made: Subscription, connection: Connection, *, again: bool) -> None:
        """Retained messages for a subscription: none for a shared one, else as its retain handling says (3.8.3.1)."""
        share, wanted = topics.shared(made.filter)
        if share or made.retain_handling == 2 or (made.retain_handling == 1 and again):
            return
        identifiers = [made.identifier] if made.identifier else []
        for message in self._broker.retained.matching(wanted, micros_now()):
            self._broker.deliver(made.session, message, made.qos, retain=True, identifiers=identifiers, kept=True)

    def unsubscribe(self, connection: Connection, packet: Unsubscribe) -> None:
        """End subscriptions; what waits is still delivered."""
        session = connection.session
        assert session is not None
        reasons: list[int] = []
        for filter_ in packet.filters:
            if topics.filter_fault(filter_) is not None:
                reasons.append(Reason.TOPIC_FILTER_INVALID)
            elif self._end(session, filter_):
                reasons.append(Reason.SUCCESS)
                if session.stored:
                    self._broker.store.unsubscription(session, filter_)
            else:
                reasons.append(Reason.NO_SUBSCRIPTION_EXISTED)
        frame = encode(Unsuback(packet.packet_id, reasons), connection.version)
        connection.inbox.in_turn(Kind.UNSUBACK, frame, stored=session.stored)

    def _end(self, session: Session, filter_: str) -> bool:
        if session.subscriptions.pop(filter_, None) is None:
            return False
        self._broker.router.remove(session, filter_)
        self._broker.policy.unsubscribed(*session.key, filter_)
        return True

    def ended(self, session: Session) -> None:
        """A session has ended, and its subscriptions with it."""
        for filter_ in list(session.subscriptions):
            self._end(session, filter_)

    async def resume(self, client: Client, session: Session) -> None:
        """Ask the policy again for each subscription of a session that goes on; rights may have changed."""
        for filter_, one in list(session.subscriptions.items()):
            item = SubscribeItem(filter_, one.qos, one.no_local, one.retain_as_published, one.retain_handling)
            said = self.granted(client, item)
            granted = said if isinstance(said, int) else await said
            if granted < 0x80:
                one.qos = min(one.qos, granted)
                self._broker.policy.subscribed(client, item)
            elif granted != Reason.QUOTA_EXCEEDED and self._end(session, filter_) and session.stored:
                self._broker.store.unsubscription(session, filter_)


async def _all(asked: list[int | Awaitable[int]]) -> list[int]:
    return [one if isinstance(one, int) else await one for one in asked]
