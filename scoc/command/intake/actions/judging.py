"""What becomes of a situation: accepted, dismissed, taken over, settled; escalated when nobody judges it."""

from __future__ import annotations

from scoc.command.intake import desk, facts
from scoc.command.intake.loading import situation_for
from scoc.command.intake.models import Proposal, Situation
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.rules import Rules, rules_now
from scoc.command.intake.schemas import DismissReason, SituationVersion
from scoc.core.access import system_actor
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.facts import Code
from scoc.core.models import User
from scoc.core.now import city_now
from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text

ESCALATED_AT_ONCE = 500


def _version(situation: Situation) -> SituationVersion:
    return SituationVersion(id=situation.pk, state=situation.state, version=situation.version)


def consider(situation: Situation, rules: Rules) -> None:
    """Accept a situation without a person where the city's rule for its category and level says so.

    Needs no permission: the rule decides, `system:intake` acts. A level that only its escalation raised does not
    count; an open question about its signals holds it back, and so does a category that the city gave up.
    """
    rule = rules.of(situation.category)
    level = min(situation.signal_level, rule.level or situation.signal_level)
    if (
        situation.state != Situation.State.OPEN
        or not situation.category
        or rule.accept_level is None
        or level > rule.accept_level
        or situation.signals < rule.accept_signals
        or Proposal.objects.filter(signal__situation=situation, decided_at=None).exists()
        or situation.category not in rules.names
    ):
        return
    accept(system_actor("intake").on_run(acting().run_id), situation.pk)


@action("intake.accept", by_state=Situation.State)
def accept(
    actor: Actor, situation_id: int, *, category: str | None = None, opinion: str = "", version: int | None = None
) -> SituationVersion:
    """Accept a situation as a matter for the city (受理), in the category given or suggested.

    Raises Invalid without any category or with an unknown one, Stale for an old version.
    """
    desk.take()
    situation = situation_for(actor, "intake.accept", situation_id, version)
    desk.check_move(situation, "accept")
    chosen = category or situation.category
    if not chosen:
        raise invalid("category", "The situation has no category yet.", "Choose one.", code="no_category",
                      zh="态势尚无类别，请选择。")  # fmt: skip
    rules = rules_now()
    if chosen not in rules.names:
        raise invalid("category", "There is no such category.", "Choose one of the city's categories.",
                      code="unknown_category", zh="没有这个类别。")  # fmt: skip
    if chosen != situation.category:
        desk.recategorise(situation, chosen, rules)
    desk.move(situation, "accept", reason=chosen, opinion=opinion)
    accepted = facts.SituationAccepted(
        subject=desk.subject_of(situation), category=Code(chosen), level=situation.level,
        automatic=actor.kind == User.Kind.SYSTEM,
    )  # fmt: skip
    desk.tell(situation, accepted)
    return _version(situation)


@action("intake.dismiss", by_state=Situation.State)
def dismiss(
    actor: Actor, situation_id: int, reason: DismissReason, opinion: str, version: int | None = None
) -> SituationVersion:
    """Dismiss a situation (消除) for a reason.

    Its alarms are refuted in sensing where they were false, else settled; its reporters' answers are noted.
    """
    desk.take()
    situation = situation_for(actor, "intake.dismiss", situation_id, version)
    if len(opinion.strip()) < 2:
        raise invalid("opinion", "Say why it is dismissed.", "At least two characters.", zh="请写明消除意见。")
    situation.outcome = reason
    desk.move(situation, "dismiss", reason=reason, opinion=opinion)
    desk.note_answers(situation, reason, desk.subject_of(situation))
    desk.end_alarms(situation, refuted=opinion if reason == DismissReason.FALSE_ALARM else "")
    desk.tell(situation, facts.SituationDismissed(subject=desk.subject_of(situation), reason=Code(reason)))
    return _version(situation)


@action("intake.reserve", by_state=Situation.State)
def reserve(actor: Actor, situation_id: int) -> None:
    """Hold a situation for who takes it over, until the open transaction ends.

    Whoever works on a situation holds the desk first and everything else after it, so that no two wait for each other.
    """
    desk.take()
    situation_for(actor, "intake.reserve", situation_id)


@action("intake.take_over", by_state=Situation.State)
def take_over(actor: Actor, situation_id: int, by: str) -> SituationVersion:
    """Note what an upper module opened of a situation, e.g. `cases:5`. The same one again changes nothing."""
    desk.take()
    situation = situation_for(actor, "intake.take_over", situation_id)
    if situation.state == Situation.State.HANDED_OVER and situation.taken_over_by == by:
        return _version(situation)
    if situation.taken_over_by:
        raise Refusal(
            "taken_over",
            Text(f"该态势已由 {situation.taken_over_by} 接办。", f"{situation.taken_over_by} has taken it over."),
            subject=desk.subject_of(situation),
        )
    situation.taken_over_by = by
    desk.move(situation, "take_over", reason=by)
    desk.tell(situation, facts.SituationTakenOver(subject=desk.subject_of(situation), by=Code(by)))
    return _version(situation)


@action("intake.settle", by_state=Situation.State)
def settle(actor: Actor, situation_id: int, by: str, outcome: str) -> SituationVersion:
    """What took the situation over is over, with this outcome code: its alarms are settled, its reporters answered.

    The same again changes nothing. Raises Refusal for anybody else than who took it over.
    """
    desk.take()
    situation = situation_for(actor, "intake.settle", situation_id)
    if situation.taken_over_by != by:
        raise Refusal(
            "not_taken_over",
            Text(f"该态势不是由 {by} 接办的。", f"{by} has not taken over this situation."),
            subject=desk.subject_of(situation),
        )
    if situation.state == Situation.State.SETTLED:
        return _version(situation)
    situation.outcome = outcome
    desk.move(situation, "settle", reason=outcome)
    desk.note_answers(situation, outcome, by)
    desk.end_alarms(situation)
    settled = facts.SituationSettled(subject=desk.subject_of(situation), by=Code(by), outcome=Code(outcome))
    desk.tell(situation, settled)
    return _version(situation)


@action("intake.escalate_overdue")
def escalate_overdue(actor: Actor) -> int:
    """Raise the level, once, of situations that nobody judged in time, and tell the shift leaders. Returns how many."""
    desk.take()
    moment = city_now()
    roles = city_settings(IntakeSettings).escalate_roles
    rows = Situation.objects.filter(
        run_id=acting().run_id, ended_at=None, escalated_at=None, state=Situation.State.OPEN, judge_by__lt=moment
    )
    overdue = list(rows.select_related("area").order_by("judge_by")[:ESCALATED_AT_ONCE])
    posts = desk.posts_of(roles)
    for situation in overdue:
        situation.escalated_at = moment
        situation.level = max(1, situation.level - 1)
        situation.save(update_fields=["escalated_at", "level"])
        desk.step(situation, "escalate", before=situation.state)
        desk.put_before(
            situation,
            Text(f"态势 {situation.number} 超过研判时限，级别升为 P{situation.level}：{situation.title.zh}",
                 f"Situation {situation.number} was not judged in time, now P{situation.level}: {situation.title.en}"),
            posts, "urge",
        )  # fmt: skip
        raised = facts.SituationEscalated(subject=desk.subject_of(situation), level=situation.level)
        desk.tell(situation, raised)
    return len(overdue)
