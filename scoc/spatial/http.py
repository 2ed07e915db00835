"""Routes of space."""

from __future__ import annotations

from django.http import HttpResponse
from ninja.params.functions import Query

from scoc.core.http import Request, Routes
from scoc.spatial import queries
from scoc.spatial.schemas import FeatureCollection

routes = Routes()


@routes.get("/areas", permission="spatial.read_map", response=FeatureCollection)
def area_shapes(
    request: Request,
    response: HttpResponse,
    level: str = Query(..., max_length=12),
    parent: str | None = Query(None, max_length=20),
) -> FeatureCollection:
    """The outlines of the areas of a level."""
    response["Cache-Control"] = "private, max-age=300"
    return queries.area_shapes(request.viewer, level, parent)


@routes.get("/map", permission="spatial.read_map", response=FeatureCollection)
def map_features(request: Request, response: HttpResponse) -> FeatureCollection:
    """What the base map draws."""
    response["Cache-Control"] = "private, max-age=300"
    return queries.map_features(request.viewer)
