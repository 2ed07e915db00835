"""Series and roll-ups, as they are known now or were known at an earlier time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_zone, recorded_by
from scoc.core.refusals import invalid, no_such
from scoc.core.schemas import text_out
from scoc.kit.identifiers import prefixed
from scoc.kit.scaled import from_scaled
from scoc.sensing.ingest.rebuilding import counted
from scoc.sensing.maintenance import uncalibrated
from scoc.sensing.models import Datastream, Observation, Rollup
from scoc.sensing.schemas import ReadingPoint, RollupRow, SeriesOut

Grain = Literal["auto", "raw", "hour", "day"]
MOST_POINTS = 5_000
FEW_POINTS = 1_500
"""`auto` takes the finest grain that needs no more points than this."""
_OF_DEVICE = {"organisation": "device__organisation", "area": "device__area"}
_SLICE = 500


def _grain_of(grain: Grain, line: Datastream, start: datetime, end: datetime) -> int:
    """0 for readings as they came, else the minutes of a bucket."""
    if grain != "auto":
        return {"raw": 0, "hour": Rollup.Grain.HOUR.value, "day": Rollup.Grain.DAY.value}[grain]
    seconds = (end - start).total_seconds()
    if line.cadence_seconds:
        expected = seconds / line.cadence_seconds
    else:  # nobody has said how often it observes: what is there is counted, as far as it matters
        expected = Observation.objects.filter(datastream=line, at__gte=start, at__lt=end)[: FEW_POINTS + 1].count()
    if expected <= FEW_POINTS:
        return 0
    return Rollup.Grain.HOUR.value if seconds / 3600 <= FEW_POINTS else Rollup.Grain.DAY.value


@query("sensing.read_observations")
def series(
    viewer: Viewer,
    datastream_id: int,
    start: datetime,
    end: datetime,
    grain: Grain = "auto",
    *,
    as_of: datetime | None = None,
) -> SeriesOut:
    """A datastream from `start` to before `end`, as readings or by hour or city day; at most MOST_POINTS points.

    With `as_of`, as it was known then. Raises NotFound, and Invalid for an empty span.
    """
    rows = Datastream.objects.filter(pk=datastream_id).select_related("device")
    line = visible(viewer, rows, "sensing.read_observations", _OF_DEVICE).first()
    if line is None:
        raise no_such("数据流", "datastream", prefixed("sensing", f"datastream-{datastream_id}"))
    if start >= end:
        raise invalid("end", "It does not lie after `start`.", "Give a span of time.", zh="结束时间应晚于开始时间。")
    minutes = _grain_of(grain, line, start, end)
    known = recorded_by(as_of)
    found = list(_readings(line, start, end, known) if minutes == 0 else _buckets(line, minutes, start, end, known))
    return SeriesOut(
        datastream_id=line.pk, device_id=line.device_id, property=line.property, name=text_out(line.name),
        unit=line.unit, places=line.places, grain=minutes, start=start, end=end, cut=len(found) > MOST_POINTS,
        points=found[:MOST_POINTS], uncalibrated=uncalibrated(line.device_id, start, end),
    )  # fmt: skip


def _readings(line: Datastream, start: datetime, end: datetime, known: datetime | None) -> Iterator[ReadingPoint]:
    rows = Observation.objects.filter(datastream=line, at__gte=start, at__lt=end)
    if known is not None:
        rows = rows.filter(recorded__lte=known)
    numbers = rows.exclude(result=None).order_by("at", "id").values_list("at", "result")
    for at, value in numbers[: MOST_POINTS + 1]:
        assert value is not None
        yield ReadingPoint(at=at, value=value, minimum=value, maximum=value, n=1)


def _buckets(
    line: Datastream, minutes: int, start: datetime, end: datetime, known: datetime | None
) -> Iterator[ReadingPoint]:
    rows = Rollup.objects.filter(datastream=line, grain=minutes, bucket__gte=start, bucket__lt=end)
    for row in _known_rollups(rows.order_by("bucket")[: MOST_POINTS + 1], {line.pk: line}, known):
        mean = float(from_scaled(row.total, line.places) / row.n)
        yield ReadingPoint(at=row.bucket, value=mean, minimum=row.minimum, maximum=row.maximum, n=row.n)


def _known_rollups(
    rows: Iterable[Rollup], lines: dict[int, Datastream], known: datetime | None
) -> Iterator[Rollup]:  # fmt: skip
    """Roll-ups as they were known at a wall time: those that have grown since are counted anew from raw readings."""
    for row in rows:
        if known is None or row.recorded <= known:
            yield row
        elif (then := _rollup_then(row, lines[row.datastream_id], known)) is not None:
            yield then


def _bucket_end(row: Rollup) -> datetime:
    if row.grain == Rollup.Grain.HOUR:
        return row.bucket + timedelta(hours=1)
    local = row.bucket.astimezone(city_zone())
    return datetime.combine(local.date() + timedelta(days=1), local.time(), tzinfo=city_zone())


def _rollup_then(row: Rollup, line: Datastream, known: datetime) -> Rollup | None:
    """One roll-up as it was known then; None where nothing was known yet."""
    parts = counted(line, to_micros(row.bucket), to_micros(_bucket_end(row)), to_micros(known))
    found: Rollup | None = None
    for part in parts:
        for n in range(len(part)):
            if int(part.grain[n]) != row.grain:
                continue
            one = Rollup(
                datastream_id=row.datastream_id, grain=row.grain, bucket=row.bucket, n=int(part.n[n]),
                minimum=float(part.minimum[n]), maximum=float(part.maximum[n]), total=int(part.total[n]),
                last_at=from_micros(int(part.last_at[n])), last=float(part.last[n]),
                recorded=from_micros(int(part.recorded[n])),
            )  # fmt: skip
            found = one if found is None else _merged(found, one)
    return found


def _merged(first: Rollup, second: Rollup) -> Rollup:
    """Two parts of one bucket; the second one is later."""
    second.n += first.n
    second.total += first.total
    second.minimum = min(first.minimum, second.minimum)
    second.maximum = max(first.maximum, second.maximum)
    second.recorded = max(first.recorded, second.recorded)
    return second


@query("sensing.read_observations")
def rollups(
    viewer: Viewer,
    property: str,  # noqa: A002  # the standard's word
    start: datetime,
    end: datetime,
    grain: int = 60,
    *,
    device_type: str | None = None,
    as_of: datetime | None = None,
) -> list[RollupRow]:
    """Hours (grain 60) or city days (1440) that begin from `start` to before `end`, of all datastreams of a property.

    Ordered by datastream and bucket. With `as_of` (wall time, as in a measure's window), as they were known then.
    The caller bounds the span.
    """
    rows = Datastream.objects.filter(property=property).select_related("device__area")
    if device_type:
        rows = rows.filter(device__type__code=device_type)
    lines = {row.pk: row for row in visible(viewer, rows, "sensing.read_observations", _OF_DEVICE)}
    ids = sorted(lines)
    found: list[RollupRow] = []
    for first in range(0, len(ids), _SLICE):
        stored = Rollup.objects.filter(
            datastream_id__in=ids[first : first + _SLICE], grain=grain, bucket__gte=start, bucket__lt=end
        ).order_by("datastream_id", "bucket")
        found += [_rollup_row(row, lines[row.datastream_id]) for row in _known_rollups(stored, lines, as_of)]
    return found


def _rollup_row(row: Rollup, line: Datastream) -> RollupRow:
    return RollupRow(
        datastream_id=line.pk, device_id=line.device_id, device_key=line.device.key,
        area_path=line.device.area.path if line.device.area else "", bucket=row.bucket, n=row.n,
        total=from_scaled(row.total, line.places), minimum=row.minimum, maximum=row.maximum, last=row.last,
        last_at=row.last_at,
    )  # fmt: skip
