"""What people decide about joins: undo, separate, join by hand, confirm or reject a proposal, merge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scoc.command.intake import desk, facts, matching
from scoc.command.intake.actions.judging import consider
from scoc.command.intake.loading import join_for, proposal_for, signal_for, situation_for
from scoc.command.intake.models import Join, Proposal, Signal, Situation
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.rules import UNDOABLE, Rules, rules_now, undo_until
from scoc.command.intake.schemas import Moved
from scoc.command.intake.scoring import Reason, Score
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.now import city_now, wall_now
from scoc.core.refusals import Refusal
from scoc.kit.text import Text


@dataclass(slots=True)
class _Shift:
    """One signal on its way from one situation to another."""

    signal: Signal
    current: Join
    origin: Situation

    @classmethod
    def of(cls, signal: Signal, origin: Situation) -> _Shift:
        """The signal's stay as it is. Raises Refusal where it cannot leave."""
        if origin.ended_at is not None:
            raise _over(origin)
        if origin.signals == 1 and origin.state != Situation.State.OPEN:
            raise Refusal(
                "last_signal",
                Text("该态势已受理，不能移出最后一条信号。",
                     "The situation was accepted; its last signal cannot leave it."),
                subject=desk.subject_of(origin),
            )  # fmt: skip
        current = Join.objects.get(signal=signal, undone_at=None)
        return cls(signal, current, origin)


def _over(situation: Situation) -> Refusal:
    return Refusal(
        "wrong_state",
        Text("该态势已结束。", "This situation is over."),
        subject=desk.subject_of(situation),
    )


def _only_one(situation: Situation) -> Refusal:
    return Refusal(
        "only_signal",
        Text("这是该态势唯一的信号，无需拆分。", "It is the situation's only signal; there is nothing to separate."),
        subject=desk.subject_of(situation),
    )


def _shift(shift: _Shift, target: Situation | None, how: str, rules: Rules, score: Score | None = None) -> Situation:
    """Move a signal into `target`, or into a new situation of its own, and tell both sides."""
    signal, origin = shift.signal, shift.origin
    if target is not None and target.ended_at is not None:
        raise _over(target)
    desk.undo_stay(shift.current)
    for proposal in Proposal.objects.filter(signal=signal, decided_at=None).select_related("situation"):
        meant = target is not None and proposal.situation_id == target.pk
        desk.decide(proposal, Proposal.Decision.CONFIRMED if meant else Proposal.Decision.LAPSED)
    if target is None:
        target = desk.open_situation(signal, rules)
        _place(signal, target)
    else:
        target.version += 1
        _place(signal, target)
        if target.signals:
            desk.absorb(target, signal, rules)
        else:  # it was emptied: nothing of what it was counts any more
            desk.recount(target, rules)
    join = desk.stay(signal, target, how, before=shift.current, score=score)
    left = facts.SignalSeparated(
        subject=desk.subject_of(origin), signal=signal.pk, join=shift.current.pk, target=target.pk
    )
    desk.tell(origin, left)
    desk.tell_joined(join, target, score, origin.pk)
    if origin.signals == 1:
        _emptied(origin, target)
    else:
        origin.version += 1
        desk.recount(origin, rules)
    return target


def _place(signal: Signal, situation: Situation) -> None:
    signal.situation = situation
    signal.save(update_fields=["situation"])


def _emptied(origin: Situation, target: Situation) -> None:
    """A situation without signals has become part of the one they went to."""
    origin.signals, origin.occurrences, origin.counts, origin.located = 0, 0, {}, 0
    origin.merged_into = target
    desk.move(origin, "merge")
    desk.tell(origin, facts.SituationMerged(subject=desk.subject_of(origin), into=target.pk))


def _moved(situation: Situation) -> Moved:
    row = Situation.objects.only("number", "version").get(pk=situation.pk)
    return Moved(situation_id=row.pk, number=row.number, version=row.version)


@action("intake.join", by_state=Situation.State)
def join(actor: Actor, signal_id: int, situation_id: int, *, version: int | None = None) -> Moved:
    """Join a signal to a live situation by hand; the score stays beside the decision as evidence.

    `version` is the target's. Raises Refusal where it is there already, or where either situation is over.
    """
    desk.take()
    target = situation_for(actor, "intake.join", situation_id, version)
    signal = signal_for(actor, "intake.join", signal_id)
    if signal.situation_id == target.pk:
        raise Refusal(
            "already_there",
            Text("该信号已在此态势中。", "The signal is part of this situation already."),
            subject=desk.subject_of(target),
        )
    rules = rules_now()
    shift = _Shift.of(signal, signal.situation)
    _shift(shift, target, Join.How.PERSON, rules, matching.one(signal, target, rules))
    consider(target, rules)
    return _moved(target)


@action("intake.separate", by_state=Situation.State)
def separate(actor: Actor, signal_id: int, *, version: int | None = None) -> Moved:
    """Take a signal out of its situation into one of its own. `version` is that of the situation it leaves."""
    desk.take()
    signal = signal_for(actor, "intake.separate", signal_id, version)
    if signal.situation.signals == 1:
        raise _only_one(signal.situation)
    rules = rules_now()
    own = _shift(_Shift.of(signal, signal.situation), None, Join.How.SEPARATED, rules)
    consider(own, rules)
    return _moved(own)


@action("intake.undo", by_state=Situation.State)
def undo(actor: Actor, join_id: int, *, version: int | None = None) -> Moved:
    """Undo a join: the signal goes back to its former situation, or gets its own where it had none or that is over.

    The undo of one join of a merger undoes the merger. Raises Refusal when it was undone before, cannot be undone,
    or too long ago: then separate the signal.
    """
    desk.take()
    found = join_for(actor, "intake.undo", join_id, version)
    _check_undo(found)
    rules = rules_now()
    together = [found]
    if found.how == Join.How.MERGED and found.before is not None:
        together = list(
            Join.objects.filter(
                situation_id=found.situation_id, how=Join.How.MERGED, correlation=found.correlation, undone_at=None,
                before__situation_id=found.before.situation_id,
            )
            .select_related("signal__area", "before")
            .order_by("id")
        )  # fmt: skip
    home = _home(found.before.situation if found.before else None)
    origin = found.situation
    for stay in together:
        if origin.signals == 1 and home is None:
            raise _only_one(origin)
        home = _shift(_Shift.of(stay.signal, origin), home, Join.How.RETURNED, rules)
    assert home is not None
    consider(home, rules)
    return _moved(home)


def _check_undo(join: Join) -> None:
    subject = f"intake:{join.situation_id}"
    if join.undone_at is not None:
        raise Refusal("undone", Text("该归并已撤销。", "This join was undone before."), subject=subject)
    if join.how not in UNDOABLE:
        raise Refusal("not_a_join", Text("此项没有可撤销的归并。", "There is no join to undo here."), subject=subject)
    settings = city_settings(IntakeSettings)
    if city_now() > undo_until(join, settings):
        raise Refusal(
            "too_late",
            Text("已过撤销时限，请改用“移出”。", "The time to undo is over; separate the signal instead."),
            subject=subject,
        )


def _home(former: Situation | None) -> Situation | None:
    """The situation that a signal goes back to; one that was emptied by its leaving waits to be judged again."""
    if former is None or former.state in {Situation.State.DISMISSED, Situation.State.SETTLED}:
        return None
    if former.state == Situation.State.MERGED:
        former.merged_into = None
        former.judge_by = city_now() + timedelta(
            minutes=city_settings(IntakeSettings).judge_minutes.of(former.level)
        )  # fmt: skip
        desk.move(former, "reopen")
        desk.tell(former, facts.SituationReopened(subject=desk.subject_of(former)))
    return former


@action("intake.confirm", by_state=Situation.State)
def confirm(actor: Actor, proposal_id: int, *, version: int | None = None) -> Moved:
    """Confirm a proposed join. `version` is that of the situation it was proposed for."""
    desk.take()
    proposal = _undecided(proposal_for(actor, "intake.confirm", proposal_id, version))
    rules = rules_now()
    score = Score(proposal.score, tuple(Reason.from_dict(reason) for reason in proposal.reasons))
    signal = proposal.signal
    target = _shift(_Shift.of(signal, signal.situation), proposal.situation, Join.How.CONFIRMED, rules, score)
    consider(target, rules)
    return _moved(target)


@action("intake.reject", by_state=Situation.State)
def reject(actor: Actor, proposal_id: int, *, version: int | None = None) -> Moved:
    """Reject a proposed join: the signal stays where it is."""
    desk.take()
    proposal = _undecided(proposal_for(actor, "intake.reject", proposal_id, version))
    desk.decide(proposal, Proposal.Decision.REJECTED)
    consider(proposal.signal.situation, rules_now())
    return _moved(proposal.signal.situation)


def _undecided(proposal: Proposal) -> Proposal:
    if proposal.decided_at is not None:
        raise Refusal(
            "decided",
            Text("该归并已有结论。", "This proposal was decided before."),
            subject=f"intake:{proposal.situation_id}",
        )
    return proposal


@action("intake.merge", by_state=Situation.State)
def merge(actor: Actor, situation_id: int, into_id: int, *, version: int | None = None) -> Moved:
    """Merge a situation that nobody accepted yet into a live one: all of its signals go there."""
    desk.take()
    origin = situation_for(actor, "intake.merge", situation_id, version)
    target = situation_for(actor, "intake.merge", into_id)
    if origin.pk == target.pk:
        raise Refusal("same", Text("不能并入自身。", "A situation cannot be merged into itself."),
                      subject=desk.subject_of(origin))  # fmt: skip
    if target.ended_at is not None:
        raise _over(target)
    if origin.state != Situation.State.OPEN:
        raise Refusal(
            "wrong_state",
            Text("仅待研判的态势可以并入。", "Only a situation that waits to be judged can be merged into another."),
            subject=desk.subject_of(origin),
        )
    rules = rules_now()
    moment, work = city_now(), acting()
    stays = list(Join.objects.filter(situation=origin, undone_at=None).order_by("id"))
    Join.objects.filter(pk__in=[stay.pk for stay in stays]).update(
        undone_at=moment, undone_recorded_at=wall_now(), undone_by_id=actor.user_id
    )
    meant = Proposal.objects.filter(signal__situation=origin, situation=target, decided_at=None)
    for proposal in meant.select_related("situation"):
        desk.decide(proposal, Proposal.Decision.CONFIRMED)
    Signal.objects.filter(situation=origin).update(situation=target)
    made = Join.objects.bulk_create(
        Join(
            signal_id=stay.signal_id, situation=target, before=stay, how=Join.How.MERGED, score=None, reasons=[],
            rule_version=target.rule_version, actor_id=actor.user_id, post_id=actor.post_id, happened_at=moment,
            recorded_at=wall_now(), correlation=work.correlation,
        )
        for stay in stays
    )  # fmt: skip
    for new, old in zip(made, stays, strict=True):
        left = facts.SignalSeparated(
            subject=desk.subject_of(origin), signal=old.signal_id, join=old.pk, target=target.pk
        )
        desk.tell(origin, left)
        desk.tell_joined(new, target, None, origin.pk)
    _emptied(origin, target)
    target.version += 1
    desk.recount(target, rules)
    consider(target, rules)
    return _moved(target)
