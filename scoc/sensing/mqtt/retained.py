"""The newest retained message of each topic, section 3.3.1.3."""

from __future__ import annotations

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.policy import Message


class Retained:
    """Messages by topic, within bounds."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._messages: dict[str, Message] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def keep(self, message: Message) -> bool:
        """Keep a message as its topic's newest, with an empty payload remove it; False where there is no room."""
        old = self._messages.pop(message.topic, None)
        if old is not None:
            self._bytes -= len(old.payload)
        if not message.payload:
            return True
        if len(self._messages) >= self._most or self._bytes + len(message.payload) > self._most_bytes:
            if old is not None:
                self._messages[old.topic] = old
                self._bytes += len(old.payload)
            return False
        self._messages[message.topic] = message
        self._bytes += len(message.payload)
        return True

    def matching(self, wanted: str, now: int) -> list[Message]:
        """What a new subscription gets; `now` is wall time in microseconds."""
        if topics.is_wild(wanted):
            found = [one for topic, one in self._messages.items() if topics.matches(wanted, topic)]
        else:
            found = [self._messages[wanted]] if wanted in self._messages else []
        return [one for one in found if one.expires is None or one.expires > now]

    def expired(self, now: int) -> list[str]:
        """Take out, and name, what nobody needs any more."""
        gone = [topic for topic, one in self._messages.items() if one.expires is not None and one.expires <= now]
        for topic in gone:
            self._bytes -= len(self._messages.pop(topic).payload)
        return gone
