"""Cases in the search: by number, text and reporter, within the scope, masks holding."""

from __future__ import annotations

from scoc.command.cases.models import Case, State
from scoc.command.cases.schemas import CaseReporterIn
from scoc.command.cases.tests.factories import Cast, bring, may, report
from scoc.core.acting import Actor
from scoc.core.finding import Hit, search
from scoc.core.tests.factories import make_actor


def hits(viewer: Actor, text: str) -> list[Hit]:
    """The cases that the viewer finds."""
    return [hit for group in search(viewer, text, kind="case") for hit in group.hits]


def test_a_case_is_found_by_title_address_and_the_beginning_of_its_number(cast: Cast) -> None:
    case = bring(cast, State.HANDLING, report(cast, title="井盖破损", address="中山东路 213 号"))
    for text in ("井盖", "破", "东路 破损", case.case_no, case.case_no[:10]):
        assert [hit.subject for hit in hits(cast.leader, text)] == [case.subject], text
    hit = hits(cast.leader, "井盖")[0]
    assert (hit.path, hit.state) == (f"/cases/{case.pk}?tab=open", "handling")
    assert hit.note.zh == f"{case.case_no} · 中山东路 213 号"
    assert hits(cast.leader, case.case_no[1:]) == []
    bring(cast, State.CLOSED, case)
    assert hits(cast.leader, "井盖")[0].path == f"/cases/{case.pk}?tab=closed"


def test_a_unit_finds_its_own_cases_only(cast: Cast) -> None:
    case = bring(cast, State.DISPATCHED, report(cast, title="井盖破损"))
    assert [hit.subject for hit in hits(cast.clerk, "井盖")] == [case.subject]
    assert hits(cast.other, "井盖") == []
    assert hits(make_actor("core.read_directory"), "井盖") == []


def test_a_number_in_a_callers_words_is_found_by_nobody(cast: Cast) -> None:
    report(cast, title="请回电 13812345678")
    assert len(hits(cast.leader, "请回电")) == 1
    for viewer in (cast.leader, make_actor(*may(), persons="plain")):
        assert hits(viewer, "13812345678") == []


def test_the_cases_of_a_reporter_are_found_by_who_may_look_for_persons(cast: Cast) -> None:
    reporter = CaseReporterIn(name="李小四", phone="13912345678")
    case = report(cast, title="路灯不亮", source="33", reporter=reporter)
    assert case.contact_id is not None
    finder = make_actor(*may(), "core.find_person", persons="plain")
    for text in ("李小四", "139 1234 5678"):
        found = hits(finder, text)
        assert [(hit.subject, "李小四" in hit.title.zh + hit.note.zh) for hit in found] == [(case.subject, False)]
    assert hits(finder, "李小") == hits(cast.leader, "李小四") == []
    assert Case.objects.count() == 1
