"""Who acts, in which post and run, and the unit of work that an outermost action opens."""

from __future__ import annotations

import fnmatch
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from django.db import transaction

from scoc.core import now

if TYPE_CHECKING:
    from scoc.core.audit import Entry
    from scoc.core.facts import Pending

_SCOPES = ("self", "unit", "unit_below", "area_below", "city")


@dataclass(frozen=True, slots=True)
class GrantRule:
    """One grant that holds now."""

    permission: str
    allow: bool
    scope: str
    persons: str
    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a permission gives: the widest scope allowed, and how persons' fields are shown."""

    scope: str
    persons: str


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
        """What this actor's grants give for a permission (in a state, where states matter); None means denied."""
        best: Allowed | None = None
        for grant in self.grants:
            if not fnmatch.fnmatchcase(permission, grant.permission):
                continue
            if state is not None and grant.states and state not in grant.states:
                continue
            if not grant.allow:
                return None
            if best is None or _SCOPES.index(grant.scope) > _SCOPES.index(best.scope):
                best = Allowed(grant.scope, grant.persons)
        return best

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
    published: bool = False


_work: ContextVar[Work | None] = ContextVar("scoc_work", default=None)
_correlation: ContextVar[str] = ContextVar("scoc_correlation", default="")


def new_correlation() -> str:
    """A fresh id that ties together all rows of one course of events."""
    return secrets.token_hex(8)


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
def unit_of_work(actor: Actor) -> Iterator[Work]:
    """Everything inside commits together with its facts, or not at all; audit entries are written afterwards.

    Inside another unit it is a savepoint of that one, and its facts are dropped if it fails.
    """
    from scoc.core import audit, facts

    outer = _work.get()
    if outer is not None:
        mark = len(outer.facts)
        inherited = outer.actor
        outer.actor = actor
        try:
            with transaction.atomic():
                yield outer
        except BaseException:
            del outer.facts[mark:]
            raise
        finally:
            outer.actor = inherited
        return
    run_id = actor.run_id or now.current_run()
    work = Work(actor, _correlation.get() or new_correlation(), run_id)
    token = _work.set(work)
    try:
        with now.in_run(run_id), transaction.atomic():
            yield work
            facts.flush(work)
    finally:
        _work.reset(token)
        audit.write(work.audits)
    facts.announce(work)
