"""What becomes of a situation: accepted by a person or a rule, dismissed, taken over, settled, escalated."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from scoc.command.intake import actions, tasks
from scoc.command.intake.models import Answer, Join, Situation
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import FLOOD, NOISE, WATER, make_rule, report
from scoc.core import now
from scoc.core.access import actor_for, system_actor
from scoc.core.acting import Actor
from scoc.core.models import Area, Category, FactRow, Grant, Installation, Notice, Post, User
from scoc.core.notify import notices_of
from scoc.core.refusals import Invalid, NotAllowed, Refusal, Stale
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import SETTINGS, make_actor


def _facts(name: str) -> list[tuple[str, dict[str, object]]]:
    rows = FactRow.objects.filter(name=f"intake.{name}").order_by("id")
    return [(row.subject, json.loads(row.body)) for row in rows]


def test_a_person_accepts_in_the_suggested_or_another_category(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD, place="东海路")
    done = actions.accept(acceptor, first.situation_id, category=WATER, opinion="爆管", version=1)
    row = Situation.objects.get()
    assert (done.state, done.version, row.category, row.title.zh) == ("accepted", 2, WATER, "东海路 供水管道破裂")
    step = row.flow.order_by("-version")[0]
    assert (step.from_state, step.to_state, step.opinion, step.reason, step.actor_id) == (
        "open", "accepted", "爆管", WATER, acceptor.user_id,
    )  # fmt: skip
    subject, body = _facts("situation_accepted")[0]
    assert subject == f"intake:{row.pk}"
    assert (body["category"], body["level"], body["automatic"]) == (WATER, 3, False)
    with pytest.raises(Refusal) as refused:
        actions.accept(acceptor, row.pk)
    assert refused.value.code == "wrong_state"


def test_acceptance_needs_a_category_of_the_city_and_the_version_read(acceptor: Actor) -> None:
    first = report(acceptor)
    with pytest.raises(Invalid) as refused:
        actions.accept(acceptor, first.situation_id)
    assert refused.value.code == "no_category"
    with pytest.raises(Invalid):
        actions.accept(acceptor, first.situation_id, category="event/9999")
    with pytest.raises(Stale):
        actions.accept(acceptor, first.situation_id, category=FLOOD, version=7)
    with pytest.raises(NotAllowed):
        actions.accept(make_actor("intake.read_situations"), first.situation_id, category=FLOOD)


def test_the_citys_rule_accepts_by_category_level_and_number(acceptor: Actor) -> None:
    make_rule(FLOOD, accept_level=2, accept_signals=2)
    first = report(acceptor, category=FLOOD, level=2)
    assert Situation.objects.get().state == "open"
    assert report(acceptor, metres=5, category=FLOOD).joined
    row = Situation.objects.get()
    assert row.state == "accepted"
    step = row.flow.select_related("actor").order_by("-version")[0]
    assert (step.actor.username, step.action) == ("system:intake", "accept")
    assert _facts("situation_accepted")[0][1]["automatic"] is True
    # one level less urgent: a person decides
    low = report(acceptor, metres=5000, category=FLOOD, level=3)
    report(acceptor, metres=5005, category=FLOOD, level=3)
    assert Situation.objects.get(pk=low.situation_id).state == "open"
    # another category has no rule
    report(acceptor, metres=9000, category=NOISE, level=1)
    assert Situation.objects.filter(state="accepted").get().pk == first.situation_id


def test_a_level_of_the_categorys_rule_counts(acceptor: Actor) -> None:
    make_rule(FLOOD, level=1, accept_level=1)
    report(acceptor, category=FLOOD)
    row = Situation.objects.get()
    assert (row.level, row.signal_level, row.state) == (1, 3, "accepted")
    assert row.judge_by - now.city_now() == timedelta(minutes=20)


def test_an_open_question_holds_the_rule_back_until_it_is_answered(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD)
    make_rule(FLOOD, accept_level=4)
    asked = report(acceptor, metres=100, minutes=4, category=FLOOD)
    assert asked.proposal_id is not None
    assert Situation.objects.get(pk=asked.situation_id).state == "open"
    actions.reject(acceptor, asked.proposal_id)
    assert Situation.objects.get(pk=asked.situation_id).state == "accepted"


def test_a_leaders_assignment_is_urgent(acceptor: Actor) -> None:
    report(acceptor, channel="51", category=NOISE)
    assert Situation.objects.get().level == 2


def test_a_more_urgent_signal_shortens_the_time_to_judge(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD)
    assert Situation.objects.get().judge_by - now.city_now() == timedelta(minutes=60)
    report(acceptor, metres=1, category=FLOOD, level=1)
    row = Situation.objects.get()
    assert (row.level, row.judge_by - now.city_now()) == (1, timedelta(minutes=20))


def test_dismissal_names_its_reason_and_answers_reporters(acceptor: Actor) -> None:
    first = report(acceptor, reporter={"name": "张三", "phone": "13812345678"})
    report(acceptor, metres=3)
    with pytest.raises(Invalid):
        actions.dismiss(acceptor, first.situation_id, DismissReason.NOT_THERE, " ")
    actions.dismiss(acceptor, first.situation_id, DismissReason.NOT_THERE, "现场无积水")
    row = Situation.objects.get(pk=first.situation_id)
    assert (row.state, row.outcome, row.ended_at) == ("dismissed", "not_there", now.city_now())
    answer = Answer.objects.get()
    assert (answer.signal_id, answer.outcome, answer.by) == (first.signal_id, "not_there", f"intake:{row.pk}")
    assert _facts("situation_dismissed") == [
        (f"intake:{row.pk}", {"subject": f"intake:{row.pk}", "reason": "not_there"})
    ]


def test_take_over_and_settle_are_done_once_by_the_one_who_took_it(acceptor: Actor) -> None:
    upper = system_actor("cases")
    first = report(acceptor, category=FLOOD, reporter={"phone": "13812345678"})
    actions.accept(acceptor, first.situation_id)
    for _ in range(2):
        assert actions.take_over(upper, first.situation_id, "cases:5").state == "handed_over"
    with pytest.raises(Refusal) as refused:
        actions.take_over(upper, first.situation_id, "cases:6")
    assert refused.value.code == "taken_over"
    with pytest.raises(Refusal) as refused:
        actions.settle(upper, first.situation_id, "cases:6", "closed")
    assert refused.value.code == "not_taken_over"
    for _ in range(2):
        assert actions.settle(upper, first.situation_id, "cases:5", "closed").state == "settled"
    assert len(_facts("situation_taken_over")) == 1
    assert [body["outcome"] for _, body in _facts("situation_settled")] == ["closed"]
    assert (Answer.objects.get().outcome, Answer.objects.get().by) == ("closed", "cases:5")
    assert [step.to_state for step in Situation.objects.get().flow.order_by("version")] == [
        "open", "accepted", "handed_over", "settled",
    ]  # fmt: skip


def test_nobody_judged_it_in_time(acceptor: Actor) -> None:
    leader = make_actor(role="shift_leader")
    elsewhere = make_actor(role="shift_leader", area=Area.objects.get(code="990103"))
    first = report(acceptor, category=FLOOD, area="990102", metres=None)
    accepted = report(acceptor, category=NOISE, metres=None)
    actions.accept(acceptor, accepted.situation_id)
    deadline = Situation.objects.get(pk=first.situation_id).judge_by
    with now.city_time(deadline):
        tasks.escalate()
        assert not Notice.objects.exists()  # exactly at the deadline is in time
    for minute in (1, 2):
        with now.city_time(deadline + timedelta(minutes=minute)):
            tasks.escalate()
    row = Situation.objects.get(pk=first.situation_id)
    assert (row.level, row.escalated_at, row.version) == (2, deadline + timedelta(minutes=1), 1)
    notice = Notice.objects.get()
    assert (notice.post_id, notice.level, notice.subject) == (leader.post_id, "urge", f"intake:{row.pk}")
    assert elsewhere.post_id != leader.post_id
    assert [step.action for step in row.flow.order_by("version")] == ["open", "escalate"]
    assert [body["level"] for _, body in _facts("situation_escalated")] == [2]
    # it stays raised when its signals are counted again, and raised once only
    report(acceptor, metres=None, minutes=1, device="G-1", area="990102")
    actions.join(acceptor, report(acceptor, metres=None, level=3, area="990102").signal_id, row.pk)
    row.refresh_from_db()
    assert (row.level, row.signal_level) == (2, 3)
    actions.separate(acceptor, Join.objects.filter(situation=row, undone_at=None).order_by("-id")[0].signal_id)
    row.refresh_from_db()
    assert (row.level, row.signal_level) == (2, 3)


def test_a_grant_for_some_states_holds_in_these_only(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    other = report(acceptor, metres=5000, category=FLOOD)
    third = report(acceptor, metres=9000, category=FLOOD)
    actions.accept(acceptor, other.situation_id)
    limited = make_actor()
    assert limited.post_id is not None
    role = Post.objects.get(pk=limited.post_id).role
    Grant.objects.create(role=role, permission="intake.join", scope="city", states=["open"])
    limited = actor_for(User.objects.get(pk=limited.user_id), Post.objects.get(pk=limited.post_id))
    actions.join(limited, third.signal_id, first.situation_id)
    with pytest.raises(NotAllowed):
        actions.join(limited, first.signal_id, other.situation_id)


def test_a_category_that_the_city_gave_up_waits_for_a_person(acceptor: Actor) -> None:
    make_rule(FLOOD, accept_level=4)
    report(acceptor, category=FLOOD)
    assert Situation.objects.get().state == "accepted"
    second = report(acceptor, metres=3000, category=NOISE)
    make_rule(NOISE, accept_level=4)
    Category.objects.filter(code=NOISE).update(valid_to=now.city_now())
    forget_all()
    actions.join(acceptor, report(acceptor, metres=6000).signal_id, second.situation_id)
    assert Situation.objects.get(pk=second.situation_id).state == "open"


def told(actor: Actor) -> list[tuple[str, str]]:
    """The notices of a post: level and title."""
    return [(row.level, row.title.zh) for row in notices_of(actor).order_by("id")]


def test_the_desks_are_told_of_an_urgent_situation_at_once(acceptor: Actor) -> None:
    leader, officer = make_actor(role="shift_leader"), make_actor(role="duty_officer")
    dispatcher = make_actor(role="dispatcher")
    report(acceptor, category=FLOOD, level=2)
    assert told(leader) == []
    urgent = report(acceptor, metres=5000, category=NOISE, level=1)
    title = f"新的 P1 态势 {urgent.number}：位置待定 商业噪音"
    assert told(acceptor) == told(leader) == told(officer) == [("alarm", title)]
    assert told(dispatcher) == []


def test_the_desks_are_told_when_a_situation_becomes_urgent(acceptor: Actor) -> None:
    leader = make_actor(role="shift_leader")
    first = report(acceptor, category=FLOOD, level=3)
    report(acceptor, metres=10, category=FLOOD, level=1)
    report(acceptor, metres=20, category=FLOOD, level=1)
    assert told(leader) == [("alarm", f"新的 P1 态势 {first.number}：位置待定 道路积水")]


def test_from_which_level_the_desks_are_told_is_the_citys_policy(acceptor: Actor) -> None:
    leader = make_actor(role="shift_leader")
    for level, heard in ((0, 0), (2, 1)):
        Installation.objects.update(settings={**SETTINGS, "intake": {"notify_level": level}})
        forget_all()
        report(acceptor, metres=level * 5000, category=FLOOD, level=max(level, 1))
        assert len(told(leader)) == heard
