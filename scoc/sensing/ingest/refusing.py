"""What was refused is counted, all of it, and kept for inspection, as much as the city allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from django.db import connection
from django.db.models import Sum

from scoc.core.city.sections import city_settings
from scoc.core.now import current_run, wall_now
from scoc.sensing.ingest.columns import Refused
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Rejected, RejectedCount

_COUNT = (
    "INSERT INTO sensing_rejected_count (run_id, day, source, device_key, reason, n) VALUES (%s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (run_id, day, source, device_key, reason) DO UPDATE SET n = sensing_rejected_count.n + excluded.n"
)


def counted_key(refused: Refused) -> str:
    """Under which device key a refusal is counted."""
    return refused.device_key if refused.known else ""


def keep(source: str, today: date, refused: Sequence[Refused]) -> Counter[tuple[str, str]]:
    """Keep refused readings, in the open transaction; how many they are by device key and reason."""
    if not refused:
        return Counter()
    most = city_settings(SensingSettings).rejected_kept_per_device_day
    run_id = current_run()
    counts = Counter((counted_key(row), row.reason) for row in refused)
    keys = {key for key, _ in counts}
    room = dict.fromkeys(keys, most)
    known = (
        RejectedCount.objects.filter(run_id=run_id, day=today, device_key__in=keys)
        .values("device_key").annotate(sum=Sum("n")).values_list("device_key", "sum")
    )  # fmt: skip
    for key, number in known:
        room[key] -= number
    recorded = wall_now()
    kept = []
    for row in refused:
        key = counted_key(row)
        if room[key] <= 0:
            continue
        room[key] -= 1
        kept.append(
            Rejected(run_id=run_id, source=source, device_key=row.device_key, property=row.property,
                     reason=row.reason, detail=row.detail, raw=row.raw, recorded_at=recorded)
        )  # fmt: skip
    Rejected.objects.bulk_create(kept)
    return counts


def count(source: str, today: date, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to the counts of (device key, reason)."""
    if not counts:
        return
    run_id = current_run()
    rows = sorted((run_id, today, source, key, reason, number) for (key, reason), number in counts.items())
    with connection.cursor() as cursor:
        cursor.executemany(_COUNT, rows)
