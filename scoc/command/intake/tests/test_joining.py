"""People decide: undo, separate, join by hand, confirm, reject, merge; every step leaves its trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from scoc.command.intake import actions, queries
from scoc.command.intake.models import Join, Proposal, Signal, Situation
from scoc.command.intake.schemas import SignalReceipt
from scoc.command.intake.tests.factories import FLOOD, NOISE, report
from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.models import FactRow
from scoc.core.refusals import Refusal, Stale


def _pair(actor: Actor) -> tuple[SignalReceipt, SignalReceipt]:
    return report(actor, category=FLOOD), report(actor, metres=48, minutes=4, category=FLOOD)


def _code(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.code


def _stay(signal_id: int) -> Join:
    return Join.objects.get(signal_id=signal_id, undone_at=None)


def test_undo_gives_the_signal_a_situation_of_its_own(acceptor: Actor) -> None:
    first, second = _pair(acceptor)
    moved = actions.undo(acceptor, _stay(second.signal_id).pk)
    assert moved.situation_id != first.situation_id
    left, own = Situation.objects.get(pk=first.situation_id), Situation.objects.get(pk=moved.situation_id)
    assert (left.signals, left.counts, round(left.lat or 0, 9)) == (1, {"11": 1}, 30.0)
    assert (own.signals, own.number, own.first_at - left.first_at) == (1, "S-20260615-0002", timedelta(minutes=4))
    stays = Join.objects.filter(signal_id=second.signal_id).order_by("id")
    assert [(stay.how, stay.undone_at is None) for stay in stays] == [("automatic", False), ("returned", True)]
    assert stays[0].undone_by_id == acceptor.user_id
    told = FactRow.objects.filter(name__in=("intake.signal_separated", "intake.signal_joined")).order_by("id")
    assert [(row.name, row.subject) for row in told][-2:] == [
        ("intake.signal_separated", f"intake:{first.situation_id}"),
        ("intake.signal_joined", f"intake:{own.pk}"),
    ]  # fmt: skip


def test_undo_goes_back_to_the_former_situation_and_opens_it_again(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    second = report(acceptor, metres=2000, category=FLOOD)
    actions.join(acceptor, second.signal_id, first.situation_id)
    assert Situation.objects.get(pk=second.situation_id).state == "merged"
    moved = actions.undo(acceptor, _stay(second.signal_id).pk)
    assert moved.situation_id == second.situation_id
    back = Situation.objects.get(pk=second.situation_id)
    assert (back.state, back.merged_into_id, back.ended_at, back.signals) == ("open", None, None, 1)
    assert [step.action for step in back.flow.order_by("version")] == ["open", "merge", "reopen"]
    assert back.flow.get(version=2).left_at is not None


def test_a_join_is_undone_once_and_in_time(acceptor: Actor) -> None:
    _, second = _pair(acceptor)
    join = _stay(second.signal_id)
    later = now.city_now() + timedelta(minutes=10, seconds=1)
    with now.city_time(later), pytest.raises(Refusal) as refused:
        actions.undo(acceptor, join.pk)
    assert _code(refused) == "too_late"
    actions.undo(acceptor, join.pk)
    with pytest.raises(Refusal) as refused:
        actions.undo(acceptor, join.pk)
    assert _code(refused) == "undone"
    with pytest.raises(Refusal) as refused:
        actions.undo(acceptor, _stay(second.signal_id).pk)
    assert _code(refused) == "not_a_join"


def test_separate_and_its_undo(acceptor: Actor) -> None:
    first, second = _pair(acceptor)
    moved = actions.separate(acceptor, second.signal_id)
    assert Situation.objects.get(pk=first.situation_id).signals == 1
    back = actions.undo(acceptor, _stay(second.signal_id).pk)
    assert back.situation_id == first.situation_id
    assert Situation.objects.get(pk=first.situation_id).signals == 2
    emptied = Situation.objects.get(pk=moved.situation_id)
    assert (emptied.state, emptied.merged_into_id, emptied.signals, emptied.counts) == (
        "merged", first.situation_id, 0, {},
    )  # fmt: skip
    with pytest.raises(Refusal) as refused:
        actions.separate(acceptor, report(acceptor, metres=9000).signal_id)
    assert _code(refused) == "only_signal"


def test_the_seed_may_leave_too_and_the_name_follows(acceptor: Actor) -> None:
    seed = report(acceptor, category=FLOOD, place="东海路下穿通道")
    report(acceptor, metres=20, minutes=2, category=FLOOD, place="滨江大道 8 号 301 室")
    assert Situation.objects.get(pk=seed.situation_id).title.zh == "东海路 道路积水"
    actions.separate(acceptor, seed.signal_id)
    assert Situation.objects.get(pk=seed.situation_id).title.zh == "滨江大道 道路积水"


def test_joining_by_hand_keeps_the_score_as_evidence(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    second = report(acceptor, metres=2000, category=NOISE)
    actions.join(acceptor, second.signal_id, first.situation_id)
    stay = _stay(second.signal_id)
    # 2000 m and another kind: nothing but the same moment speaks for it, 25 ÷ 85
    assert (stay.how, str(stay.score), stay.actor_id) == ("person", "0.2941", acceptor.user_id)
    with pytest.raises(Refusal) as refused:
        actions.join(acceptor, second.signal_id, first.situation_id)
    assert _code(refused) == "already_there"


def test_confirm_and_reject(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    yes = report(acceptor, metres=100, minutes=4, category=FLOOD)
    no = report(acceptor, metres=-100, minutes=4, category=FLOOD)
    assert yes.proposal_id is not None
    assert no.proposal_id is not None
    assert actions.confirm(acceptor, yes.proposal_id).situation_id == first.situation_id
    stay = _stay(yes.signal_id)
    assert (stay.how, str(stay.score)) == ("confirmed", "0.7549")
    assert len(stay.reasons) == 4
    actions.reject(acceptor, no.proposal_id)
    assert Signal.objects.get(pk=no.signal_id).situation_id == no.situation_id
    decided = Proposal.objects.order_by("id").values_list("decision", "decided_by_id")
    assert list(decided) == [("confirmed", acceptor.user_id), ("rejected", acceptor.user_id)]
    for proposal in (yes.proposal_id, no.proposal_id):
        with pytest.raises(Refusal) as refused:
            actions.confirm(acceptor, proposal)
        assert _code(refused) == "decided"
    names = list(FactRow.objects.filter(name="intake.proposal_decided").order_by("id").values_list("body", flat=True))
    assert ['"decision":"confirmed"' in names[0], '"decision":"rejected"' in names[1]] == [True, True]


def test_a_proposal_lapses_when_its_situation_ends(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    report(acceptor, metres=100, minutes=4, category=FLOOD)
    other = report(acceptor, metres=9000, category=FLOOD)
    actions.merge(acceptor, first.situation_id, other.situation_id)
    assert Proposal.objects.get().decision == "lapsed"


def test_merge_and_its_undo(acceptor: Actor) -> None:
    first, second = _pair(acceptor)
    other = report(acceptor, metres=1000, category=FLOOD)
    actions.merge(acceptor, first.situation_id, other.situation_id)
    whole, gone = Situation.objects.get(pk=other.situation_id), Situation.objects.get(pk=first.situation_id)
    assert (whole.signals, whole.counts, gone.state, gone.signals) == (3, {"11": 3}, "merged", 0)
    assert FactRow.objects.get(name="intake.situation_merged").subject == f"intake:{gone.pk}"
    with pytest.raises(Refusal) as refused:
        actions.accept(acceptor, gone.pk, category=NOISE)
    assert _code(refused) == "wrong_state"
    actions.undo(acceptor, _stay(first.signal_id).pk)
    whole, back = Situation.objects.get(pk=other.situation_id), Situation.objects.get(pk=first.situation_id)
    assert (whole.signals, back.state, back.signals) == (1, "open", 2)
    assert Signal.objects.get(pk=second.signal_id).situation_id == first.situation_id


def test_merging_confirms_what_was_asked(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    asked = report(acceptor, metres=100, minutes=4, category=FLOOD)
    actions.merge(acceptor, asked.situation_id, first.situation_id)
    assert Proposal.objects.get().decision == "confirmed"


def test_what_was_accepted_is_not_emptied_nor_merged_away(acceptor: Actor) -> None:
    first, other = report(acceptor, category=FLOOD), report(acceptor, metres=1000, category=FLOOD)
    actions.accept(acceptor, first.situation_id)
    acts: list[Callable[[], object]] = [
        lambda: actions.merge(acceptor, first.situation_id, other.situation_id),
        lambda: actions.join(acceptor, first.signal_id, other.situation_id),
    ]
    for act in acts:
        with pytest.raises(Refusal) as refused:
            act()
        assert _code(refused) in {"wrong_state", "last_signal"}
    # but more may join it, and leave it again
    actions.join(acceptor, other.signal_id, first.situation_id)
    actions.undo(acceptor, _stay(other.signal_id).pk)
    assert Situation.objects.get(pk=first.situation_id).signals == 1


def test_nothing_joins_or_leaves_what_is_over(acceptor: Actor) -> None:
    first, second = _pair(acceptor)
    other = report(acceptor, metres=1000, category=FLOOD)
    actions.accept(acceptor, first.situation_id)
    actions.take_over(acceptor, first.situation_id, "cases:1")
    actions.settle(acceptor, first.situation_id, "cases:1", "closed")
    acts: list[Callable[[], object]] = [
        lambda: actions.separate(acceptor, second.signal_id),
        lambda: actions.undo(acceptor, _stay(second.signal_id).pk),
        lambda: actions.join(acceptor, other.signal_id, first.situation_id),
        lambda: actions.merge(acceptor, other.situation_id, first.situation_id),
    ]
    for act in acts:
        with pytest.raises(Refusal) as refused:
            act()
        assert _code(refused) == "wrong_state"
    assert not report(acceptor, metres=10, minutes=5, category=FLOOD).joined


def test_an_old_version_is_refused(acceptor: Actor) -> None:
    first, second = _pair(acceptor)
    version = queries.situation(acceptor, first.situation_id).version
    report(acceptor, metres=10, minutes=5, category=FLOOD)  # joins by itself: no decision is spoilt by it
    actions.separate(acceptor, second.signal_id, version=version)
    with pytest.raises(Stale):
        actions.accept(acceptor, first.situation_id, version=version)


def test_joins_proposals_and_flow_cannot_be_changed(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD)
    report(acceptor, metres=100, minutes=4, category=FLOOD)
    join, proposal, step = Join.objects.all()[0], Proposal.objects.get(), Situation.objects.all()[0].flow.get()
    for row, field, value in ((join, "how", "person"), (proposal, "score", 1), (step, "opinion", "x")):
        with pytest.raises(DatabaseError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**{field: value})
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()
