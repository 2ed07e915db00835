"""The route of the cockpit."""

from __future__ import annotations

from scoc.command.cockpit import queries
from scoc.command.cockpit.schemas import Overview
from scoc.core.http import Request, Routes

routes = Routes()


@routes.get("/overview", permission="cockpit.read_overview", response=Overview)
def overview(request: Request) -> Overview:
    """The city at one look."""
    return queries.overview(request.viewer)
