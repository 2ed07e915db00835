"""What came by each source, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.functions import Abs

from scoc.core.access import allowed, query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import current_run
from scoc.sensing.models import Account, AccountProof, Device
from scoc.sensing.schemas import AccountingFinding, AccountingProof, AccountingRow, AccountingSum

_GAP = F("received") - F("stored") - F("duplicate") - F("rejected")
READ = "sensing.read_accounting"


def _of_own_devices(viewer: Viewer) -> Q:
    """Who does not see the whole city sees the accounts of the devices within the scope."""
    if allowed(viewer, READ).scope == "city":
        return Q()
    return Q(device_key__in=visible(viewer, Device.objects.all(), READ, {"run": ""}).values("key"))


@query("sensing.read_accounting")
def accounting(
    viewer: Viewer, page: PageQuery, day: date, *, source: str | None = None, device_key: str | None = None,
    gap: bool = False,
) -> Page[AccountingRow]:  # fmt: skip
    """The accounts of a city day as they are now, by source and device; with `gap` those alone that do not balance."""
    rows = Account.objects.filter(_of_own_devices(viewer), run_id=current_run(), day=day)
    if source:
        rows = rows.filter(source=source)
    if device_key:
        rows = rows.filter(device_key=device_key)
    if gap:
        rows = rows.exclude(received=F("stored") + F("duplicate") + F("rejected"))
    return paged(
        rows, page, ("source", "device_key"),
        lambda row: AccountingRow(
            day=row.day, source=row.source, device_key=row.device_key, received=row.received, stored=row.stored,
            duplicate=row.duplicate, rejected=row.rejected, requests=row.requests, withdrawn=row.withdrawn,
            gap=row.received - row.stored - row.duplicate - row.rejected,
        ),
    )  # fmt: skip


@query("sensing.read_accounting")
def accounting_sums(viewer: Viewer, start_day: date, end_day: date) -> list[AccountingSum]:
    """The accounts from `start_day` to `end_day` inclusive, summed by day and source; at most 5 000 rows."""
    rows = Account.objects.filter(
        _of_own_devices(viewer), run_id=current_run(), day__gte=start_day, day__lte=end_day
    ).values("day", "source")  # fmt: skip
    names = ("received", "stored", "duplicate", "rejected", "requests", "withdrawn")
    summed = rows.annotate(gap=Sum(Abs(_GAP)), **{f"sum_{name}": Sum(name) for name in names})
    found: Iterable[Any] = summed.order_by("-day", "source")[:5000]
    return [
        AccountingSum(
            day=row["day"], source=row["source"], gap=row["gap"], **{name: row[f"sum_{name}"] for name in names}
        )
        for row in found
    ]


@query("sensing.read_accounting")
def accounting_proofs(viewer: Viewer, start_day: date, end_day: date) -> list[AccountingProof]:
    """Whether the accounts of these days agree with the tables, newest day first; findings within the viewer's scope.

    At most 400 days.
    """
    proofs = AccountProof.objects.filter(run_id=current_run(), day__gte=start_day, day__lte=end_day).order_by("-day")
    own: set[str] | None = None
    if allowed(viewer, READ).scope != "city":
        own = set(visible(viewer, Device.objects.all(), READ, {"run": ""}).values_list("key", flat=True))
    return [
        AccountingProof(
            day=row.day, proved_at=row.proved_at, wrong=row.wrong, amiss=row.amiss,
            findings=[AccountingFinding(**one) for one in row.findings if own is None or one["device_key"] in own],
        )
        for row in proofs[:400]
    ]  # fmt: skip
