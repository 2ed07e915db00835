"""The side that commands and the units it directs (指挥): dispatch, sign, feed back."""

from __future__ import annotations

from datetime import datetime

from scoc.command.cases import facts
from scoc.command.cases.models import (
    Case,
    Evidence,
    State,
)
from scoc.command.cases.moving import (
    Step,
    disposal_due,
    inside,
    make,
    must_say,
    subject_of,
    unit_of,
)
from scoc.command.cases.responsibility import Candidate, candidates_for
from scoc.command.cases.schemas import (
    CaseDispatchIn,
    CaseMoved,
    EvidenceIn,
)
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.models import Organisation
from scoc.core.refusals import invalid


def _unit_by_hand(unit_id: int) -> Organisation:
    unit = Organisation.objects.filter(pk=unit_id).first()
    if unit is None:
        raise invalid("unit_id", "There is no such organisation.", "Choose one from the list.", zh="没有这个单位。")
    if unit.valid_to is not None:
        raise invalid("unit_id", f"{unit.name.en} was dissolved.", "Choose the unit that took over its duty.",
                      code="unit_dissolved", zh=f"{unit.name.zh}已撤销，请选择承接其职责的单位。")  # fmt: skip
    return unit


def _choice(actor: Actor, case: Case, wanted: CaseDispatchIn, moment: datetime) -> tuple[Organisation, str]:
    """The unit and what the choice rests on: the first of the matrix, or one by hand with a reason."""
    ranked: list[Candidate] = candidates_for(case, moment)
    if wanted.unit_id is None:
        if not ranked:
            raise invalid("unit_id", "The matrix names no unit for this case.", "Choose one and say why.",
                          code="no_unit", zh="权责清单没有对应单位，请手工选择并说明理由。")  # fmt: skip
        chosen, basis = ranked[0].organisation, ranked[0].basis
    elif ranked and wanted.unit_id == ranked[0].organisation.pk:
        chosen, basis = ranked[0].organisation, ranked[0].basis
    else:
        if len(wanted.opinion) < 2:
            raise invalid("opinion", "Not the first of the matrix: this needs a reason.", "Say why it is this unit.",
                          code="reason_missing", zh="未按权责清单首选派遣，须填写理由。")  # fmt: skip
        chosen, basis = _unit_by_hand(wanted.unit_id), "manual"
    if inside(actor, chosen.path):
        raise invalid(
            "unit_id", "Your own organisation is in this unit: nobody could check.", "Choose who does the work.",
            code="unit_holds_the_centre", zh="该单位包含本中心，派遣后将无人可核查，请选择实际处置单位。",
        )  # fmt: skip
    return chosen, basis


@action("cases.dispatch_case", by_state=State)
def dispatch_case(actor: Actor, case_id: int, wanted: CaseDispatchIn, *, version: int | None = None) -> CaseMoved:
    """Dispatch a case (9 派遣): to the first unit of the matrix, or to another with a reason; disposal time starts."""
    rests_on = ""

    def prepare(case: Case, moment: datetime) -> None:
        nonlocal rests_on
        case.current_unit, rests_on = _choice(actor, case, wanted, moment)
        case.first_unit = case.first_unit or case.current_unit
        case.current_user, case.handled_in_time = None, None

    def told(case: Case) -> facts.CaseDispatched:
        return facts.CaseDispatched(
            subject=subject_of(case), unit=unit_of(case), by_matrix=rests_on != "manual", due_at=disposal_due(case)
        )

    step = Step(prepare, told, wanted.opinion, basis=lambda case: rests_on)
    return make(actor, "dispatch_case", case_id, step, version)


@action("cases.sign_case", by_state=State)
def sign_case(actor: Actor, case_id: int, *, opinion: str = "", version: int | None = None) -> CaseMoved:
    """Sign for a case (13 签收): only the unit it was dispatched to; disposal time runs on."""

    def prepare(case: Case, moment: datetime) -> None:
        case.current_user_id = actor.user_id

    def told(case: Case) -> facts.CaseSigned:
        return facts.CaseSigned(subject=subject_of(case), unit=unit_of(case))

    return make(actor, "sign_case", case_id, Step(prepare, told, opinion), version)


@action("cases.feed_back", by_state=State)
def feed_back(
    actor: Actor, case_id: int, opinion: str, evidence: list[EvidenceIn], *, version: int | None = None
) -> CaseMoved:
    """Feed back (18 反馈): words and a photo of after; the disposal clock stops here, not at closing."""

    def prepare(case: Case, moment: datetime) -> None:
        must_say(opinion)
        case.final_unit = case.current_unit

    def told(case: Case) -> facts.CaseFedBack:
        return facts.CaseFedBack(subject=subject_of(case), unit=unit_of(case), in_time=bool(case.handled_in_time))

    step = Step(prepare, told, opinion, evidence, photos=Evidence.AFTER)
    return make(actor, "feed_back", case_id, step, version)
