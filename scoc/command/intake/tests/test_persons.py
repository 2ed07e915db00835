"""A reporter's name and number stay in the contact: not in rows, lists, facts, notices, queue, audit or logs."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from django.apps import apps

from scoc.command.intake import actions, queries, tasks
from scoc.command.intake.models import Answer, Signal
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import FLOOD, report
from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.administration.desk import view_person
from scoc.core.http.paging import PageQuery
from scoc.core.models import AuditEntry, Contact, Notice
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import make_actor

NAME, PHONE, FLAT = "欧阳锋芒", "13912345678", "8 号 2 单元 301 室"
HOME = f"滨江大道 {FLAT}"


def test_persons_stay_where_they_belong(acceptor: Actor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    make_actor(role="shift_leader")
    first = report(acceptor, category=FLOOD, place=HOME, text=f"我是{NAME}，电话{PHONE}",
                   reporter={"name": NAME, "phone": PHONE})  # fmt: skip
    report(acceptor, metres=100, minutes=5, reporter={"name": NAME, "phone": PHONE})
    with now.city_time(now.city_now() + timedelta(hours=9)):
        tasks.escalate()
    with pytest.raises(Refusal):
        actions.undo(acceptor, 4711)
    shown = queries.situations(acceptor, PageQuery(cursor=None, limit=50)).model_dump_json()
    detail = queries.situation(acceptor, first.situation_id).model_dump_json()
    actions.dismiss(acceptor, first.situation_id, DismissReason.GONE, f"已电话 {PHONE} 告知")
    detail += queries.situation(acceptor, first.situation_id).model_dump_json()
    assert PHONE not in shown + detail
    assert NAME not in shown
    assert FLAT not in shown + detail
    assert FLAT not in str([row.zh for row in Notice.objects.values_list("title", flat=True)])
    stored = _everything_but_words()
    assert NAME not in stored
    assert PHONE not in stored
    assert FLAT not in stored
    assert AuditEntry.objects.filter(outcome="not found").exists()
    assert PHONE not in caplog.text
    assert NAME not in caplog.text
    assert FLAT not in caplog.text
    assert set(Signal.objects.values_list("contact_id", flat=True)) == set(Contact.objects.values_list("id", flat=True))


def test_the_house_that_a_caller_names_is_with_the_reporter_only(acceptor: Actor) -> None:
    made = report(acceptor, category=FLOOD, place=HOME, reporter={"name": NAME, "phone": PHONE})
    row = queries.situation(acceptor, made.situation_id).rows[0]
    assert row.place == "滨江大道"
    assert row.reporter is not None
    asked = make_actor("core.view_plain", persons="plain")
    assert view_person(asked, row.reporter.contact_id, "核实现场位置").address == HOME
    assert AuditEntry.objects.filter(action="core.view_plain", outcome="done").exists()


def test_who_gives_a_house_but_no_name_is_kept_all_the_same_and_has_no_answer(acceptor: Actor) -> None:
    made = report(acceptor, category=FLOOD, place=HOME)
    assert Signal.objects.get().contact is not None
    actions.dismiss(acceptor, made.situation_id, DismissReason.GONE, "已恢复")
    assert not Answer.objects.exists()


def test_a_place_that_no_caller_named_stays_as_it_is(acceptor: Actor) -> None:
    made = report(acceptor, channel="01", category=FLOOD, place="滨江大道 8 号")
    assert queries.situation(acceptor, made.situation_id).rows[0].place == "滨江大道 8 号"
    assert Signal.objects.get().contact is None


def _everything_but_words() -> str:
    """All stored rows as text, without the two columns that hold people's own words."""
    dumped = []
    for model in apps.get_models():
        if not model._meta.managed:
            continue
        for row in model.objects.values():  # type: ignore[attr-defined]  # every model has objects
            if model is Signal:
                row.pop("text")
            row.pop("opinion", None)
            dumped.append(json.dumps(row, default=str, ensure_ascii=False))
    return "\n".join(dumped)
