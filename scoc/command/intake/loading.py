"""Rows that an actor may act on: inside of the actor's scope, in the state its grant names, unchanged since read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, QuerySet

from scoc.command.intake import desk
from scoc.command.intake.models import Join, Proposal, Signal, Situation
from scoc.core.access import allowed, visible
from scoc.core.acting import Actor
from scoc.core.http.request import require_version
from scoc.core.refusals import no_such

M = TypeVar("M", bound=Model)
OF_SITUATION = {
    "organisation": "situation__organisation", "area": "situation__area", "run": "situation__run",
    "state": "situation__state",
}  # fmt: skip
"""Whoever may act on a situation in its state may act on what belongs to it."""


def _found(
    actor: Actor, permission: str, rows: QuerySet[M], paths: dict[str, str], state_of: Callable[[M], str]
) -> M | None:
    """The one row, where it lies in the actor's scope; raises NotAllowed for a state that no grant names.

    A scope may be narrower in one state than in another: the row is measured in the state that it is in.
    """
    row = visible(actor, rows, permission, {**paths, "state": ""}).first()
    if row is None:
        return None
    allowed(actor, permission, state_of(row))
    return row if visible(actor, rows, permission, paths).exists() else None


def situation_for(actor: Actor, permission: str, situation_id: int, version: int | None = None) -> Situation:
    """A situation to act on. Raises NotFound outside of the actor's scope and Stale when it was changed."""
    rows = Situation.objects.filter(pk=situation_id).select_related("area")
    row = _found(actor, permission, rows, {"state": "state"}, lambda row: row.state)
    if row is None:
        raise no_such("态势", "situation", f"intake:{situation_id}")
    require_version(version, row.version, desk.subject_of(row))
    return row


def signal_for(actor: Actor, permission: str, signal_id: int, version: int | None = None) -> Signal:
    """A signal to act on, with its situation, whose version is checked."""
    rows = Signal.objects.filter(pk=signal_id).select_related("situation__area", "area")
    row = _found(actor, permission, rows, OF_SITUATION, lambda row: row.situation.state)
    if row is None:
        raise no_such("信号", "signal", f"intake:signal-{signal_id}")
    require_version(version, row.situation.version, desk.subject_of(row.situation))
    return row


def join_for(actor: Actor, permission: str, join_id: int, version: int | None = None) -> Join:
    """A join to act on, with signal and situation."""
    rows = Join.objects.filter(pk=join_id).select_related("signal__area", "situation__area", "before__situation__area")
    row = _found(actor, permission, rows, OF_SITUATION, lambda row: row.situation.state)
    if row is None:
        raise no_such("归并", "join", f"intake:join-{join_id}")
    require_version(version, row.situation.version, desk.subject_of(row.situation))
    return row


def proposal_for(actor: Actor, permission: str, proposal_id: int, version: int | None = None) -> Proposal:
    """A proposed join to decide on, with its signal and the situation it was proposed for."""
    rows = Proposal.objects.filter(pk=proposal_id).select_related(
        "signal__situation__area", "signal__area", "situation__area"
    )
    row = _found(actor, permission, rows, OF_SITUATION, lambda row: row.situation.state)
    if row is None:
        raise no_such("待确认归并", "proposed join", f"intake:proposal-{proposal_id}")
    require_version(version, row.situation.version, desk.subject_of(row.situation))
    return row
