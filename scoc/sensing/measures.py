"""What sensing offers to count: means of observed properties, devices that are online, readings unaccounted for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Abs

from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.city.sections import city_settings
from scoc.core.measures import Measured, Window, measure
from scoc.core.now import city_now, city_zone, current_run, in_run
from scoc.sensing import queries
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Account, AccountProof, Device, Latest
from scoc.sensing.online import heard_since, heard_then


@measure("sensing.mean", permission="sensing.read_observations")
def mean(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """Mean of a property over the window and area, as sum and count of the readings of its hours.

    Parameters: `property`; `device_type` (all when left out); `hours`: only so many hours before the window's end.
    Hours count that begin inside the window. Unknown (None) without a reading.
    """
    start = window.start
    if "hours" in parameters:
        start = max(start, window.end - timedelta(hours=int(parameters["hours"])))
    rows = queries.rollups(
        viewer, str(parameters["property"]), start, window.end, 60, device_type=parameters.get("device_type"),
        as_of=window.as_of,
    )  # fmt: skip
    if window.area is not None:
        rows = [row for row in rows if row.area_path.startswith(window.area.path)]
    n = sum(row.n for row in rows)
    if not n:
        return Measured(None, None, 0, None)
    total = sum((row.total for row in rows), Decimal(0))
    return Measured(total, Decimal(n), n, max(row.last_at for row in rows))


@measure("sensing.online_rate", permission="sensing.read_devices")
def online_rate(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """Devices online at the window's end, of the active devices that should be.

    Online: its newest reading by then is not older than three cadences (`online_cadences` of the pack). Parameter:
    `device_type` (all when left out). Unknown without an active device.
    """
    with in_run(viewer.run_id):
        rows = visible(viewer, Device.objects.filter(state=Device.State.ACTIVE), "sensing.read_devices", {"run": ""})
        rows = rows.filter(registered_at__lte=window.end)
        if window.area is not None:
            rows = rows.filter(area__path__startswith=window.area.path)
        if parameters.get("device_type"):
            rows = rows.filter(type__code=parameters["device_type"])
        active = rows.count()
        if not active:
            return Measured(None, None, 0, None)
        cadences = city_settings(SensingSettings).online_cadences
        moment = min(window.end, city_now())
        newest = Latest.objects.filter(datastream__device=OuterRef("pk"), datastream__run_id=current_run())
        # `latest` tells of now only; where it is newer than the moment, the readings themselves answer
        heard = heard_since(moment, cadences, OuterRef("pk")).filter(at__lte=moment, recorded__lte=window.as_of)
        newer = newest.filter(Q(at__gt=moment) | Q(recorded__gt=window.as_of))
        online = rows.filter(
            Exists(heard) | (Exists(newer) & Exists(heard_then(moment, window.as_of, cadences)))
        ).count()  # fmt: skip
        latest_at = (
            Latest.objects.filter(datastream__device__in=rows, datastream__run_id=current_run(), at__lte=moment)
            .order_by("-at").values_list("at", flat=True).first()
        )  # fmt: skip
        return Measured(Decimal(online), Decimal(active), active, latest_at)


@measure("sensing.accounting_gap", permission="sensing.read_accounting")
def accounting_gap(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """Readings by which the accounts of the window's days do not balance, or do not agree with the tables as last
    proved; 0 is right. Of the city as a whole, as it is known now.
    """
    if window.area is not None:
        return Measured(None, None, 0, None)
    with in_run(viewer.run_id):
        first, last = (moment.astimezone(city_zone()).date() for moment in (window.start, window.end))
        days = {"run_id": current_run(), "day__gte": first, "day__lte": last}
        gap = F("received") - F("stored") - F("duplicate") - F("rejected")
        rows = Account.objects.filter(**days).values("day").annotate(n=Sum("received"), gap=Sum(Abs(gap)))
        accounts = {row["day"]: row for row in rows}
        amiss = {day: row["gap"] for day, row in accounts.items()}
        for proof in AccountProof.objects.filter(**days):
            amiss[proof.day] = max(amiss.get(proof.day, 0), proof.amiss)
        received = sum(row["n"] for row in accounts.values())
        return Measured(Decimal(sum(amiss.values())), None, received, min(window.end, city_now()))
