"""Filing conditions of a class, and which unit is responsible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from scoc.command.cases.models import Case, FilingCondition
from scoc.command.cases.models.definitions import UNIT_TEXT
from scoc.command.cases.moving import PATHS, READ
from scoc.command.cases.pack import CasesSettings
from scoc.command.cases.responsibility import Candidate, candidates, candidates_for
from scoc.command.cases.schemas import ConditionRow, SourceRow, UnitSuggestion
from scoc.command.cases.shapes import organisation_of
from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.city import city_settings
from scoc.core.models import Area
from scoc.core.now import city_now
from scoc.core.queries import organisation_row
from scoc.core.refusals import Refusal, invalid, no_such
from scoc.core.schemas import text_out
from scoc.kit.text import Text
from scoc.kit.worktime import Unit

SEE = "cases.read_conditions"


@query(SEE)
def conditions(viewer: Viewer, category: str | None = None, as_of: datetime | None = None) -> list[ConditionRow]:
    """The filing conditions that hold at a time (now by default), of one class if given, by code."""
    rows = FilingCondition.objects.at(as_of or city_now()).select_related("responsible", "supervising")
    if category:
        rows = rows.filter(category=category)
    return [
        ConditionRow(
            code=row.code, version=row.version, category=row.category, name=text_out(row.name), limit=row.limit,
            unit=row.unit, unit_name=text_out(UNIT_TEXT[Unit(row.unit)]), criterion=text_out(row.criterion),
            basis=text_out(row.basis), urgency=row.urgency, responsible=organisation_of(row.responsible),
            supervising=organisation_of(row.supervising),
        )
        for row in rows.order_by("code")[:2000]
    ]  # fmt: skip


@query("cases.report_case")
def sources(viewer: Viewer) -> list[SourceRow]:
    """The sources that the viewer's role may report under, its usual one first."""
    settings = city_settings(CasesSettings)
    codes = settings.role_sources.get(viewer.role, list(settings.sources))
    known = [(code, settings.sources[code]) for code in codes if code in settings.sources]
    return [
        SourceRow(code=code, name=text_out(Text(row.name_zh, row.name_en)), photos=row.photos) for code, row in known
    ]


def _shown(found: list[Candidate]) -> list[UnitSuggestion]:
    return [
        UnitSuggestion(
            rank=rank, unit=organisation_row(row.organisation), basis=row.basis, priority=row.priority,
            legal_basis=text_out(row.legal_basis), reasons=[text_out(reason) for reason in row.reasons],
        )
        for rank, row in enumerate(found, 1)
    ]  # fmt: skip


@query(SEE)
def suggest_unit(
    viewer: Viewer, condition: str, area: str | None = None, attributes: Mapping[str, str] | None = None
) -> list[UnitSuggestion]:
    """The units that the matrix names for a condition in an area, best first, with the reasons."""
    moment = city_now()
    row = FilingCondition.objects.at(moment).select_related("responsible").filter(code=condition).first()
    if row is None:
        raise no_such("立案条件", "filing condition", f"cases:condition-{condition}")
    path = ""
    if area is not None:
        found = Area.objects.filter(code=area, valid_to=None).first()
        if found is None:
            raise invalid("area", f"There is no area {area}.", "Use a code of the directory.", zh=f"没有区域 {area}。")
        path = found.path
    return _shown(candidates(row, path, attributes or {}, moment))


@query(SEE)
def units_for_case(viewer: Viewer, case_id: int) -> list[UnitSuggestion]:
    """The units that the matrix names for a case, best first. Raises Refusal before its condition was chosen."""
    rows = visible(viewer, Case.objects.select_related("condition__responsible", "asset__owner"), READ, PATHS)
    case = rows.filter(pk=case_id).first()
    if case is None:
        raise no_such("案卷", "case", f"cases:{case_id}")
    if case.condition is None:
        raise Refusal(
            "no_condition_yet",
            Text("受理时选定立案条件后才能匹配承办单位。", "Units are matched once a filing condition was chosen."),
            subject=case.subject,
        )
    return _shown(candidates_for(case, city_now()))
