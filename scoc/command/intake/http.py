"""Routes of intake."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpResponse
from ninja import Field, Schema
from ninja.params.functions import Path, Query

from scoc.command.intake import actions, queries
from scoc.command.intake.schemas import (
    AcceptIn,
    Category,
    CountsOut,
    DismissIn,
    LastHourOut,
    Moved,
    PointOut,
    SignalIn,
    SignalReceipt,
    SituationOut,
    SituationRow,
    SituationVersion,
    TargetIn,
)
from scoc.command.intake.sheets import SITUATIONS
from scoc.core.http import Page, PageQuery, Request, Routes, expected_version, with_version
from scoc.core.http.exports import ExportQuery, exported

routes = Routes(own="situation")
ID = Path(..., ge=1, le=2**53)
SEE = "intake.read_situations"
State = Literal["open", "accepted", "handed_over", "dismissed", "settled", "merged"]


class PlaceQuery(Schema):
    """Where, and how urgent, a list's situations are."""

    area: Annotated[str, Field(pattern=r"^[0-9]{6,20}$")] | None = None
    level: Annotated[int, Field(ge=1, le=4)] | None = None


class SituationQuery(PlaceQuery):
    """What a list is narrowed to."""

    category: Category | None = None
    text: Annotated[str, Field(max_length=60)] | None = None


@routes.get("/situations", permission=SEE, response=Page[SituationRow])
def situations(
    request: Request,
    page: PageQuery = Query(...),
    state: State | None = None,
    narrowed: SituationQuery = Query(...),
) -> Page[SituationRow]:
    """Situations by state, category, area, level and text."""
    return queries.situations(request.viewer, page, state=state, **narrowed.model_dump())


@routes.get("/situations/counts", permission=SEE, response=CountsOut)
def situation_counts(
    request: Request,
    narrowed: SituationQuery = Query(...),
) -> CountsOut:
    """How many situations each tab holds under the same filters."""
    return queries.situation_counts(request.viewer, **narrowed.model_dump())


@routes.get("/situations/export", permission=SEE)
def situations_export(
    request: Request,
    wanted: ExportQuery = Query(...),
    state: State | None = None,
    narrowed: SituationQuery = Query(...),
) -> HttpResponse:
    """The same list as a file."""

    def read(page: PageQuery) -> Page[SituationRow]:
        return queries.situations(request.viewer, page, state=state, **narrowed.model_dump())

    return exported(request, SITUATIONS, wanted, read)


@routes.get("/situations/points", permission=SEE, response=list[PointOut])
def situation_points(
    request: Request,
    narrowed: PlaceQuery = Query(...),
) -> list[PointOut]:
    """Live situations for the map."""
    return queries.situation_points(request.viewer, **narrowed.model_dump())


@routes.get("/last-hour", permission=SEE, response=LastHourOut)
def last_hour(request: Request) -> LastHourOut:
    """Signals of the last hour, and what they came to."""
    return queries.last_hour(request.viewer)


@routes.get("/situations/{situation_id}", permission=SEE, response=SituationOut)
def situation(request: Request, response: HttpResponse, situation_id: int = ID) -> SituationOut:
    """A situation with everything that explains it; its ETag is the version that acts ask for."""
    found = queries.situation(request.viewer, situation_id)
    with_version(response, found.version)
    return found


@routes.post("/signals", permission="intake.receive_signal", response=SignalReceipt)
def receive_signal(request: Request, payload: SignalIn) -> SignalReceipt:
    """Report something to the city."""
    return actions.receive_signal(request.viewer, payload)


@routes.post("/situations/{situation_id}/accept", permission="intake.accept", response=SituationVersion)
def accept(request: Request, response: HttpResponse, payload: AcceptIn, situation_id: int = ID) -> SituationVersion:
    """Accept a situation as a matter for the city."""
    done = actions.accept(
        request.viewer, situation_id, category=payload.category, opinion=payload.opinion,
        version=expected_version(request),
    )  # fmt: skip
    with_version(response, done.version)
    return done


@routes.post("/situations/{situation_id}/dismiss", permission="intake.dismiss", response=SituationVersion)
def dismiss(request: Request, response: HttpResponse, payload: DismissIn, situation_id: int = ID) -> SituationVersion:
    """Dismiss a situation for a reason."""
    done = actions.dismiss(request.viewer, situation_id, payload.reason, payload.opinion, expected_version(request))
    with_version(response, done.version)
    return done


@routes.post("/situations/{situation_id}/merge", permission="intake.merge", response=Moved)
def merge(request: Request, payload: TargetIn, situation_id: int = ID) -> Moved:
    """Merge a situation into another one."""
    return actions.merge(request.viewer, situation_id, payload.situation_id, version=expected_version(request))


@routes.post("/signals/{signal_id}/join", permission="intake.join", response=Moved)
def join(request: Request, payload: TargetIn, signal_id: int = ID) -> Moved:
    """Join a signal to a situation by hand; `If-Match` is that situation's version."""
    return actions.join(request.viewer, signal_id, payload.situation_id, version=expected_version(request))


@routes.post("/signals/{signal_id}/separate", permission="intake.separate", response=Moved)
def separate(request: Request, signal_id: int = ID) -> Moved:
    """Take a signal out of its situation; `If-Match` is that situation's version."""
    return actions.separate(request.viewer, signal_id, version=expected_version(request))


@routes.post("/joins/{join_id}/undo", permission="intake.undo", response=Moved)
def undo(request: Request, join_id: int = ID) -> Moved:
    """Undo a join; `If-Match` is the version of the situation that the signal leaves."""
    return actions.undo(request.viewer, join_id, version=expected_version(request))


@routes.post("/proposals/{proposal_id}/confirm", permission="intake.confirm", response=Moved)
def confirm(request: Request, proposal_id: int = ID) -> Moved:
    """Confirm a proposed join; `If-Match` is the version of the situation it was proposed for."""
    return actions.confirm(request.viewer, proposal_id, version=expected_version(request))


@routes.post("/proposals/{proposal_id}/reject", permission="intake.reject", response=Moved)
def reject(request: Request, proposal_id: int = ID) -> Moved:
    """Reject a proposed join."""
    return actions.reject(request.viewer, proposal_id, version=expected_version(request))
