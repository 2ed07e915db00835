"""Maintenance of devices."""

from __future__ import annotations

from datetime import datetime

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import city_now
from scoc.core.schemas import text_out
from scoc.sensing.finding import OF_DEVICE
from scoc.sensing.models import Maintenance
from scoc.sensing.schemas.upkeep import MaintenanceRow


@query("sensing.read_devices")
def maintenance(
    viewer: Viewer, page: PageQuery, *, device_id: int | None = None, state: str | None = None
) -> Page[MaintenanceRow]:
    """Maintenance of the devices that the viewer sees, the latest window first; of one of them, or in one state."""
    rows = visible(viewer, Maintenance.objects.all(), "sensing.read_devices", OF_DEVICE)
    if device_id is not None:
        rows = rows.filter(device_id=device_id)
    if state:
        rows = rows.filter(state=state)
    if page.as_of:
        rows = rows.filter(planned_at__lte=page.as_of)
    moment = city_now()
    rows = rows.select_related("device", "planned_by", "ended_by")
    return paged(rows, page, ("-starts", "-id"), lambda row: _row(row, moment))


def _row(row: Maintenance, moment: datetime) -> MaintenanceRow:
    counts = row.state != Maintenance.State.CANCELLED
    return MaintenanceRow(
        id=row.pk, device_id=row.device_id, device_key=row.device.key, device_name=text_out(row.device.name),
        kind=row.kind, state=row.state, starts=row.starts, ends=row.ends,
        now=counts and row.starts <= moment < row.ends, plan=row.plan, result=row.result,
        calibrated_until=row.calibrated_until, planned_by=row.planned_by.username, planned_at=row.planned_at,
        ended_by=row.ended_by.username if row.ended_by else "", ended_at=row.ended_at,
    )  # fmt: skip
