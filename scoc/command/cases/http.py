"""Routes of cases: lists, one case, one route for each move."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Schema
from ninja.params.functions import Path, Query

from scoc.command.cases import actions, queries
from scoc.command.cases.queries.evaluation import Level
from scoc.command.cases.schemas import (
    CaseAcceptIn,
    CaseCloseIn,
    CaseCommented,
    CaseCommentIn,
    CaseCounts,
    CaseDispatchIn,
    CaseFeedBackIn,
    CaseIn,
    CaseMoved,
    CaseOut,
    CasePassIn,
    CasePoint,
    CaseReworkIn,
    CaseRow,
    CaseStepIn,
    CategoryCode,
    ConditionRow,
    DefinitionCode,
    DueCase,
    Evaluation,
    KindName,
    RowId,
    SearchText,
    SourceRow,
    StateName,
    Tab,
    UnitSuggestion,
)
from scoc.command.cases.sheets import CASES
from scoc.command.cases.sums import By
from scoc.core.files import content_of
from scoc.core.http import Request, Routes
from scoc.core.http.exports import ExportQuery, exported
from scoc.core.http.paging import Page, PageQuery
from scoc.core.http.request import expected_version, with_version
from scoc.core.schemas import Moment

routes = Routes()
ID = Path(..., ge=1, le=2**53)


class FilterQuery(Schema):
    """What a list is narrowed to."""

    area: DefinitionCode | None = None
    category: CategoryCode | None = None
    kind: KindName | None = None
    unit_id: RowId | None = None
    state: StateName | None = None
    text: SearchText | None = None

    def filters(self) -> queries.Filters:
        """The same for a query."""
        return queries.Filters(**self.model_dump())


def _moved(response: HttpResponse, moved: CaseMoved) -> CaseMoved:
    with_version(response, moved.version)
    return moved


@routes.get("/worklist", permission="cases.read_cases", response=Page[CaseRow])
def worklist(
    request: Request, page: PageQuery = Query(...), filters: FilterQuery = Query(...), tab: Tab = "open"
) -> Page[CaseRow]:
    """The cases of a tab, least time left first."""
    return queries.worklist(request.viewer, page, tab, filters.filters())


@routes.get("/worklist/export", permission="cases.read_cases")
def worklist_export(
    request: Request, wanted: ExportQuery = Query(...), filters: FilterQuery = Query(...), tab: Tab = "open"
) -> HttpResponse:
    """The same list as a file."""

    def read(page: PageQuery) -> Page[CaseRow]:
        return queries.worklist(request.viewer, page, tab, filters.filters())

    return exported(request, CASES, wanted, read)


@routes.get("/counts", permission="cases.read_cases", response=CaseCounts)
def counts(request: Request, filters: FilterQuery = Query(...), as_of: Moment | None = Query(None)) -> CaseCounts:
    """How many cases each tab holds under the same filters."""
    return queries.worklist_counts(request.viewer, filters.filters(), as_of)


@routes.get("/points", permission="cases.read_cases", response=list[CasePoint])
def points(request: Request, filters: FilterQuery = Query(...), as_of: Moment | None = Query(None)) -> list[CasePoint]:
    """Open cases for the map."""
    return queries.case_points(request.viewer, filters.filters(), as_of)


@routes.get("/conditions", permission="cases.read_conditions", response=list[ConditionRow])
def conditions(
    request: Request, category: CategoryCode | None = Query(None), as_of: Moment | None = Query(None)
) -> list[ConditionRow]:
    """The filing conditions of a class."""
    return queries.conditions(request.viewer, category, as_of)


@routes.get("/sources", permission="cases.report_case", response=list[SourceRow])
def sources(request: Request) -> list[SourceRow]:
    """The sources that one's role may report under, its usual one first."""
    return queries.sources(request.viewer)


@routes.get("/units", permission="cases.read_conditions", response=list[UnitSuggestion])
def units(
    request: Request, condition: DefinitionCode = Query(...), area: DefinitionCode | None = Query(None)
) -> list[UnitSuggestion]:
    """The units that the matrix names for a condition in an area, best first."""
    return queries.suggest_unit(request.viewer, condition, area)


@routes.get("/evaluation", permission="cases.read_evaluation", response=Evaluation)
def evaluation(
    request: Request,
    start: Moment = Query(...),
    end: Moment = Query(...),
    as_of: Moment | None = Query(None),
    by: By = "unit",
    area: DefinitionCode | None = Query(None),
    level: Level = "district",
) -> Evaluation:
    """Counts and rates of a period, as known at a time."""
    return queries.evaluation_counts(request.viewer, start, end, as_of, by, area=area, level=level)


@routes.get("/evaluation/due", permission="cases.read_evaluation", response=Page[DueCase])
def due_cases(
    request: Request,
    page: PageQuery = Query(...),
    start: Moment = Query(...),
    end: Moment = Query(...),
    unit: DefinitionCode = Query(...),
) -> Page[DueCase]:
    """The cases that a unit's rates of a period are counted from."""
    return queries.due_cases(request.viewer, page, start, end, unit)


@routes.get("/{case_id}", permission="cases.read_cases", response=CaseOut)
def case(request: Request, response: HttpResponse, case_id: int = ID, as_of: Moment | None = Query(None)) -> CaseOut:
    """A case with everything that explains it, and the moves that this viewer may make."""
    found = queries.case(request.viewer, case_id, as_of)
    with_version(response, found.version)
    return found


@routes.get("/{case_id}/around", permission="cases.read_cases", response=list[CasePoint])
def around(request: Request, case_id: int = ID, metres: int = Query(500, ge=1, le=1000)) -> list[CasePoint]:
    """Other open cases near a case, nearest first."""
    return queries.cases_around(request.viewer, case_id, metres)


@routes.get("/{case_id}/units", permission="cases.read_conditions", response=list[UnitSuggestion])
def units_for_case(request: Request, case_id: int = ID) -> list[UnitSuggestion]:
    """The units that the matrix names for a case, best first."""
    return queries.units_for_case(request.viewer, case_id)


@routes.get("/{case_id}/evidence/{evidence_id}", permission="cases.read_cases")
def evidence(request: Request, case_id: int = ID, evidence_id: int = ID) -> HttpResponse:
    """A photo of a case, never run by a browser."""
    row = queries.evidence_file(request.viewer, case_id, evidence_id)
    response = HttpResponse(content_of(row), content_type=row.media_type)
    response["Content-Disposition"] = f'inline; filename="{row.digest[:12]}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400"
    return response


@routes.post("", permission="cases.report_case", response=CaseMoved)
def report(request: Request, response: HttpResponse, payload: CaseIn) -> CaseMoved:
    """1 上报: report something."""
    return _moved(response, actions.report_case(request.viewer, payload))


@routes.post("/{case_id}/accept", permission="cases.accept_case", response=CaseMoved)
def accept(request: Request, response: HttpResponse, payload: CaseAcceptIn, case_id: int = ID) -> CaseMoved:
    """4 受理: choose class and filing condition."""
    return _moved(response, actions.accept_case(request.viewer, case_id, payload, version=expected_version(request)))


@routes.post("/{case_id}/file", permission="cases.file_case", response=CaseMoved)
def file(request: Request, response: HttpResponse, payload: CaseStepIn, case_id: int = ID) -> CaseMoved:
    """7 立案: freeze limit and closing criterion."""
    moved = actions.file_case(request.viewer, case_id, opinion=payload.opinion, version=expected_version(request))
    return _moved(response, moved)


@routes.post("/{case_id}/dispatch", permission="cases.dispatch_case", response=CaseMoved)
def dispatch(request: Request, response: HttpResponse, payload: CaseDispatchIn, case_id: int = ID) -> CaseMoved:
    """9 派遣: to the first unit of the matrix, or to another with a reason."""
    return _moved(response, actions.dispatch_case(request.viewer, case_id, payload, version=expected_version(request)))


@routes.post("/{case_id}/sign", permission="cases.sign_case", response=CaseMoved)
def sign(request: Request, response: HttpResponse, payload: CaseStepIn, case_id: int = ID) -> CaseMoved:
    """13 签收: the unit takes it."""
    moved = actions.sign_case(request.viewer, case_id, opinion=payload.opinion, version=expected_version(request))
    return _moved(response, moved)


@routes.post("/{case_id}/feed-back", permission="cases.feed_back", response=CaseMoved)
def feed_back(request: Request, response: HttpResponse, payload: CaseFeedBackIn, case_id: int = ID) -> CaseMoved:
    """18 反馈: done, with a photo of after."""
    moved = actions.feed_back(
        request.viewer, case_id, payload.opinion, payload.evidence, version=expected_version(request)
    )
    return _moved(response, moved)


@routes.post("/{case_id}/send-to-check", permission="cases.send_to_check", response=CaseMoved)
def send_to_check(request: Request, response: HttpResponse, payload: CaseStepIn, case_id: int = ID) -> CaseMoved:
    """20 发核查."""
    moved = actions.send_to_check(request.viewer, case_id, opinion=payload.opinion, version=expected_version(request))
    return _moved(response, moved)


@routes.post("/{case_id}/pass-check", permission="cases.pass_check", response=CaseMoved)
def pass_check(request: Request, response: HttpResponse, payload: CasePassIn, case_id: int = ID) -> CaseMoved:
    """21 核查通过, with a photo."""
    moved = actions.pass_check(
        request.viewer, case_id, payload.evidence, opinion=payload.opinion, version=expected_version(request)
    )
    return _moved(response, moved)


@routes.post("/{case_id}/rework", permission="cases.rework_case", response=CaseMoved)
def rework(request: Request, response: HttpResponse, payload: CaseReworkIn, case_id: int = ID) -> CaseMoved:
    """22 返工: back to the same unit, with the reason."""
    moved = actions.rework_case(
        request.viewer, case_id, payload.opinion, evidence=payload.evidence, version=expected_version(request)
    )
    return _moved(response, moved)


@routes.post("/{case_id}/close", permission="cases.close_case", response=CaseMoved)
def close(request: Request, response: HttpResponse, payload: CaseCloseIn, case_id: int = ID) -> CaseMoved:
    """23 结案: the closing criterion is met."""
    moved = actions.close_case(
        request.viewer, case_id, criterion_met=payload.criterion_met, opinion=payload.opinion,
        version=expected_version(request),
    )  # fmt: skip
    return _moved(response, moved)


@routes.post("/{case_id}/comment", permission="cases.comment_case", response=CaseCommented)
def comment(request: Request, payload: CaseCommentIn, case_id: int = ID) -> CaseCommented:
    """评论: write a comment."""
    return actions.comment_case(request.viewer, case_id, payload.text)
