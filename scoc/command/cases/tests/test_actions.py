"""Moves: what each does, and what it refuses."""

from __future__ import annotations

from scoc.command.cases.models import CaseFlow, State
from scoc.command.cases.tests.factories import Cast, bring


def test_a_case_goes_the_whole_way(cast: Cast) -> None:
    case = bring(cast, State.CLOSED)
    assert case.state == State.CLOSED
    assert case.case_no == "9901022026061500001"
    rows = list(CaseFlow.objects.filter(case=case).order_by("version"))
    assert [row.to_state for row in rows] == [
        "reported", "accepted", "filed", "dispatched", "handling", "handled", "checking", "pending_close", "closed",
    ]  # fmt: skip
