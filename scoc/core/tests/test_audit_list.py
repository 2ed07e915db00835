"""Reading the audit: by person, kind, outcome and real time; and what waits for a person."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from scoc.core import administration, audit, queries
from scoc.core.http.paging import PageQuery
from scoc.core.models import AuditEntry, Delivery, Run
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.schemas import AuditFilter
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text

PAGE = PageQuery(cursor=None, limit=50)


def test_the_audit_is_found_by_person_kind_outcome_and_time(city: City) -> None:
    auditor, clerk, stranger = make_actor("core.read_audit"), make_actor("core.edit_calendar"), make_actor()
    administration.edit_calendar(clerk, 2031, [], [])
    with pytest.raises(NotAllowed):
        administration.edit_calendar(stranger, 2031, [], [])
    audit.record(clerk, kind="login", action="core.sign_in", outcome="done", address="10.0.0.9")

    def found(**wanted: object) -> list[tuple[str | None, str, str]]:
        rows = queries.audit_entries(auditor, PAGE, AuditFilter.model_validate(wanted)).items
        return [(row.user, row.action, row.outcome) for row in rows]

    edited, refused = (
        (clerk.username, "core.edit_calendar", "done"),
        (stranger.username, "core.edit_calendar", "refused"),
    )
    assert found(user=clerk.username) == [(clerk.username, "core.sign_in", "done"), edited]
    assert found(kind="refusal") == [refused]
    assert found(outcome="done", action="core.edit_calendar") == [edited]
    assert found(user="nobody") == []
    assert found(since=wall_now() + timedelta(seconds=1)) == []
    assert found(until=wall_now() - timedelta(minutes=1)) == []
    page = queries.audit_entries(auditor, PAGE, AuditFilter.model_validate({}))
    assert abs(page.as_of - wall_now()) < timedelta(seconds=5)
    answer = browser(auditor).get(f"/api/v1/core/audit?user={clerk.username}&kind=login").json()
    assert [row["address"] for row in answer["items"]] == ["10.0.0.9"]


def test_the_audit_says_why_in_the_readers_language(city: City) -> None:
    auditor, clerk, stranger = make_actor("core.read_audit"), make_actor("core.edit_calendar"), make_actor()
    with pytest.raises(Invalid) as caught:
        administration.edit_calendar(clerk, 2031, [date(2030, 1, 1)], [])
    with pytest.raises(NotAllowed):
        administration.edit_calendar(stranger, 2031, [], [])
    assert browser(stranger).get("/api/v1/core/audit").status_code == 403
    AuditEntry.objects.create(happened_at=wall_now(), kind="refusal", action="core.old", outcome="refused",
                              detail="Of older times.", correlation="c")  # fmt: skip
    audit.record(clerk, kind="plain", action="core.typed", outcome="done", detail="回访 13812345678")

    def told(**wanted: object) -> Text:
        [row] = queries.audit_entries(auditor, PAGE, AuditFilter.model_validate(wanted)).items
        return Text(row.detail.zh, row.detail.en)

    assert told(user=clerk.username, kind="refusal") == caught.value.message
    assert told(action="core.edit_calendar", user=stranger.username).zh == "您的岗位没有这项权限。"
    assert "core.read_audit" in told(action="core.read_audit").en
    assert told(action="core.read_audit").zh == "您的岗位没有这项权限。"
    assert told(action="core.old") == Text("Of older times.", "Of older times.")
    assert told(action="core.typed") == Text("回访 138****5678", "回访 138****5678")
    for spoken, sentence in (("zh", caught.value.message.zh), ("en", caught.value.message.en)):
        file = browser(auditor).get("/api/v1/core/audit/export?kind=refusal", headers={"Accept-Language": spoken})
        assert sentence.split('"')[0] in file.content.decode()


def test_a_parked_delivery_tells_since_when_and_is_tried_again(city: City) -> None:
    admin = make_actor("core.read_deliveries", "core.retry_delivery")
    moment = wall_now()
    row = Delivery.objects.create(
        handler="task:core.testing", run=Run.objects.get(), correlation="c", state=Delivery.State.PARKED,
        next_try_at=moment, attempts=8, error="Traceback …\nValueError: no",
    )  # fmt: skip
    [shown] = queries.parked_deliveries(admin, PAGE).items
    assert (shown.id, shown.attempts, shown.parked_at, shown.fact) == (row.pk, 8, moment, None)
    administration.retry_delivery(admin, row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("waiting", 0)
    assert queries.parked_deliveries(admin, PAGE).items == []


def test_what_was_done_names_its_subject(city: City) -> None:
    """An audit that says that a post was given, but not to whom, tells too little."""
    admin, clerk = make_actor("core.set_password", "core.read_audit"), make_actor()
    administration.set_password(admin, clerk.user_id, "Correct-horse-9")
    [row] = queries.audit_entries(admin, PAGE, AuditFilter.model_validate({"action": "core.set_password"})).items
    assert (row.subject, row.outcome) == (f"core:user-{clerk.user_id}", "done")
