"""What others may read of indicators: vital signs, one indicator whole, the health index and why, each as of a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber, TruncDay, TruncHour

from scoc.command.indicators.computing import definitions_seen, newest_values
from scoc.command.indicators.health import CODE
from scoc.command.indicators.models import HealthValue, IndexScheme, Indicator, IndicatorValue
from scoc.command.indicators.pack import HealthSettings, MarkIn, ThemeIn
from scoc.command.indicators.schemas import (
    Contribution,
    DefinitionOut,
    DistrictIndex,
    DistrictValue,
    HealthIndex,
    IndicatorOut,
    IndicatorRow,
    SeriesPoint,
    SideOut,
    ThemeOut,
    ThresholdsOut,
    ValueOut,
    VersionOut,
    VitalSign,
)
from scoc.command.indicators.windows import grain_step
from scoc.core.access import allowed, query, visible
from scoc.core.acting import Viewer
from scoc.core.city import city_settings
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import Area
from scoc.core.now import city_now, city_zone, current_run
from scoc.core.queries import organisation_row
from scoc.core.refusals import invalid, no_such
from scoc.core.schemas import TextOut, text_out
from scoc.kit.text import Text

SEE = "indicators.read_values"
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
REACH = timedelta(hours=1)
"""What is compared with the day before is the newest figure of the hour that ends then."""
THINNED = timedelta(minutes=15)
"""Series of short lines hold one point in so long."""
SPAN_OF_QUARTERS, SPAN_OF_HOURS = timedelta(days=8), timedelta(days=62)
"""Longer spans are drawn hour by hour, still longer ones day by day: a line of 400 days has 400 points."""
POINTS_OF_PERCENT = Text("个百分点", "pp")


def _run(viewer: Viewer) -> int:
    return viewer.run_id or current_run()


def _values(viewer: Viewer) -> QuerySet[IndicatorValue]:
    return visible(viewer, IndicatorValue.objects.all(), SEE)


def _areas(viewer: Viewer) -> list[Area]:
    """The city and districts that lie in the viewer's scope, the widest first."""
    rows = Area.objects.filter(level__in=(Area.Level.CITY, Area.Level.DISTRICT), valid_to=None)
    if allowed(viewer, SEE).scope == "area_below":
        rows = rows.filter(path__startswith=viewer.area_path) if viewer.area_path else rows.none()
    return sorted(rows, key=lambda area: (area.path.count("/"), area.code))


def _area(viewer: Viewer, code: str | None, areas: Sequence[Area] | None = None) -> Area:
    """The area asked for, or the widest that the viewer may see. Raises NotFound."""
    found = [area for area in (areas if areas is not None else _areas(viewer)) if code in (None, area.code)]
    if not found:
        raise no_such("区域", "area", f"core:area-{code or 'city'}")
    return found[0]


def _side(stored: dict[str, Any] | None) -> SideOut | None:
    return None if stored is None else SideOut.model_validate({"orange": None, **stored})


def _thresholds(row: Indicator) -> ThresholdsOut:
    return ThresholdsOut(
        direction=row.direction, low=_side(row.low), high=_side(row.high), basis=row.basis,
        basis_text=text_out(row.basis_text),
    )  # fmt: skip


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places))


def _places(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else _rounded(value, places)


def _old(row: IndicatorValue, moment: datetime) -> bool:
    """Whether no newer value came when one was due."""
    allowance = row.indicator.latency_seconds + row.indicator.delay_seconds
    return moment - row.window_end > grain_step(row.indicator) + timedelta(seconds=allowance)


def _value_out(row: IndicatorValue, moment: datetime) -> ValueOut:
    """A value as it is shown at a moment; one that grew old is stale."""
    status = row.status
    if status == IndicatorValue.Status.OK and _old(row, moment):
        status = IndicatorValue.Status.STALE
    return ValueOut(
        id=row.pk, window_start=row.window_start, window_end=row.window_end,
        value=_places(row.value, row.indicator.places), numerator=row.numerator, denominator=row.denominator,
        samples=row.samples, status=status, level=row.level, latest_at=row.latest_at, computed_at=row.computed_at,
        as_of=row.as_of, revision=row.revision, indicator_version=row.indicator.version,
    )  # fmt: skip


def _thin(points: Iterable[SeriesPoint]) -> list[SeriesPoint]:
    """The last point of each quarter of an hour."""
    kept: dict[int, SeriesPoint] = {}
    for point in points:
        kept[int(point.at.timestamp() // THINNED.total_seconds())] = point
    return list(kept.values())


def _series(rows: QuerySet[IndicatorValue]) -> dict[str, list[SeriesPoint]]:
    """Series by code: the newest revision of each window. The span of `rows` bounds their number; none is cut off."""
    found: dict[str, dict[datetime, SeriesPoint]] = {}
    columns = rows.order_by("code", "window_end", "revision").values_list("code", "window_end", "value", "status")
    for code, end, value, status in columns.iterator(chunk_size=2000):
        point = SeriesPoint(at=end, value=None if value is None else float(value), status=status)
        found.setdefault(code, {})[end] = point
    return {code: _thin(points.values()) for code, points in found.items()}


def _sampled(rows: QuerySet[IndicatorValue], span: timedelta) -> tuple[QuerySet[IndicatorValue], timedelta]:
    """Of one figure the last window of each step, and that step: the longer the span, the longer the step."""
    if span <= SPAN_OF_QUARTERS:
        return rows, THINNED
    hourly = span <= SPAN_OF_HOURS
    step = (TruncHour if hourly else TruncDay)("window_end", tzinfo=city_zone())
    last = Window(RowNumber(), partition_by=[step], order_by=[F("window_end").desc(), F("revision").desc()])
    return rows.annotate(place=last).filter(place=1), HOUR if hourly else DAY


def _spark_rows(
    rows: QuerySet[IndicatorValue], indicators: Sequence[Indicator], area: Area, moment: datetime
) -> QuerySet[IndicatorValue]:
    """Twenty-four hours of points; of daily figures thirty days."""
    daily = [row.code for row in indicators if row.grain == Indicator.Grain.DAY]
    others = [row.code for row in indicators if row.grain != Indicator.Grain.DAY]
    return rows.filter(area_code=area.code, window_end__lte=moment, computed_at__lte=moment).filter(
        Q(code__in=others, window_end__gt=moment - DAY) | Q(code__in=daily, window_end__gt=moment - 30 * DAY)
    )


def _day_before(indicator: Indicator, end: datetime) -> tuple[datetime, datetime]:
    return end - DAY - max(grain_step(indicator), REACH), end - DAY


def _signs(viewer: Viewer, indicators: Sequence[Indicator], area: Area, moment: datetime) -> list[VitalSign]:
    codes = [row.code for row in indicators]
    rows, run_id = _values(viewer), _run(viewer)
    newest = newest_values(run_id, codes, [area.code], as_of=moment, within=rows)
    spans = {
        code: _day_before(value.indicator, value.window_end)
        for code in codes
        if (value := newest.get((code, area.code))) is not None
    }
    before = newest_values(run_id, spans, [area.code], as_of=moment, ends=spans, within=rows)
    series = _series(_spark_rows(rows.filter(run_id=run_id), indicators, area, moment))
    return [
        _sign(row, area, newest.get((row.code, area.code)), before.get((row.code, area.code)),
              series.get(row.code, []), moment)
        for row in indicators
    ]  # fmt: skip


def _sign(
    row: Indicator, area: Area, newest: IndicatorValue | None, before: IndicatorValue | None,
    points: list[SeriesPoint], moment: datetime,
) -> VitalSign:  # fmt: skip
    change = None
    if newest is not None and before is not None and newest.value is not None and before.value is not None:
        change = _places(newest.value - before.value, row.places)
    return VitalSign(
        code=row.code, name=text_out(row.name), theme=row.theme, unit=text_out(row.unit), places=row.places,
        version=row.version, area_code=area.code, newest=_value_out(newest, moment) if newest else None,
        age_seconds=int((moment - newest.window_end).total_seconds()) if newest else None, change=change,
        change_unit=text_out(POINTS_OF_PERCENT if row.unit.zh == "%" else row.unit),
        compared_with=before.window_end if before and change is not None else None,
        comparable=bool(newest and before and newest.indicator_id == before.indicator_id),
        thresholds=_thresholds(row), points=points, provider=text_out(row.provider),
        owner=organisation_row(row.owner) if row.owner else None,
    )  # fmt: skip


@query(SEE)
def vital_signs(viewer: Viewer, area_code: str | None = None, as_of: datetime | None = None) -> list[VitalSign]:
    """Every indicator in an area (the widest the viewer may see by default), in the order of screens."""
    moment = as_of or city_now()
    return _signs(viewer, list(definitions_seen(viewer, moment)), _area(viewer, area_code), moment)


@query(SEE)
def indicators(viewer: Viewer, page: PageQuery) -> Page[IndicatorRow]:
    """The definitions that hold, by code."""
    rows = definitions_seen(viewer, page.as_of or city_now())
    return paged(
        rows.order_by(), page, ("code", "id"),
        lambda row: IndicatorRow(code=row.code, name=text_out(row.name), theme=row.theme, unit=text_out(row.unit),
                                 version=row.version, grain=row.grain, measure=row.measure),
    )  # fmt: skip


def _one(viewer: Viewer, code: str, moment: datetime) -> Indicator:
    row = definitions_seen(viewer, moment, [code]).first()
    if row is None:
        raise no_such("指标", "indicator", f"indicators:{code}"[:60])
    return row


def _definition(row: Indicator) -> DefinitionOut:
    versions = Indicator.objects.filter(code=row.code).order_by("-version")[:100]
    return DefinitionOut(
        code=row.code, version=row.version, name=text_out(row.name), theme=row.theme,
        definition=text_out(row.definition), formula=text_out(row.formula), numerator=text_out(row.numerator),
        denominator=text_out(row.denominator), unit=text_out(row.unit), factor=row.factor, places=row.places,
        direction=row.direction, aggregation=row.aggregation, grain=row.grain, period=row.period, span=row.span,
        by_district=row.by_district, measure=row.measure, parameters=row.parameters, collection=row.collection,
        freshness=row.freshness, latency_seconds=row.latency_seconds, delay_seconds=row.delay_seconds,
        settle_seconds=row.settle_seconds, thresholds=_thresholds(row), hysteresis=row.hysteresis,
        owner=organisation_row(row.owner) if row.owner else None, provider=text_out(row.provider), weight=row.weight,
        bottom_line=row.bottom_line, grade=row.grade,
        versions=[
            VersionOut(version=one.version, valid_from=one.valid_from, valid_to=one.valid_to, source=one.source,
                       approved_by=one.approved_by)
            for one in versions
        ],
    )  # fmt: skip


@query(SEE)
def indicator(
    viewer: Viewer,
    code: str,
    area_code: str | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    as_of: datetime | None = None,
) -> IndicatorOut:
    """One indicator in an area: definition, newest value with inputs and revisions, series (seven days), districts.

    Raises NotFound for an unknown code or area, Invalid for a time span that is empty or longer than 400 days.
    """
    moment = as_of or city_now()
    row = _one(viewer, code, moment)
    areas = _areas(viewer)
    area = _area(viewer, area_code, areas)
    until = min(end or moment, moment)
    since = start or until - 7 * DAY
    if not since < until or until - since > 400 * DAY:
        raise invalid("start", "The time span must not be empty and no longer than 400 days.", "Name another start.",
                      zh="时段不得为空且不得超过 400 天。")  # fmt: skip
    rows, run_id = _values(viewer), _run(viewer)
    sign = _signs(viewer, [row], area, moment)[0]
    districts = [one for one in areas if one.level == Area.Level.DISTRICT and one.path.startswith(area.path)]
    by_district = newest_values(run_id, [code], [one.code for one in districts], as_of=moment, within=rows)
    known = rows.filter(run_id=run_id, code=code, area_code=area.code, computed_at__lte=moment)
    revisions: list[IndicatorValue] = []
    if sign.newest is not None:
        window = known.filter(window_start=sign.newest.window_start, window_end=sign.newest.window_end)
        revisions = list(window.select_related("indicator").order_by("-revision")[:50])
    sampled, step = _sampled(known.filter(window_end__gt=since, window_end__lte=until), until - since)
    series = _series(sampled).get(code, [])
    return IndicatorOut(
        definition=_definition(row), sign=sign, inputs=revisions[0].inputs if revisions else {}, series=series,
        step_seconds=int(max(step, grain_step(row)).total_seconds()),
        districts=[
            DistrictValue(area_code=one.code, area_name=text_out(one.name),
                          newest=_value_out(found, moment) if (found := by_district.get((code, one.code))) else None)
            for one in districts
        ],
        revisions=[_value_out(one, moment) for one in revisions],
    )  # fmt: skip


@query(SEE)
def values(viewer: Viewer, code: str, page: PageQuery, area_code: str | None = None) -> Page[ValueOut]:
    """Every stored value of an indicator in an area, newest window first, all revisions."""
    moment = page.as_of or city_now()
    area = _area(viewer, area_code)
    rows = _values(viewer).filter(
        run_id=_run(viewer), code=code, area_code=area.code, window_end__lte=moment, computed_at__lte=moment
    )
    return paged(
        rows.select_related("indicator"), page, ("-window_end", "-revision", "-id"), lambda row: _value_out(row, moment)
    )


def _healths(viewer: Viewer) -> QuerySet[HealthValue]:
    return visible(viewer, HealthValue.objects.filter(run_id=_run(viewer)), SEE)


def _newest_health(viewer: Viewer, area: Area, after: datetime | None, until: datetime, known_at: datetime) -> Any:
    rows = _healths(viewer).filter(area_code=area.code, at__lte=until, computed_at__lte=known_at)
    if after is not None:
        rows = rows.filter(at__gt=after)
    return rows.select_related("scheme").order_by("-at", "-revision").first()


def _settings(scheme: IndexScheme) -> HealthSettings:
    return HealthSettings.model_validate({k: v for k, v in scheme.content.items() if k != "indicators"})


def _named(items: Sequence[ThemeIn] | Sequence[MarkIn], code: str) -> TextOut:
    return next(
        (TextOut(zh=item.name_zh, en=item.name_en) for item in items if item.code == code), TextOut(zh="", en="")
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@query(SEE)
def health_index(viewer: Viewer, area_code: str | None = None, as_of: datetime | None = None) -> HealthIndex:
    """The health index of an area with what each theme and indicator takes from it, and 24 hours of points."""
    moment = as_of or city_now()
    area = _area(viewer, area_code)
    newest = _newest_health(viewer, area, None, moment, moment)
    if newest is None:
        version = IndexScheme.objects.filter(code=CODE, valid_from__lte=moment).order_by("-version").first()
        return HealthIndex(
            area_code=area.code, area_name=text_out(area.name), value=None, mark="", mark_name=TextOut(zh="", en=""),
            at=None, coverage=Decimal(0), known=0, total=0, version=version.version if version else 0, change=None,
            comparable=False, target=city_settings(HealthSettings).target, themes=[], contributions=[], points=[],
        )  # fmt: skip
    settings = _settings(newest.scheme)
    before = _newest_health(viewer, area, newest.at - DAY - REACH, newest.at - DAY, moment)
    points = (
        _healths(viewer)
        .filter(area_code=area.code, at__gt=moment - DAY, at__lte=moment, computed_at__lte=moment)
        .order_by("at", "revision")
        .values_list("at", "value")
    )
    change = None
    if before is not None and before.value is not None and newest.value is not None:
        change = _places(newest.value - before.value, 1)
    return HealthIndex(
        area_code=area.code, area_name=text_out(area.name), value=_places(newest.value, 1), mark=newest.mark,
        mark_name=_named(settings.grades, newest.mark), at=newest.at, coverage=_rounded(newest.coverage, 4),
        known=newest.known, total=newest.total, version=newest.scheme.version, change=change,
        comparable=before is not None and before.scheme_id == newest.scheme_id, target=settings.target,
        themes=_themes(newest, settings), contributions=_contributions(newest),
        points=_thin(
            SeriesPoint(at=at, value=float(value), status="ok")
            if value is not None
            else SeriesPoint(at=at, value=None, status="unknown")
            for at, value in points
        ),
    )  # fmt: skip


def _themes(row: HealthValue, settings: HealthSettings) -> list[ThemeOut]:
    themes = [
        ThemeOut(code=item["code"], name=_named(settings.themes, item["code"]), score=_decimal(item["score"]),
                 weight=Decimal(item["weight"]), lost=_decimal(item["lost"]), capped=item["capped"])
        for item in row.themes
    ]  # fmt: skip
    return sorted(themes, key=lambda theme: (-(theme.lost or 0), theme.code))


def _contributions(row: HealthValue) -> list[Contribution]:
    wanted = Q(pk=None)
    for item in row.contributions:
        wanted |= Q(code=item["code"], version=item["version"])
    names = {
        (one.code, one.version): one.name for one in Indicator.objects.filter(wanted).only("code", "version", "name")
    }
    found = [
        Contribution(
            code=item["code"], name=text_out(names[item["code"], item["version"]]), theme=item["theme"],
            score=_decimal(item["score"]), weight=Decimal(item["weight"]), lost=_decimal(item["lost"]),
            carried=item["carried"], dropped=item["dropped"], bottom_line=item["bottom_line"],
        )
        for item in row.contributions
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-(one.lost or 0), one.code))


@query(SEE)
def district_indices(viewer: Viewer, as_of: datetime | None = None) -> list[DistrictIndex]:
    """Every district that the viewer may see, with its newest health index; null where none is known."""
    moment = as_of or city_now()
    districts = [area for area in _areas(viewer) if area.level == Area.Level.DISTRICT]
    newest = _healths(viewer).filter(area_code=OuterRef("code"), at__lte=moment, computed_at__lte=moment)
    ids = Area.objects.filter(pk__in=[area.pk for area in districts]).annotate(
        newest=Subquery(newest.order_by("-at", "-revision").values("id")[:1])
    )
    rows = {row.area_code: row for row in HealthValue.objects.filter(pk__in=ids.values_list("newest", flat=True))}
    return [_district(area, rows.get(area.code)) for area in districts]


def _district(area: Area, row: HealthValue | None) -> DistrictIndex:
    return DistrictIndex(
        area_code=area.code, area_name=text_out(area.name), value=_places(row.value, 1) if row else None,
        mark=row.mark if row else "", coverage=_rounded(row.coverage, 4) if row else Decimal(0),
        at=row.at if row else None,
    )  # fmt: skip
