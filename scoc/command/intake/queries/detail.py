"""One situation with its signals, the reasons, what waits for a decision, what is near, and its flow."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from scoc.command.intake import matching
from scoc.command.intake.loading import OF_SITUATION
from scoc.command.intake.models import LIVE, MOVES, Join, Proposal, Signal, Situation, SituationFlow
from scoc.command.intake.queries.lists import SEE
from scoc.command.intake.rules import Rules, rules_now, undo_until
from scoc.command.intake.schemas import DISMISS_NAMES, NearbyOut, ProposalOut, SituationOut
from scoc.command.intake.shapes import (
    category_names,
    flow_out,
    mean,
    reason_out,
    reasons_out,
    signal_row,
    situation_row,
    summary,
)
from scoc.core.access import allowed, in_scope, query, visible
from scoc.core.acting import Viewer
from scoc.core.files import holds_files
from scoc.core.now import city_now
from scoc.core.refusals import no_such
from scoc.core.schemas import text_out

MOST_SIGNALS = 200
_BY_STATE = {name: states for name, (states, _) in MOVES.items() if name in {"accept", "dismiss", "merge"}}
_BY_STATE |= dict.fromkeys(("join", "separate", "undo", "confirm", "reject"), tuple(LIVE))


@holds_files(SEE)
def _holds_file(viewer: Viewer, attachment_id: int) -> bool:
    """Whether a signal of a situation that the viewer may see came with this file."""
    return visible(viewer, Signal.objects.filter(attachments=attachment_id), SEE, OF_SITUATION).exists()


@query(SEE)
def situation(viewer: Viewer, situation_id: int) -> SituationOut:
    """A situation with everything that explains it. Raises NotFound outside of the viewer's scope."""
    rows = visible(viewer, Situation.objects.select_related("area", "organisation"), SEE)
    row = rows.filter(pk=situation_id).first()
    if row is None:
        raise no_such("态势", "situation", f"intake:{situation_id}")
    rules = rules_now()
    persons = allowed(viewer, SEE).persons
    joins = list(
        Join.objects.filter(situation=row, undone_at=None)
        .select_related("situation", "signal__contact", "signal__asset", "signal__answer")
        .prefetch_related("signal__attachments")
        .order_by("-signal__happened_at", "-id")[:MOST_SIGNALS]
    )
    proposals = _proposals(row)
    rows_of_flow = SituationFlow.objects.filter(situation=row).select_related("actor__contact", "post")
    flow = list(rows_of_flow.order_by("version"))
    names = category_names({row.category, *(step.reason for step in flow if step.action == "accept")})
    base = situation_row(row, names, len(proposals))
    return SituationOut(
        **base.model_dump(), place=row.place, radius_m=row.radius_m, window_minutes=row.window_minutes,
        rule_version=row.rule_version, auto_join=rules.settings.auto_join, ask=rules.settings.ask,
        summary=summary(joins), score=mean([join.score for join in joins if join.score is not None]),
        merged_into=row.merged_into_id, outcome=row.outcome or None,
        outcome_name=text_out(DISMISS_NAMES[row.outcome]) if row.outcome in DISMISS_NAMES else None,
        ended_at=row.ended_at,
        rows=[signal_row(join, row, persons, _undo(join, rules)) for join in joins],
        proposals=proposals, nearby=_nearby(viewer, row, rules),
        flow=[flow_out(viewer, step, names, persons) for step in flow], actions=_actions(viewer, row),
    )  # fmt: skip


def _undo(join: Join, rules: Rules) -> datetime | None:
    """Until when the join can be undone in one step; None when it cannot."""
    until = undo_until(join, rules.settings)
    return until if until > city_now() and join.situation.ended_at is None else None


def _proposals(row: Situation) -> list[ProposalOut]:
    """Undecided joins to this situation, or of its signals to another one."""
    found = (
        Proposal.objects.filter(Q(situation=row) | Q(signal__situation=row), decided_at=None)
        .select_related("situation", "signal__situation")
        .order_by("-score", "id")[:MOST_SIGNALS]
    )
    made = []
    for proposal in found:
        incoming = proposal.situation_id == row.pk
        other = proposal.signal.situation if incoming else proposal.situation
        made.append(
            ProposalOut(
                id=proposal.pk, signal_id=proposal.signal_id, signal_situation_id=proposal.signal.situation_id,
                signal_situation_number=proposal.signal.situation.number, situation_id=proposal.situation_id,
                situation_number=proposal.situation.number, title=text_out(other.title), incoming=incoming,
                score=proposal.score, reasons=reasons_out(proposal.reasons), happened_at=proposal.happened_at,
            )
        )  # fmt: skip
    return made


def _nearby(viewer: Viewer, row: Situation, rules: Rules) -> list[NearbyOut]:
    """Live situations around a live one that the viewer may see too."""
    if row.ended_at is not None:
        return []
    found = matching.nearby(row, rules, visible(viewer, Situation.objects.all(), SEE))
    return [
        NearbyOut(
            id=other.pk, number=other.number, title=text_out(other.title), state=other.state, distance_m=metres,
            last_at=other.last_at, score=score.value, reasons=[reason_out(reason) for reason in score.reasons],
        )
        for other, score, metres in found
    ]  # fmt: skip


def _actions(viewer: Viewer, row: Situation) -> list[str]:
    """What the viewer may do with the situation in its present state."""
    organisation = row.organisation.path if row.organisation else ""
    area = row.area.path if row.area else ""
    return [
        name
        for name, states in sorted(_BY_STATE.items())
        if row.state in states
        and viewer.may(f"intake.{name}", row.state) is not None
        and in_scope(viewer, f"intake.{name}", organisation_path=organisation, area_path=area, state=row.state)
    ]
