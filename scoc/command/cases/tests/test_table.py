"""The whole table walked: every state × move × role, what happens and what does not."""

from __future__ import annotations

import pytest

from scoc.command.cases.models import MOVES, STAGE_OF, CaseFlow, State
from scoc.command.cases.models.moves import HANDLING, JUDGING, OVER, STAGES, STATE_TEXT, STEP_CLOCK
from scoc.command.cases.tests.factories import PLAYED_BY, REACHED, Cast, attempt, bring
from scoc.core.models import AuditEntry, FactRow
from scoc.core.refusals import NotAllowed, Refusal

# DOMAIN.md 1.6, copied by hand: number, move, from, to, clocks stopped, clocks started
TABLE = [
    (1, "report_case", [], "reported", [], ["acceptance"]),
    (4, "accept_case", ["reported"], "accepted", ["acceptance"], ["filing"]),
    (7, "file_case", ["accepted"], "filed", ["filing"], ["dispatch"]),
    (9, "dispatch_case", ["filed"], "dispatched", ["dispatch"], ["disposal", "sign"]),
    (13, "sign_case", ["dispatched"], "handling", ["sign"], []),
    (18, "feed_back", ["handling"], "handled", ["disposal"], []),
    (20, "send_to_check", ["handled"], "checking", [], ["check"]),
    (21, "pass_check", ["checking"], "pending_close", ["check"], ["close"]),
    (22, "rework_case", ["checking", "pending_close"], "dispatched", ["check", "close"], ["disposal", "sign"]),
    (23, "close_case", ["pending_close"], "closed", ["close"], []),
]
ROLES = ("collector", "acceptor", "leader", "dispatcher", "clerk", "handler", "other", "evaluator", "street", "mayor")
GRANTED = {
    "accept_case": {"acceptor"}, "file_case": {"leader"}, "dispatch_case": {"dispatcher"},
    "sign_case": {"clerk", "handler", "other"}, "feed_back": {"clerk", "handler", "other"}, "send_to_check": {"leader"},
    "pass_check": {"collector"}, "rework_case": {"leader"}, "close_case": {"leader"},
}  # fmt: skip
"""Who has the permission at all; the clerk of the other unit has it for the own unit's cases."""


def test_the_table_is_that_of_the_domain() -> None:
    assert [
        (move.number, move.name, sorted(move.origins), move.target, list(move.stops), list(move.starts))
        for move in MOVES.values()
    ] == TABLE


def test_every_state_of_the_full_table_has_its_words_and_stage() -> None:
    assert set(STATE_TEXT) == set(STAGE_OF) == set(State)
    assert len(State) == 16
    assert all(text.zh == state.label and text.en for state, text in STATE_TEXT.items())
    assert all(1 <= stage <= len(STAGES) == 7 for stage in STAGE_OF.values())
    assert set(STEP_CLOCK) & OVER == set()
    assert set(HANDLING) & JUDGING == set()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", list(REACHED))
def test_every_move_by_every_role_in_every_state(cast: Cast, state: State, role: str) -> None:
    case = bring(cast, state)
    actor = cast.roles[role]
    for name, move in MOVES.items():
        if name == "report_case":
            continue
        version, audits = case.version, AuditEntry.objects.count()
        legal = state in move.origins and role in GRANTED[name] - {"other"}
        if legal:
            continue  # made below, once everything that is refused was tried
        with pytest.raises(Refusal) as error:
            attempt(actor, case.pk, name)
        case.refresh_from_db()
        assert (case.state, case.version) == (state, version), name
        assert CaseFlow.objects.filter(case=case).count() == version
        assert AuditEntry.objects.count() == audits + 1
        assert error.value.code == expected_refusal(role, name, state), name
    for name, move in MOVES.items():
        if state in move.origins and role in GRANTED.get(name, set()) - {"other"}:
            facts = FactRow.objects.filter(subject=case.subject).count()
            assert attempt(actor, case.pk, name).state == move.target
            assert FactRow.objects.filter(subject=case.subject, name__startswith="cases.").count() > 0
            assert FactRow.objects.filter(subject=case.subject).count() > facts
            break


def expected_refusal(role: str, name: str, state: State) -> str:
    """The code: without the permission at the door; then for what one may not know; then by state."""
    if role not in GRANTED[name]:
        return "no_permission"
    if role == "other" or (role in {"clerk", "handler"} and REACHED[state] < REACHED[State.DISPATCHED]):
        return "not_found"
    return "not_now"


def test_every_move_is_played_by_somebody_who_may(cast: Cast) -> None:
    assert set(PLAYED_BY) == set(GRANTED) == set(MOVES) - {"report_case"}
    assert all(PLAYED_BY[name] in GRANTED[name] for name in PLAYED_BY)


def test_those_who_only_read_make_no_move(cast: Cast) -> None:
    case = bring(cast, State.PENDING_CLOSE)
    for role in ("evaluator", "street", "mayor"):
        with pytest.raises(NotAllowed):
            attempt(cast.roles[role], case.pk, "close_case")
