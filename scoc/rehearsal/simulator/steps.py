"""The steps of a case as the staff takes them: who, after how long, at what hours, by which action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from scoc.command.cases import actions as cases
from scoc.command.cases.schemas import CaseAcceptIn, CaseDispatchIn, CaseMoved, EvidenceIn
from scoc.core.acting import Actor
from scoc.core.administration import hand_in_file
from scoc.core.refusals import Refusal
from scoc.kit.text import Text
from scoc.rehearsal.simulator.people import People
from scoc.rehearsal.simulator.photos import photo

REWORK_SHARE = 0.06
"""Of all first checks."""


@dataclass(slots=True)
class CaseKnown:
    """What the staff needs to know of a case to take its next step."""

    id: int
    version: int = 1
    case_no: str = ""
    category: str = ""
    condition: str = ""
    area_path: str = ""
    unit: int | None = None
    due_at: datetime | None = None
    reworked: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What a step may use: the people, the local time, chance, and the conditions of the case's class."""

    people: People
    at: datetime
    local: datetime
    dice: Random
    conditions: list[Any]

    def on_shift(self, role: str) -> Actor:
        """Who of the role works now. Raises Refusal where the city has nobody."""
        return self._somebody(self.people.on_shift(role, self.local), role)

    def in_unit(self, role: str, known: CaseKnown) -> Actor:
        """The role in the unit that has the case. Raises Refusal where it has nobody."""
        return self._somebody(self.people.in_unit(role, known.unit or 0), role)

    def in_area(self, role: str, known: CaseKnown) -> Actor:
        """One of the role whose area holds the case. Raises Refusal where there is none."""
        return self._somebody(self.people.in_area(role, known.area_path, self.dice.randrange(1000)), role)

    @staticmethod
    def _somebody(actor: Actor | None, role: str) -> Actor:
        if actor is None:
            raise Refusal("nobody_there", Text(f"没有人担任 {role}。", f"Nobody holds a post of {role} there."))
        return actor


@dataclass(frozen=True, slots=True)
class Step:
    """What follows a move: what is done, after how many minutes, and when: always, by day, in office hours, or
    spread over the time of disposal.
    """

    act: Callable[[Desk, CaseKnown], CaseMoved]
    minutes: tuple[float, float]
    when: str


def _accept(desk: Desk, known: CaseKnown) -> CaseMoved:
    if not desk.conditions:
        raise Refusal("no_condition", Text("该类没有立案条件。", "The class has no filing condition."))
    weights = [4 if n == 0 else 2 for n in range(len(desk.conditions))]
    chosen = desk.dice.choices(desk.conditions, weights)[0]
    return cases.accept_case(desk.on_shift("acceptor"), known.id, CaseAcceptIn(condition=chosen.code))


def _file(desk: Desk, known: CaseKnown) -> CaseMoved:
    return cases.file_case(desk.on_shift("shift_leader"), known.id, opinion="符合立案条件。")


def _dispatch(desk: Desk, known: CaseKnown) -> CaseMoved:
    return cases.dispatch_case(desk.on_shift("dispatcher"), known.id, CaseDispatchIn())


def _sign(desk: Desk, known: CaseKnown) -> CaseMoved:
    return cases.sign_case(desk.in_unit("unit_clerk", known), known.id, opinion="已签收。")


def _feed_back(desk: Desk, known: CaseKnown) -> CaseMoved:
    actor = desk.in_unit("unit_handler", known)
    return cases.feed_back(actor, known.id, "已到现场处置完毕。", [_evidence(desk, actor, known, "after")])


def _send_to_check(desk: Desk, known: CaseKnown) -> CaseMoved:
    return cases.send_to_check(desk.on_shift("shift_leader"), known.id)


def _check(desk: Desk, known: CaseKnown) -> CaseMoved:
    if known.reworked == 0 and desk.dice.random() < REWORK_SHARE:
        return cases.rework_case(desk.on_shift("shift_leader"), known.id, "现场核查未达到结案条件，请返工。")
    collector = desk.in_area("collector", known)
    evidence = _evidence(desk, collector, known, "check")
    return cases.pass_check(collector, known.id, [evidence], opinion="现场核查通过。")


def _close(desk: Desk, known: CaseKnown) -> CaseMoved:
    leader = desk.on_shift("shift_leader")
    return cases.close_case(leader, known.id, criterion_met=True, opinion="达到结案条件，同意结案。")


def _evidence(desk: Desk, actor: Actor, known: CaseKnown, kind: str) -> EvidenceIn:
    picture = photo(kind, known.case_no or known.id, known.version)
    row = hand_in_file(actor, picture, f"{kind}-{known.case_no}.png", taken_at=desk.at)
    return EvidenceIn.model_validate({"attachment_id": row.pk, "kind": kind})


NEXT: dict[str, Step] = {
    "reported": Step(_accept, (2, 18), "always"),
    "accepted": Step(_file, (2, 16), "always"),
    "filed": Step(_dispatch, (2, 14), "always"),
    "dispatched": Step(_sign, (4, 45), "office"),
    "reworked": Step(_sign, (4, 30), "office"),
    "signed": Step(_feed_back, (0, 0), "disposal"),
    "fed_back": Step(_send_to_check, (5, 40), "always"),
    "check_sent": Step(_check, (8, 28), "day"),
    "check_passed": Step(_close, (4, 22), "always"),
}
"""What follows a fact of cases, by the last part of its name."""
LAST_MOVE = {
    "reported": "reported", "accepted": "accepted", "filed": "filed", "dispatched": "dispatched", "handling": "signed",
    "handled": "fed_back", "checking": "check_sent", "pending_close": "check_passed",
}  # fmt: skip
"""By the state that a case is in: the fact that brought it there."""
