"""Wills of clients that were lost, section 3.1.2.5, after their delay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scoc.sensing.mqtt.codec import P, Will
from scoc.sensing.mqtt.inbox import composed
from scoc.sensing.mqtt.policy import Client, Route, Verdict
from scoc.sensing.mqtt.sessions import Key, Session

if TYPE_CHECKING:
    from scoc.sensing.mqtt.broker import Broker


class Wills:
    """Those that wait for their delay."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._waiting: dict[Key, tuple[asyncio.TimerHandle, Will, Client]] = {}

    def lost(self, session: Session, client: Client) -> None:
        """A client was lost: its will is published after its delay, or with the end of its session if that is first."""
        will = session.will
        if will is None:
            return
        delay = min(will.properties.get(P.WILL_DELAY_INTERVAL, 0), max(session.expiry_seconds, 0))
        full = len(self._waiting) >= self._broker.limits.wills
        if not delay or full or self._broker.stopping:
            session.will = None
            self._broker.loop.call_soon(self._publish, session.key, will, client)
            return
        handle = self._broker.loop.call_later(delay, self.now, session.key)
        self._waiting[session.key] = handle, will, client

    def recalled(self, key: Key) -> None:
        """The client is back in time: its will is not published (MQTT-3.1.3-9)."""
        found = self._waiting.pop(key, None)
        if found is not None:
            found[0].cancel()

    def now(self, key: Key) -> None:
        """Its time has come."""
        found = self._waiting.pop(key, None)
        if found is None:
            return
        handle, will, client = found
        handle.cancel()
        session = self._broker.sessions.get(key)
        if session is not None and session.will is will:
            session.will = None
            if session.stored:
                self._broker.store.session(session)
        self._publish(key, will, client)

    def stop(self) -> None:
        """Those that are stored come with the next start; the others now."""
        for key in list(self._waiting):
            session = self._broker.sessions.get(key)
            if session is not None and session.stored:
                self._waiting.pop(key)[0].cancel()
            else:
                self.now(key)

    def _publish(self, key: Key, will: Will, client: Client) -> None:
        """As any other publication of the client: the policy decides."""
        message = composed(will.topic, will.payload, will.qos, will.properties, key, retain=will.retain)
        verdict = self._broker.verdict(client, message)
        if isinstance(verdict, asyncio.Future):
            self._broker.wait(len(message.payload))

            def decided(future: asyncio.Future[Verdict]) -> None:
                self._broker.waited(len(message.payload))
                if isinstance(self._broker.verdict_of(future), Route):
                    self._broker.route(message)

            verdict.add_done_callback(decided)
        elif isinstance(verdict, Route):
            self._broker.route(message)
