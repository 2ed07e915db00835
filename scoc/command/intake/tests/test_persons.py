"""A reporter's name and number stay in the contact: not in rows, lists, facts, notices, queue, audit or logs."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from django.apps import apps

from scoc.command.intake import actions, queries, tasks
from scoc.command.intake.models import Signal
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import FLOOD, report
from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import AuditEntry, Contact
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import make_actor

NAME, PHONE = "欧阳锋芒", "13912345678"


def test_persons_stay_where_they_belong(acceptor: Actor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    make_actor(role="shift_leader")
    first = report(acceptor, category=FLOOD, place="滨江大道 8 号 2 单元 301 室", text=f"我是{NAME}，电话{PHONE}",
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
    assert "301" not in shown
    stored = _everything_but_words()
    assert NAME not in stored
    assert PHONE not in stored
    assert AuditEntry.objects.filter(outcome="not found").exists()
    assert PHONE not in caplog.text
    assert NAME not in caplog.text
    contact = Contact.objects.get()  # the same person twice is one contact
    assert set(Signal.objects.values_list("contact_id", flat=True)) == {contact.pk}


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
