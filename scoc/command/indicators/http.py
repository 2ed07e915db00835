"""Routes of indicators."""

from __future__ import annotations

from django.http import HttpResponse
from ninja.params.functions import Path, Query

from scoc.command.indicators import actions, queries
from scoc.command.indicators.schemas import (
    Computed,
    ComputeIn,
    DistrictIndex,
    HealthIndex,
    IndicatorOut,
    IndicatorRow,
    RecomputeIn,
    ValueOut,
    VitalSign,
)
from scoc.command.indicators.sheets import VALUES
from scoc.core.http import Page, PageQuery, Request, Routes
from scoc.core.http.exports import ExportQuery, exported
from scoc.core.schemas import Moment

routes = Routes()
SEE = "indicators.read_values"
AREA = Query(None, max_length=20)
CODE = Path(..., min_length=1, max_length=60)


@routes.get("", permission=SEE, response=Page[IndicatorRow])
def indicators(request: Request, page: PageQuery = Query(...)) -> Page[IndicatorRow]:
    """The definitions that hold."""
    return queries.indicators(request.viewer, page)


@routes.get("/signs", permission=SEE, response=list[VitalSign])
def signs(request: Request, area: str | None = AREA, as_of: Moment | None = None) -> list[VitalSign]:
    """Vital signs of an area."""
    return queries.vital_signs(request.viewer, area, as_of)


@routes.get("/health", permission=SEE, response=HealthIndex)
def health(request: Request, area: str | None = AREA, as_of: Moment | None = None) -> HealthIndex:
    """The health index of an area, and why it is what it is."""
    return queries.health_index(request.viewer, area, as_of)


@routes.get("/districts", permission=SEE, response=list[DistrictIndex])
def districts(request: Request, as_of: Moment | None = None) -> list[DistrictIndex]:
    """The districts with their health index."""
    return queries.district_indices(request.viewer, as_of)


@routes.post("/compute", permission="indicators.compute", response=Computed)
def compute(request: Request, payload: ComputeIn) -> Computed:
    """Measure indicators now."""
    return actions.compute(request.viewer, payload.codes)


@routes.post("/recompute", permission="indicators.recompute", response=Computed)
def recompute(request: Request, payload: RecomputeIn) -> Computed:
    """Measure past windows anew."""
    return actions.recompute(request.viewer, payload.codes, payload.start, payload.end)


@routes.get("/{code}", permission=SEE, response=IndicatorOut)
def indicator(
    request: Request,
    code: str = CODE,
    area: str | None = AREA,
    start: Moment | None = None,
    end: Moment | None = None,
    as_of: Moment | None = None,
) -> IndicatorOut:
    """One indicator whole."""
    return queries.indicator(request.viewer, code, area, start=start, end=end, as_of=as_of)


@routes.get("/{code}/values/export", permission=SEE)
def values_export(
    request: Request, code: str = CODE, wanted: ExportQuery = Query(...), area: str | None = AREA
) -> HttpResponse:
    """Every stored value of an indicator as a file."""
    return exported(request, VALUES, wanted, lambda page: queries.values(request.viewer, code, page, area))


@routes.get("/{code}/values", permission=SEE, response=Page[ValueOut])
def values(request: Request, code: str = CODE, page: PageQuery = Query(...), area: str | None = AREA) -> Page[ValueOut]:
    """Every stored value of an indicator."""
    return queries.values(request.viewer, code, page, area)
