"""Who acts, in which post and run, and the unit of work that an outermost action opens."""

from __future__ import annotations

import fnmatch
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction

from scoc.core import now

if TYPE_CHECKING:
    from scoc.core.audit import Entry
    from scoc.core.facts import Pending

ANY_STATE: Final = "*"
"""Asks whether a permission may hold in some state, before the thing and its state are known."""
NO_STATE: Final = ""
"""Asks for a state that no grant names."""
BY_STATE: dict[str, frozenset[str]] = {}
"""Permissions whose actions look at the state of their subject, with the states there are; grants limited to states
hold for these only."""
_OPENNESS = ("hidden", "masked", "plain")


@dataclass(frozen=True, slots=True)
class GrantRule:
    """One grant that holds now."""

    permission: str
    allow: bool
    scope: str
    persons: str
    states: frozenset[str]

    def covers(self, permission: str, state: str | None) -> bool:
        """Whether it speaks of this permission in this state.

        Where no state is asked for, an allowance limited to states does not hold and a denial does.
        """
        if not fnmatch.fnmatchcase(permission, self.permission):
            return False
        if not self.states:
            return True
        if state == ANY_STATE:
            return self.allow
        return not self.allow if state is None else state in self.states


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a permission gives: the data scopes, of which a row needs one, and how persons' fields are shown."""

    scopes: frozenset[str]
    persons: str

    @property
    def city(self) -> bool:
        """Every row of the city."""
        return "city" in self.scopes

    @property
    def scope(self) -> str:
        """The widest of the scopes."""
        return max(self.scopes, key=("self", "unit", "unit_below", "area_below", "city").index)


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal in an acting post; as a reader it is called the viewer. Always has a name, never None."""

    user_id: int
    username: str
    kind: str
    post_id: int | None = None
    role: str = ""
    organisation_id: int | None = None
    organisation_path: str = ""
    area_id: int | None = None
    area_path: str = ""
    run_id: int | None = None
    grants: tuple[GrantRule, ...] = ()
    address: str = ""
    key_id: int | None = None

    def may(self, permission: str, state: str | None = None) -> Allowed | None:
        """What this actor's grants give for a permission (in a state, where states matter); None means denied.

        Deny beats allow. Scopes add up; where one grant shows persons and a wider one does not, the less open one
        counts, since rows of both come in one list.
        """
        if state is None and permission in BY_STATE:
            state = ANY_STATE
        levels: dict[str, int] = {}
        for grant in self.grants:
            if not grant.covers(permission, state):
                continue
            if not grant.allow:
                return None
            level = _OPENNESS.index(grant.persons) if grant.persons in _OPENNESS else 0
            levels[grant.scope] = max(level, levels.get(grant.scope, 0))
        if not levels:
            return None
        if "city" in levels:
            return Allowed(frozenset({"city"}), _OPENNESS[levels["city"]])
        if "unit_below" in levels:
            levels.pop("unit", None)
        return Allowed(frozenset(levels), _OPENNESS[min(levels.values())])

    def states_named(self, permission: str) -> frozenset[str]:
        """The states on which the answer to `may` depends; none where it is the same in all."""
        meant = (grant.states for grant in self.grants if fnmatch.fnmatchcase(permission, grant.permission))
        return frozenset().union(*meant)

    def on_run(self, run_id: int | None) -> Actor:
        """The same actor acting in another run."""
        return replace(self, run_id=run_id)


Viewer = Actor


@dataclass(slots=True)
class Work:
    """One unit of work: its actor, its correlation id, and what is written when it ends."""

    actor: Actor
    correlation: str
    run_id: int
    facts: list[Pending] = field(default_factory=list)
    audits: list[Entry] = field(default_factory=list)
    states_asked: set[str] = field(default_factory=set)
    published: bool = False


_work: ContextVar[Work | None] = ContextVar("scoc_work", default=None)
_correlation: ContextVar[str] = ContextVar("scoc_correlation", default="")


def new_correlation() -> str:
    """A fresh id that ties together all rows of one course of events."""
    return secrets.token_hex(8)


def current_correlation() -> str:
    """The id of the course of events that this call belongs to; a fresh one outside of all."""
    work = _work.get()
    return (work.correlation if work else _correlation.get()) or new_correlation()


@contextmanager
def correlated(correlation: str) -> Iterator[None]:
    """Work inside carries this correlation id."""
    token = _correlation.set(correlation)
    try:
        yield
    finally:
        _correlation.reset(token)


def work_in_progress() -> Work | None:
    """The open unit of work, if any."""
    return _work.get()


def acting() -> Work:
    """The open unit of work. Raises RuntimeError outside of every action."""
    work = _work.get()
    if work is None:
        raise RuntimeError("Rows that matter are written inside an action only; call one.")
    return work


@contextmanager
def unit_of_work(actor: Actor, *, opening: Callable[[], int] | None = None) -> Iterator[Work]:
    """Everything inside commits together with its facts and audit, or not at all; refusals are told of even then.

    Inside another unit it is a savepoint of that one, and its facts are dropped if it fails. `opening` makes the
    run, inside the transaction, where there is none yet.
    """
    outer = _work.get()
    with _outermost(actor, opening) if outer is None else _inside(outer, actor) as work:
        yield work


@contextmanager
def _inside(outer: Work, actor: Actor) -> Iterator[Work]:
    from scoc.core import audit

    if actor.run_id and actor.run_id != outer.run_id:
        raise RuntimeError(f"A unit of work in run {outer.run_id} cannot hold one in run {actor.run_id}.")
    facts_before, audits_before, before = len(outer.facts), len(outer.audits), outer.actor
    outer.actor = actor
    try:
        with transaction.atomic():
            yield outer
    except BaseException:
        del outer.facts[facts_before:]
        audit.undo(outer.audits, audits_before)
        raise
    finally:
        outer.actor = before


@contextmanager
def _outermost(actor: Actor, opening: Callable[[], int] | None) -> Iterator[Work]:
    from scoc.core import audit, facts

    audit.write_overdue()
    work = Work(actor, _correlation.get() or new_correlation(), 0)
    token = _work.set(work)
    try:
        # Durable: inside somebody's transaction it could be undone after it was told and audited as done.
        with transaction.atomic(durable=True):
            work.run_id = actor.run_id or (opening() if opening else now.current_run())
            with now.in_run(work.run_id):
                yield work
                facts.flush(work)
                audit.write(work.audits)
    except BaseException:
        audit.undo(work.audits, 0)
        audit.write_or_keep(work.audits)
        raise
    finally:
        _work.reset(token)
    facts.announce(work)
