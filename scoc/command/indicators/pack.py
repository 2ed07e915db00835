"""What a city pack may configure of indicators: their definitions, and how the health index is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from scoc.command.indicators.measures import PARAMETERS
from scoc.command.indicators.models import Indicator
from scoc.core.city import Changes, Pack, PackRow, Problem, Section, SettingsTable, declare_section, declare_settings
from scoc.core.measures import MEASURES
from scoc.core.models import Organisation
from scoc.core.now import city_now, wall_now
from scoc.core.pack import ALWAYS, CODE, EN, ZH
from scoc.kit.text import Text

TEXT_ZH = Field("", max_length=400)
TEXT_EN = Field("", max_length=600)
LIMIT = Field(ge=Decimal(-(10**9)), le=Decimal(10**9), max_digits=15, decimal_places=6)


class Side(PackRow):
    """Limits on one side, from best (score 100) over green (80) and yellow (60) to worst (0).

    A value at a limit still has the better level. `orange` parts the range below yellow into orange and red.
    """

    best: Decimal = LIMIT
    green: Decimal = LIMIT
    yellow: Decimal = LIMIT
    orange: Decimal | None = Field(None, ge=Decimal(-(10**9)), le=Decimal(10**9), max_digits=15, decimal_places=6)
    worst: Decimal = LIMIT

    @model_serializer(mode="wrap")
    def _without_nothing(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what is given: TOML has no null."""
        return {name: value for name, value in dump(self).items() if value is not None}

    def ordered(self) -> list[Decimal]:
        """The limits from best to worst."""
        return [self.best, self.green, self.yellow, *([self.orange] if self.orange is not None else []), self.worst]


class ThemeIn(BaseModel):
    """A theme of the health index with its weight among the themes."""

    model_config = ConfigDict(extra="forbid")
    code: str = CODE
    name_zh: str = ZH
    name_en: str = EN
    weight: Decimal = Field(gt=0, le=1000, max_digits=9, decimal_places=3)


class MarkIn(BaseModel):
    """A grade of the health index: it holds from `least` points up to the next one."""

    model_config = ConfigDict(extra="forbid")
    code: str = CODE
    name_zh: str = ZH
    name_en: str = EN
    least: Decimal = Field(ge=0, le=100, max_digits=6, decimal_places=3)


class HealthSettings(BaseModel):
    """`[health_index]`: how the composite index is made (DOMAIN.md 3.4). The defaults are examples; cities set theirs.

    `carry_periods`: a missing indicator keeps its last value for so many of its grains, marked as carried.
    `bottom_line_cap`: a theme with a red bottom-line indicator scores no more than this.
    `least_coverage`: below this share of known weights no index is given.
    `target`: the score that the city wants of each theme; screens mark the themes below it.
    """

    model_config = ConfigDict(extra="forbid")
    themes: list[ThemeIn] = Field(
        default_factory=lambda: [
            ThemeIn(code="air", name_zh="空气", name_en="Air", weight=Decimal(40)),
            ThemeIn(code="management", name_zh="城市管理", name_en="City management", weight=Decimal(40)),
            ThemeIn(code="operation", name_zh="运行保障", name_en="Operation", weight=Decimal(20)),
        ],
        min_length=1,
        max_length=40,
    )
    grades: list[MarkIn] = Field(
        default_factory=lambda: [
            MarkIn(code="excellent", name_zh="优秀", name_en="Excellent", least=Decimal(90)),
            MarkIn(code="good", name_zh="良好", name_en="Good", least=Decimal(80)),
            MarkIn(code="fair", name_zh="一般", name_en="Fair", least=Decimal(60)),
            MarkIn(code="poor", name_zh="较差", name_en="Poor", least=Decimal(0)),
        ],
        min_length=1,
        max_length=12,
    )
    carry_periods: int = Field(3, ge=0, le=100)
    bottom_line_cap: Decimal = Field(Decimal(60), ge=0, le=100, max_digits=6, decimal_places=3)
    least_coverage: Decimal = Field(Decimal("0.5"), ge=0, le=1, max_digits=4, decimal_places=3)
    target: Decimal = Field(Decimal(80), ge=0, le=100, max_digits=6, decimal_places=3)


declare_settings(SettingsTable("health_index", HealthSettings))


class IndicatorIn(PackRow):
    """One indicator of `indicators.toml` (DOMAIN.md 3.2). A changed row makes the next version of its definition."""

    code: str = Field(pattern=r"^[A-Z]{2}\d{2}[A-Z]?$", description="E.g. AI01; two letters of the theme, two digits.")
    theme: str = CODE
    name_zh: str = ZH
    name_en: str = EN
    definition_zh: str = Field(min_length=1, max_length=400)
    definition_en: str = Field(min_length=1, max_length=600)
    formula_zh: str = Field(min_length=1, max_length=400)
    formula_en: str = Field(min_length=1, max_length=600)
    numerator_zh: str = TEXT_ZH
    numerator_en: str = TEXT_EN
    denominator_zh: str = TEXT_ZH
    denominator_en: str = TEXT_EN
    unit_zh: str = Field("", max_length=20, description="Empty for an index without unit.")
    unit_en: str = Field("", max_length=20)
    factor: Literal[1, 100, 1000, 10000, 100000, 1000000] = Field(1, description="100 for per cent, 10000 for 万人.")
    places: int = Field(0, ge=0, le=6, description="Decimal places of the value; rounded half to even.")
    direction: Literal["higher", "lower", "interval"] = Field(description="Which values are better.")
    aggregation: Literal["sum", "mean", "last", "ratio_of_sums", "own"]
    grain: Literal["five_minutes", "hour", "day"] = Field(description="How often a value is due.")
    period: Literal["point", "span", "cumulative", "current", "rolling"] = Field(
        description="A moment; the last grain; since `span` began; the whole current `span`; the last `span` days."
    )
    span: str = Field("", pattern=r"^(|day|month|year|[1-9]\d{0,2})$")
    by_district: bool = Field(default=True, description="Whether each district has its own value.")
    measure: str = Field(pattern=r"^[a-z_]+\.[a-z_0-9]+$", max_length=60, description="A measure that a module offers.")
    parameters: dict[str, str | int | bool | list[str]] = Field(default_factory=dict, max_length=20)
    collection: Literal["auto", "manual", "survey"] = "auto"
    freshness: Literal["source", "records"] = Field(
        "source", description="Stale by the age of the newest input, or by the age of the value alone."
    )
    latency_minutes: int = Field(ge=0, le=60 * 24 * 400, description="Allowed age beyond the grain before stale.")
    delay_minutes: int = Field(0, ge=0, le=60 * 24, description="A window is measured this long after its end.")
    settle_minutes: int = Field(0, ge=0, le=60 * 24 * 40, description="So long a window is measured again.")
    low: Side | None = Field(None, description="Limits where lower is worse.")
    high: Side | None = Field(None, description="Limits where higher is worse.")
    hysteresis: Decimal = Field(Decimal(0), ge=0, le=10**6, max_digits=12, decimal_places=6)
    basis: Literal["law", "standard", "plan", "history"]
    basis_zh: str = ZH
    basis_en: str = EN
    owner: str | None = Field(None, description="Credit code of the organisation that answers for it.")
    provider_zh: str = Field(min_length=1, max_length=60)
    provider_en: str = Field(min_length=1, max_length=80)
    weight: Decimal = Field(Decimal(0), ge=0, le=1000, max_digits=9, decimal_places=3)
    bottom_line: bool = False
    grade: Literal[1, 2, 3, 4] = 2
    position: int = Field(100, ge=0, le=999)
    source: str = Field("", max_length=200, description="Standard or decision that the definition comes from.")
    approved_by: str = Field("", max_length=120)


_PAIRS = ("name", "definition", "formula", "numerator", "denominator", "unit", "provider")
_PLAIN = (
    "theme", "factor", "places", "direction", "aggregation", "grain", "period", "span", "by_district", "measure",
    "parameters", "collection", "freshness", "hysteresis", "basis", "weight", "bottom_line", "grade", "position",
    "source", "approved_by",
)  # fmt: skip
_TIMES = ("latency", "delay", "settle")


def _problem(row: IndicatorIn, direction_sides: set[str]) -> tuple[str, str, str] | None:
    """Field, message and remedy of the first thing that does not fit together."""
    given = {name for name in ("low", "high") if getattr(row, name) is not None}
    if given != direction_sides:
        return ("direction", f"`{row.direction}` needs the limits {' and '.join(sorted(direction_sides))}.",
                "Give exactly these tables.")  # fmt: skip
    for name, sign in (("low", -1), ("high", 1)):
        side: Side | None = getattr(row, name)
        if side is None:
            continue
        limits = [sign * limit for limit in side.ordered()]
        if limits != sorted(limits) or limits[0] == limits[-1]:
            return (name, "The limits must go from best to worst.",
                    "Order best, green, yellow, orange, worst; best and worst differ.")  # fmt: skip
    if row.low and row.high and row.low.best > row.high.best:
        return ("low", "The best band ends before it begins.", "low.best may not exceed high.best.")
    a_span = row.span in ("day", "month", "year")
    wanted = {"cumulative": a_span, "current": a_span, "rolling": row.span.isdigit()}
    if not wanted.get(row.period, row.span == ""):
        return ("span", f"`{row.span}` does not fit the period `{row.period}`.",
                "cumulative, current: day, month or year; rolling: a number of days; else nothing.")  # fmt: skip
    if row.period == "span" and row.grain == "five_minutes":
        return ("grain", "A whole span is an hour or a day.", "Use hour or day.")
    return None


_SIDES = {"higher": {"low"}, "lower": {"high"}, "interval": {"low", "high"}}


def _parameter_problems(shape: type[BaseModel], row: IndicatorIn, file: str, line: int) -> Iterable[Problem]:
    try:
        shape.model_validate(row.parameters)
    except ValidationError as error:
        for item in error.errors():
            name = ".".join(str(part) for part in ("parameters", *item["loc"]))
            yield Problem(file, line, name, f"{item['msg']}.", f"{row.measure} takes {', '.join(shape.model_fields)}.")


def _check(pack: Pack, rows: Sequence[tuple[IndicatorIn, str, int]]) -> Iterable[Problem]:
    settings = HealthSettings.model_validate(pack.settings.get("health_index", {}))
    themes = {theme.code for theme in settings.themes}
    for row, file, line in rows:
        if row.measure not in MEASURES:
            yield Problem(file, line, "measure", f"No module offers the measure `{row.measure}`.",
                          f"Name one of {', '.join(sorted(MEASURES))}.")  # fmt: skip
        shape = PARAMETERS.get(row.measure)
        if shape is not None:
            yield from _parameter_problems(shape, row, file, line)
        if row.theme not in themes:
            yield Problem(file, line, "theme", f"`{row.theme}` is not among the themes of [health_index].",
                          f"Name one of {', '.join(sorted(themes))} or add it.")  # fmt: skip
        wrong = _problem(row, _SIDES[row.direction])
        if wrong:
            yield Problem(file, line, *wrong)


def _side(stored: dict[str, Any] | None) -> Side | None:
    return None if stored is None else Side.model_validate(stored)


def _current() -> Iterable[IndicatorIn]:
    for row in Indicator.objects.filter(valid_to=None).select_related("owner"):
        texts = {f"{name}_{lang}": getattr(getattr(row, name), lang) for name in _PAIRS for lang in ("zh", "en")}
        yield IndicatorIn(
            code=row.code, basis_zh=row.basis_text.zh, basis_en=row.basis_text.en, low=_side(row.low),
            high=_side(row.high), owner=row.owner.code if row.owner else None, **texts,
            **{name: getattr(row, name) for name in _PLAIN},
            **{f"{name}_minutes": getattr(row, f"{name}_seconds") // 60 for name in _TIMES},
        )  # fmt: skip


def _stored(row: IndicatorIn, owners: dict[str, int]) -> dict[str, Any]:
    return {
        **{name: Text(getattr(row, f"{name}_zh"), getattr(row, f"{name}_en")) for name in _PAIRS},
        **{name: getattr(row, name) for name in _PLAIN},
        **{f"{name}_seconds": getattr(row, f"{name}_minutes") * 60 for name in _TIMES},
        "basis_text": Text(row.basis_zh, row.basis_en),
        "low": row.low.model_dump(mode="json") if row.low else None,
        "high": row.high.model_dump(mode="json") if row.high else None,
        "owner_id": owners[row.owner] if row.owner else None,
    }


def _apply(changes: Changes[IndicatorIn]) -> None:
    """Changed definitions get the next version; values keep the version that they were computed with."""
    moment = city_now()
    versions = dict(Indicator.objects.order_by("version").values_list("code", "version"))
    ended = [row.code for row in [*changes.removed, *changes.changed]]
    Indicator.objects.filter(code__in=ended, valid_to=None).update(valid_to=moment)
    owners = dict(Organisation.objects.values_list("code", "id"))
    Indicator.objects.bulk_create(
        Indicator(code=row.code, version=versions.get(row.code, 0) + 1, recorded_at=wall_now(),
                  valid_from=moment if row.code in versions else ALWAYS, **_stored(row, owners))
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


declare_section(
    Section("indicators", ("indicators.toml",), "indicator", IndicatorIn, ("code",), _current, _apply,
            references={"owner": "organisations"}, check=_check)
)  # fmt: skip
