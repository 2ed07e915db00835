"""The health index from stored values: which child may be used, the scheme's version, the rows that say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db import connection
from django.db.models import Max

from scoc.command.indicators.composite import Child, Composite, compose
from scoc.command.indicators.computing import areas_for, definitions, newest_values
from scoc.command.indicators.levels import score_of
from scoc.command.indicators.models import HealthValue, IndexScheme, Indicator, IndicatorValue, Level
from scoc.command.indicators.pack import HealthSettings
from scoc.command.indicators.windows import grain_step, window_at
from scoc.core.acting import acting
from scoc.core.city import city_settings
from scoc.core.models import Area
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.pack import ALWAYS
from scoc.core.tasks import enqueue
from scoc.kit.aqi import exact
from scoc.kit.canonical import digest

CODE = "HEALTH"
_LOCK = 7_316_221_905
"""Key of the advisory lock under which the index is made; a number of our own choice."""


def _one_at_a_time() -> None:
    """Wait for others that make the index. There may be no row yet to lock, and a row that ends is no row to wait for.

    SQLite has one writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def scheme(indicators: Sequence[Indicator]) -> IndexScheme:
    """The version of the scheme that holds; weights, grades or definitions that changed make the next one."""
    settings = city_settings(HealthSettings)
    content = {
        **settings.model_dump(mode="json"),
        "indicators": [
            {"code": row.code, "version": row.version, "theme": row.theme, "weight": f"{row.weight.normalize():f}",
             "bottom_line": row.bottom_line}
            for row in sorted(indicators, key=lambda row: row.code)
        ],
    }  # fmt: skip
    made = digest(content)
    current = IndexScheme.objects.filter(code=CODE, valid_to=None).first()
    if current is not None and current.digest == made:
        return current
    moment = city_now()
    if current is not None:
        IndexScheme.objects.filter(pk=current.pk).update(valid_to=moment)
    last = IndexScheme.objects.filter(code=CODE).aggregate(last=Max("version"))["last"] or 0
    return IndexScheme.objects.create(
        code=CODE, version=last + 1, valid_from=moment if last else ALWAYS, recorded_at=wall_now(),
        source="city pack", content=content, digest=made,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    """An indicator with the value that enters the index, if one may."""

    indicator: Indicator
    value: IndicatorValue | None
    carried: bool


def _entry(indicator: Indicator, value: IndicatorValue | None, at: datetime, carry: int) -> _Entry:
    """Whether a value may be used at `at`: as it is, carried for up to `carry` grains, or not at all."""
    if value is None:
        return _Entry(indicator, None, carried=False)
    step, latency = grain_step(indicator), timedelta(seconds=indicator.latency_seconds)
    due = window_at(indicator, at, city_zone())[1]
    behind = due - value.window_end
    if value.status == IndicatorValue.Status.STALE and value.latest_at is not None:
        behind = max(behind, value.window_end - value.latest_at - latency)
    if behind <= timedelta(0):
        return _Entry(indicator, value, carried=False)
    return _Entry(indicator, value if behind <= carry * step else None, carried=behind <= carry * step)


def _composite(entries: Sequence[_Entry], settings: HealthSettings) -> Composite:
    children = [
        Child(
            entry.indicator.code, entry.indicator.theme, entry.indicator.weight,
            score_of(entry.value.value, entry.indicator.low, entry.indicator.high) if entry.value else None,
            failed=bool(entry.value and entry.indicator.bottom_line and entry.value.level == Level.RED),
        )
        for entry in entries
    ]  # fmt: skip
    return compose(
        children, {theme.code: theme.weight for theme in settings.themes}, cap=settings.bottom_line_cap,
        least_coverage=settings.least_coverage,
    )  # fmt: skip


def _text(value: Fraction | Decimal | None, places: int) -> str | None:
    return None if value is None else str(exact(Fraction(value), places))


def _mark(value: Decimal | None, settings: HealthSettings) -> str:
    reached = [grade for grade in settings.grades if value is not None and value >= grade.least]
    return max(reached, key=lambda grade: grade.least).code if reached else ""


def make_index_soon() -> None:
    """Have the index made once the batches that run now are done; one request is enough for many of them."""
    enqueue("indicators.make_index", unique=f"indicators:index:{acting().run_id}")


def compute_health(at: datetime, areas: Sequence[Area]) -> int:
    """Make the index of every area at a time. One that came out as before makes no new row. Returns the new rows."""
    run_id = acting().run_id
    weighted = [row for row in definitions(at) if row.weight > 0]
    if not weighted:
        return 0
    _one_at_a_time()
    current = scheme(weighted)
    settings = HealthSettings.model_validate(
        {name: value for name, value in current.content.items() if name != "indicators"}
    )
    values = newest_values(
        run_id, [row.code for row in weighted], [area.code for area in areas], known=True,
        ends={row.code: (ALWAYS, at) for row in weighted},
    )  # fmt: skip
    before = {
        row.area_code: row
        for row in HealthValue.objects.filter(
            run_id=run_id, area_code__in=[area.code for area in areas], at=at
        ).order_by("revision")
    }
    fresh = []
    for area in areas:
        entries = [
            _entry(row, values.get((row.code, area.code)), at, settings.carry_periods)
            for row in weighted
            if area in areas_for(row, [area])
        ]
        made = _row(area, at, current, entries, _composite(entries, settings), settings)
        earlier = before.get(area.code)
        if earlier and (earlier.value, earlier.contributions, earlier.scheme_id) == (
            made.value, made.contributions, current.pk,
        ):  # fmt: skip
            continue
        made.revision = earlier.revision + 1 if earlier else 1
        fresh.append(made)
    HealthValue.objects.bulk_create(fresh)
    return len(fresh)


def _row(
    area: Area, at: datetime, current: IndexScheme, entries: Sequence[_Entry], made: Composite,
    settings: HealthSettings,
) -> HealthValue:  # fmt: skip
    parts = {part.child.code: part for part in made.children}
    contributions: list[dict[str, Any]] = []
    for entry in entries:
        part = parts.get(entry.indicator.code)
        if part is None:  # its theme is not in the scheme
            continue
        contributions.append(
            {
                "code": entry.indicator.code, "version": entry.indicator.version, "theme": entry.indicator.theme,
                "value": entry.value.pk if entry.value else None, "score": _text(part.child.score, 1),
                "weight": _text(part.share, 6), "lost": _text(part.lost, 1), "carried": entry.carried,
                "dropped": entry.value is None, "bottom_line": entry.indicator.bottom_line,
            }
        )  # fmt: skip
    known = sum(not item["dropped"] for item in contributions)
    return HealthValue(
        happened_at=at, recorded_at=wall_now(), run_id=acting().run_id, area=area,
        post_id=acting().actor.post_id, correlation=acting().correlation, scheme=current, area_code=area.code, at=at,
        revision=1, value=made.value, mark=_mark(made.value, settings), coverage=exact(made.coverage),
        known=known, total=len(contributions), contributions=contributions, computed_at=city_now(),
        themes=[
            {"code": theme.code, "score": _text(theme.score, 1), "weight": _text(theme.share, 6),
             "lost": _text(theme.lost, 1), "capped": theme.capped}
            for theme in made.themes
        ],
    )  # fmt: skip
