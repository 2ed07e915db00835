"""Who gets a message: exact topics in a dict, wildcards in a tree of levels, shared subscriptions in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scoc.sensing.mqtt import topics

if TYPE_CHECKING:
    from scoc.sensing.mqtt.sessions import Session


@dataclass(eq=False, slots=True)
class Subscription:
    """One filter of one session with its options."""

    session: Session
    filter: str
    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int = 0


@dataclass(eq=False, slots=True)
class Group:
    """The members of a shared subscription; each message goes to one of them."""

    members: dict[Session, Subscription] = field(default_factory=dict)
    turn: int = 0

    def next(self) -> Subscription | None:
        """Whose turn it is: of those who are there and can take it, else of those who come back."""
        members = list(self.members.values())
        count = len(members)
        order = [members[(self.turn + step) % count] for step in range(count)]
        found = next((one for one in order if one.session.ready()), None)
        found = found or next((one for one in order if one.session.kept()), None)
        if found is not None:
            self.turn = (members.index(found) + 1) % count
        return found


@dataclass(eq=False, slots=True)
class Leaf:
    """All subscriptions under one filter."""

    own: dict[Session, Subscription] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def empty(self) -> bool:
        """Nobody is left."""
        return not self.own and not self.groups


@dataclass(eq=False, slots=True)
class _Node:
    below: dict[str, _Node] = field(default_factory=dict)
    leaf: Leaf | None = None


@dataclass(eq=False, slots=True)
class Delivery:
    """One copy of a message for one session."""

    session: Session
    qos: int
    retain_as_published: bool
    identifiers: list[int]


class Router:
    """All subscriptions of the listener."""

    def __init__(self) -> None:
        self._exact: dict[str, Leaf] = {}
        self._tree = _Node()

    def add(self, subscription: Subscription) -> None:
        """Put a subscription in; one of the same session and filter gives way to it."""
        share, wanted = topics.shared(subscription.filter)
        if topics.is_wild(wanted):
            node = self._tree
            for level in wanted.split("/"):
                node = node.below.setdefault(level, _Node())
            leaf = node.leaf = node.leaf or Leaf()
        else:
            leaf = self._exact.setdefault(wanted, Leaf())
        if share:
            leaf.groups.setdefault(share, Group()).members[subscription.session] = subscription
        else:
            leaf.own[subscription.session] = subscription

    def remove(self, session: Session, filter_: str) -> None:
        """Take a subscription out, and whatever of the tree nobody needs any more."""
        share, wanted = topics.shared(filter_)
        if not topics.is_wild(wanted):
            leaf = self._exact.get(wanted)
            if leaf is not None and _without(leaf, session, share).empty():
                del self._exact[wanted]
            return
        path: list[tuple[_Node, str]] = []
        node = self._tree
        for level in wanted.split("/"):
            path.append((node, level))
            found = node.below.get(level)
            if found is None:
                return
            node = found
        if node.leaf is None or not _without(node.leaf, session, share).empty():
            return
        node.leaf = None
        for parent, level in reversed(path):
            child = parent.below[level]
            if child.below or child.leaf is not None:
                return
            del parent.below[level]

    def size(self) -> int:
        """How many filters somebody subscribes to."""
        return len(self._exact) + sum(1 for _ in _leaves(self._tree))

    def leaves(self, topic: str) -> list[Leaf]:
        """Whatever matches a topic."""
        found = []
        exact = self._exact.get(topic)
        if exact is not None:
            found.append(exact)
        if self._tree.below:
            self._walk(topic.split("/"), found)
        return found

    def _walk(self, levels: list[str], found: list[Leaf]) -> None:
        nodes = [self._tree]
        wild = not levels[0].startswith("$")  # MQTT-4.7.2-1
        for level in levels:
            coming: list[_Node] = []
            for node in nodes:
                if wild:
                    _collect(node.below.get("#"), found)
                    plus = node.below.get("+")
                    if plus is not None:
                        coming.append(plus)
                exact = node.below.get(level)
                if exact is not None and level not in ("+", "#"):
                    coming.append(exact)
            nodes, wild = coming, True
            if not nodes:
                return
        for node in nodes:
            _collect(node, found)
            _collect(node.below.get("#"), found)  # "a/#" matches "a" as well

    def deliveries(self, topic: str, origin: tuple[str, str] | None) -> list[Delivery]:
        """Who gets a message on a topic: each session once, with the highest QoS of what matches, and all identifiers
        (3.3.4); beside that one member of each group."""
        leaves = self.leaves(topic)
        if not leaves:
            return []
        made: dict[Session, Delivery] = {}
        turns: list[Delivery] = []
        for leaf in leaves:
            for session, one in leaf.own.items():
                if one.no_local and session.key == origin:
                    continue
                known = made.get(session)
                if known is None:
                    made[session] = _delivery(one)
                else:
                    known.qos = max(known.qos, one.qos)
                    known.retain_as_published |= one.retain_as_published
                    if one.identifier:
                        known.identifiers.append(one.identifier)
            for group in leaf.groups.values():
                member = group.next()
                if member is not None:
                    turns.append(_delivery(member))
        return [*made.values(), *turns]


def _delivery(one: Subscription) -> Delivery:
    return Delivery(one.session, one.qos, one.retain_as_published, [one.identifier] if one.identifier else [])


def _without(leaf: Leaf, session: Session, share: str) -> Leaf:
    if not share:
        leaf.own.pop(session, None)
        return leaf
    group = leaf.groups.get(share)
    if group is not None:
        group.members.pop(session, None)
        if not group.members:
            del leaf.groups[share]
    return leaf


def _collect(node: _Node | None, found: list[Leaf]) -> None:
    if node is not None and node.leaf is not None:
        found.append(node.leaf)


def _leaves(node: _Node) -> Iterator[Leaf]:
    if node.leaf is not None:
        yield node.leaf
    for below in node.below.values():
        yield from _leaves(below)
