"""Readings that were refused, and how many."""

from __future__ import annotations

from datetime import date

from django.db.models import Q, Sum

from scoc.core.access import allowed, query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import current_run, recorded_by
from scoc.sensing.models import Device, Rejected, RejectedCount
from scoc.sensing.schemas import RejectedCountRow, RejectedRow


def _of_own_devices(viewer: Viewer) -> Q:
    """Who does not see the whole city sees what the devices within the scope sent."""
    if allowed(viewer, "sensing.read_rejected").scope == "city":
        return Q()
    own = visible(viewer, Device.objects.all(), "sensing.read_rejected", {"run": ""})
    return Q(device_key__in=own.values("key"))


@query("sensing.read_rejected")
def rejected(
    viewer: Viewer, page: PageQuery, *, device_key: str | None = None, reason: str | None = None
) -> Page[RejectedRow]:
    """Refused readings that were kept, newest first."""
    rows = Rejected.objects.filter(_of_own_devices(viewer), run_id=current_run())
    if device_key:
        rows = rows.filter(device_key=device_key)
    if reason:
        rows = rows.filter(reason=reason)
    known = recorded_by(page.as_of)
    if known is not None:
        rows = rows.filter(recorded_at__lte=known)
    return paged(
        rows, page, ("-id",),
        lambda row: RejectedRow(
            id=row.pk, source=row.source, device_key=row.device_key, property=row.property, reason=row.reason,
            detail=row.detail, raw=row.raw, recorded_at=row.recorded_at,
        ),
    )  # fmt: skip


@query("sensing.read_rejected")
def rejected_counts(
    viewer: Viewer, start_day: date, end_day: date, *, by_device: bool = False
) -> list[RejectedCountRow]:
    """How many readings were refused from `start_day` to `end_day` inclusive, by day, source and reason.

    With `by_device` by device too, the most first; at most 5 000 rows.
    """
    rows = RejectedCount.objects.filter(
        _of_own_devices(viewer), run_id=current_run(), day__gte=start_day, day__lte=end_day
    )
    groups = ("day", "source", "device_key", "reason") if by_device else ("day", "source", "reason")
    found = rows.values(*groups).annotate(sum=Sum("n")).order_by("-day", "-sum", *groups[1:])[:5000]
    return [
        RejectedCountRow(
            day=row["day"],
            source=row["source"],
            device_key=row.get("device_key", ""),
            reason=row["reason"],
            n=row["sum"],
        )
        for row in found
    ]
