"""The side that supervises (监督): accept, file, send to check, pass, send back, close."""

from __future__ import annotations

from datetime import datetime

from scoc.command.cases import facts
from scoc.command.cases.models import (
    Case,
    Evidence,
    FilingCondition,
    FilingSnapshot,
    State,
)
from scoc.command.cases.moving import (
    Step,
    disposal_due,
    make,
    must_say,
    nothing,
    subject_of,
    unit_of,
)
from scoc.command.cases.places import category_at, cell_of, located, priority_accepted
from scoc.command.cases.responsibility import candidates_for
from scoc.command.cases.schemas import (
    CaseAcceptIn,
    CaseMoved,
    EvidenceIn,
)
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code
from scoc.core.models import Area
from scoc.core.now import wall_now
from scoc.core.refusals import invalid


@action("cases.accept_case", by_state=State)
def accept_case(actor: Actor, case_id: int, wanted: CaseAcceptIn, *, version: int | None = None) -> CaseMoved:
    """Accept a report (4 受理): class and filing condition are chosen, the place is in a district or finer."""

    def prepare(case: Case, moment: datetime) -> None:
        condition = FilingCondition.objects.at(moment).filter(code=wanted.condition).first()
        if condition is None:
            raise invalid("condition", f"There is no filing condition {wanted.condition}.", "Choose one of its class.",
                          zh=f"没有立案条件 {wanted.condition}。")  # fmt: skip
        category = category_at(condition.category, moment)
        assert category is not None
        if wanted.lon is not None and wanted.lat is not None:
            lon, lat, case.area = located(wanted.lon, wanted.lat, wanted.datum, case.happened_at)
            case.lon, case.lat, case.h3, case.area_path = lon, lat, cell_of(lon, lat), case.area.path
        if wanted.address is not None:
            case.address = wanted.address.strip()
        if case.lon is None or case.area is None or case.area.level == Area.Level.CITY:
            raise invalid("lon", "The case needs a position in a district or finer area.", "Put it on the map.",
                          code="not_in_an_area", zh="受理前须定位到区或更细的网格。")  # fmt: skip
        if not case.address:
            raise invalid("address", "The case needs an address.", "Write where it is.", code="address_missing",
                          zh="受理前须填写地址。")  # fmt: skip
        case.condition, case.category, case.kind = condition, category, category.kind
        case.priority = priority_accepted(case, condition.urgency, wanted.priority, wanted.opinion)

    def told(case: Case) -> facts.CaseAccepted:
        assert case.condition is not None
        return facts.CaseAccepted(
            subject=subject_of(case), category=Code(case.condition.category), condition=Code(case.condition.code),
            priority=case.priority,
        )  # fmt: skip

    return make(actor, "accept_case", case_id, Step(prepare, told, wanted.opinion), version)


@action("cases.file_case", by_state=State)
def file_case(actor: Actor, case_id: int, *, opinion: str = "", version: int | None = None) -> CaseMoved:
    """File a case (7 立案): limit and closing criterion of the condition, as they hold now, are frozen.

    One that was withdrawn since acceptance holds as it was accepted: there is no way back to choose another.
    """

    def prepare(case: Case, moment: datetime) -> None:
        assert case.condition is not None
        condition = FilingCondition.objects.at(moment).filter(code=case.condition.code).first() or case.condition
        case.condition = condition
        likely = next(iter(candidates_for(case, moment)), None)
        FilingSnapshot.objects.create(
            case=case, flow_version=case.version + 1, condition=condition, name=condition.name, limit=condition.limit,
            unit=condition.unit, criterion=condition.criterion, basis=condition.basis,
            responsible=likely.organisation if likely else None, taken_at=moment, recorded_at=wall_now(),
        )  # fmt: skip

    def told(case: Case) -> facts.CaseFiled:
        assert case.condition is not None
        return facts.CaseFiled(
            subject=subject_of(case), condition=Code(case.condition.code), condition_version=case.condition.version
        )

    return make(actor, "file_case", case_id, Step(prepare, told, opinion), version)


@action("cases.send_to_check", by_state=State)
def send_to_check(actor: Actor, case_id: int, *, opinion: str = "", version: int | None = None) -> CaseMoved:
    """Have the result checked on the spot (20 发核查)."""

    def told(case: Case) -> facts.CaseCheckSent:
        return facts.CaseCheckSent(subject=subject_of(case))

    return make(actor, "send_to_check", case_id, Step(nothing, told, opinion), version)


@action("cases.pass_check", by_state=State)
def pass_check(
    actor: Actor, case_id: int, evidence: list[EvidenceIn], *, opinion: str = "", version: int | None = None
) -> CaseMoved:
    """Pass the check (21 核查通过), shown by a photo; who handled the case can never do it."""

    def told(case: Case) -> facts.CaseCheckPassed:
        return facts.CaseCheckPassed(subject=subject_of(case))

    step = Step(nothing, told, opinion, evidence, photos=Evidence.CHECK)
    return make(actor, "pass_check", case_id, step, version)


@action("cases.rework_case", by_state=State)
def rework_case(
    actor: Actor, case_id: int, opinion: str, *, evidence: list[EvidenceIn] | None = None, version: int | None = None
) -> CaseMoved:
    """Send back for rework (22 返工): the same unit again, and its disposal time goes on in the same budget."""

    def prepare(case: Case, moment: datetime) -> None:
        must_say(opinion)
        case.rework_count += 1
        case.current_user, case.handled_in_time = None, None

    def told(case: Case) -> facts.CaseReworked:
        return facts.CaseReworked(
            subject=subject_of(case), unit=unit_of(case), rework_count=case.rework_count, due_at=disposal_due(case)
        )

    return make(actor, "rework_case", case_id, Step(prepare, told, opinion, evidence or ()), version)


@action("cases.close_case", by_state=State)
def close_case(
    actor: Actor, case_id: int, *, criterion_met: bool, opinion: str = "", version: int | None = None
) -> CaseMoved:
    """Close a case (23 结案): the closing criterion of its snapshot is ticked; the unit that handled it never can."""

    def prepare(case: Case, moment: datetime) -> None:
        if not criterion_met:
            snapshot = FilingSnapshot.objects.filter(case=case).latest("flow_version")
            raise invalid(
                "criterion_met", f"The closing criterion is not ticked: {snapshot.criterion.en}",
                "Tick it if it is met, or send the case back for rework.", code="criterion_not_met",
                zh=f"未确认结案条件：{snapshot.criterion.zh}",
            )  # fmt: skip
        case.closed_at = moment

    def told(case: Case) -> facts.CaseClosed:
        return facts.CaseClosed(
            subject=subject_of(case), unit=unit_of(case), in_time=bool(case.handled_in_time),
            rework_count=case.rework_count, situation=case.situation_id,
        )  # fmt: skip

    return make(actor, "close_case", case_id, Step(prepare, told, opinion), version)
