"""Which datastreams are online: their newest reading is not older than a few cadences (DOMAIN.md 6.1)."""

from __future__ import annotations

from datetime import datetime

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast

from scoc.core.fields import to_micros
from scoc.core.now import current_run
from scoc.sensing.models import Latest, Observation


def heard_since(moment: datetime, cadences: int, device: OuterRef | None = None) -> QuerySet[Latest]:
    """The newest readings that make their datastream online at `moment`, in the current run."""
    allowance = Cast(F("datastream__cadence_seconds"), BigIntegerField()) * Value(cadences * 1_000_000)
    rows = Latest.objects.filter(datastream__run_id=current_run(), datastream__active=True)
    rows = rows.filter(at__gte=Value(to_micros(moment), BigIntegerField()) - allowance)
    return rows.filter(datastream__device=device) if device is not None else rows


def heard_then(moment: datetime, known: datetime, cadences: int) -> QuerySet[Observation]:
    """Readings of a device (outer `pk`) that made it online at an earlier moment, as far as they were known."""
    allowance = Cast(F("datastream__cadence_seconds"), BigIntegerField()) * Value(cadences * 1_000_000)
    return Observation.objects.filter(
        datastream__device=OuterRef("pk"), datastream__run_id=current_run(), at__lte=moment, recorded__lte=known,
        at__gte=Value(to_micros(moment), BigIntegerField()) - allowance,
    )  # fmt: skip
