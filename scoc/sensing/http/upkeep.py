"""Routes of the upkeep of devices."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Schema
from ninja.params.functions import Query

from scoc.core.http import Page, PageQuery, Request
from scoc.core.schemas import Done, Made
from scoc.sensing import actions, queries
from scoc.sensing.http.routing import ID, routes
from scoc.sensing.schemas.upkeep import CancelIn, FinishIn, MaintenanceIn, MaintenanceRow


class MaintenanceQuery(Schema):
    """What the list of maintenance is narrowed to."""

    device_id: int | None = Field(None, ge=1, le=2**53)
    state: Literal["planned", "done", "cancelled"] | None = None


@routes.get("/maintenance", permission="sensing.read_devices", response=Page[MaintenanceRow])
def maintenance(
    request: Request, page: PageQuery = Query(...), filters: MaintenanceQuery = Query(...)
) -> Page[MaintenanceRow]:
    """Maintenance of devices, the latest window first."""
    return queries.maintenance(request.viewer, page, **filters.dict())


@routes.post("/devices/{device_id}/maintenance", permission="sensing.plan_maintenance", response=Made)
def plan_maintenance(request: Request, payload: MaintenanceIn, device_id: int = ID) -> Made:
    """Plan maintenance of the device."""
    return Made(id=actions.plan_maintenance(request.viewer, device_id, payload))


@routes.post("/maintenance/{maintenance_id}/finish", permission="sensing.finish_maintenance", response=Done)
def finish_maintenance(request: Request, payload: FinishIn, maintenance_id: int = ID) -> Done:
    """Say what was done."""
    actions.finish_maintenance(request.viewer, maintenance_id, payload.result, payload.calibrated_until)
    return Done()


@routes.post("/maintenance/{maintenance_id}/cancel", permission="sensing.cancel_maintenance", response=Done)
def cancel_maintenance(request: Request, payload: CancelIn, maintenance_id: int = ID) -> Done:
    """Call planned maintenance off."""
    actions.cancel_maintenance(request.viewer, maintenance_id, payload.reason)
    return Done()
