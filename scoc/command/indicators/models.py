"""Vital signs of the city: what is measured and how (versions), every value ever computed, and the health index."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField, ScaledField
from scoc.core.models import Envelope, Grade, VersionRow
from scoc.core.text_index import TextIndex


class Level(models.TextChoices):
    """Where a value stands by its thresholds; no value is unknown, which is never zero or green."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    UNKNOWN = "unknown"


class Indicator(VersionRow):
    """One version of an indicator's definition (指标口径, DOMAIN.md 3.2). A change makes the next version."""

    class Direction(models.TextChoices):
        """Which values are better: high ones, low ones, or those inside a band."""

        HIGHER = "higher"
        LOWER = "lower"
        INTERVAL = "interval"

    class Aggregation(models.TextChoices):
        """How a value of a larger area or longer time comes of smaller ones; `own`: it is measured by itself."""

        SUM = "sum"
        MEAN = "mean"
        LAST = "last"
        RATIO = "ratio_of_sums"
        OWN = "own"

    class Grain(models.TextChoices):
        """How often a value is due."""

        FIVE_MINUTES = "five_minutes"
        HOUR = "hour"
        DAY = "day"

    class Period(models.TextChoices):
        """时点 a moment · 时期 the last grain · 累计 since the span began · 当期 the whole span · 滚动 the last days.

        `current` measures the whole day, month or year, though it is not over: what falls due later in it and is done
        already counts, as 按期结案率 by deadline in the period asks for.
        """

        POINT = "point"
        SPAN = "span"
        CUMULATIVE = "cumulative"
        CURRENT = "current"
        ROLLING = "rolling"

    class Freshness(models.TextChoices):
        """Stale by the age of the newest input (sensors), or by the age of the value alone (own records)."""

        SOURCE = "source"
        RECORDS = "records"

    class Basis(models.TextChoices):
        """What the thresholds rest on."""

        LAW = "law"
        STANDARD = "standard"
        PLAN = "plan"
        HISTORY = "history"

    class Collection(models.TextChoices):
        """How values come in."""

        AUTO = "auto"
        MANUAL = "manual"
        SURVEY = "survey"

    name = BilingualField()
    theme = models.CharField(max_length=40)
    definition = BilingualField()
    formula = BilingualField()
    numerator = BilingualField()
    """Name of the numerator; empty for a figure that is no ratio."""
    denominator = BilingualField()
    unit = BilingualField()
    factor = models.PositiveIntegerField(default=1)
    """What a ratio is multiplied by: 100 for per cent, 10 000 for 万人."""
    places = models.PositiveSmallIntegerField()
    direction = models.CharField(max_length=10, choices=Direction.choices)
    aggregation = models.CharField(max_length=14, choices=Aggregation.choices)
    grain = models.CharField(max_length=14, choices=Grain.choices)
    period = models.CharField(max_length=12, choices=Period.choices)
    span = models.CharField(max_length=8, blank=True)
    """Cumulative and current: `day`, `month` or `year`; rolling: a number of days, e.g. `30`."""
    by_district = models.BooleanField(default=True)
    """Space grain: the city alone, or each district as well."""
    measure = models.CharField(max_length=60)
    parameters = models.JSONField(default=dict)
    collection = models.CharField(max_length=8, choices=Collection.choices)
    freshness = models.CharField(max_length=8, choices=Freshness.choices)
    latency_seconds = models.PositiveIntegerField()
    """Older than this beyond its grain, a value is stale."""
    delay_seconds = models.PositiveIntegerField()
    """A window is measured this long after its end."""
    settle_seconds = models.PositiveIntegerField()
    """So long after its end a window is measured again, since readings come late."""
    low = models.JSONField(null=True)
    """Limits where lower is worse: {best, green, yellow, orange, worst} as decimals in text; orange may be null."""
    high = models.JSONField(null=True)
    """Limits where higher is worse."""
    hysteresis = ScaledField(places=6)
    """A level counts as recovered only when its limit is passed by this much."""
    basis = models.CharField(max_length=10, choices=Basis.choices)
    basis_text = BilingualField()
    owner = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    provider = BilingualField()
    """Who or what gives the data, as screens show it beside the figure."""
    weight = ScaledField(places=6)
    """Weight in its theme; 0 keeps it out of the health index."""
    bottom_line = models.BooleanField(default=False)
    """底线指标: while it is red, its theme's score is capped."""
    grade = models.PositiveSmallIntegerField(choices=Grade.choices, default=Grade.L2_INTERNAL)
    position = models.PositiveSmallIntegerField(default=100)

    class Meta:
        db_table = "indicators_indicator"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="indicators_indicator_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


INDICATOR_TEXT = TextIndex("indicators_indicator", ("name:both", "code"))


class IndicatorValue(Envelope):
    """One value of an indicator for a window in an area (指标值): append-only.

    Computing a window anew makes the next revision; reads as of a time take the revision known then. `happened_at`
    is the end of the window; `area` is the city's own row for the whole city; `organisation` owns the indicator.
    """

    class Status(models.TextChoices):
        """Measured; not measurable; or measured from inputs that are older than allowed."""

        OK = "ok"
        UNKNOWN = "unknown"
        STALE = "stale"

    indicator = models.ForeignKey(Indicator, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=60)
    area_code = models.CharField(max_length=20)
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    revision = models.PositiveIntegerField()
    value = ScaledField(places=6, null=True)
    numerator = ScaledField(places=6, null=True)
    denominator = ScaledField(places=6, null=True)
    samples = models.PositiveIntegerField()
    latest_at = models.DateTimeField(null=True)
    """When the newest input happened."""
    inputs = models.JSONField()
    inputs_digest = models.CharField(max_length=64)
    """SHA-256 of numerator, denominator, samples and inputs: the same digest means the same figure."""
    status = models.CharField(max_length=8, choices=Status.choices)
    level = models.CharField(max_length=8, choices=Level.choices)
    signal = models.CharField(max_length=8, choices=Level.choices)
    """The level with hysteresis; a change of it is told as a fact."""
    as_of = models.DateTimeField()
    """What was asked of the measure: everything known at the computation, by whichever clock runs ahead."""
    computed_at = models.DateTimeField()
    """City time of the computation; reads as of a time go by this."""

    class Meta:
        db_table = "indicators_value"
        constraints = (
            models.UniqueConstraint(
                fields=("run", "code", "area_code", "window_end", "window_start", "revision"),
                name="indicators_value_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("run", "code", "area_code", "-window_end", "-revision"), name="indicators_value_newest"
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.area_code} {self.window_end:%Y-%m-%d %H:%M} r{self.revision}"


class IndexScheme(VersionRow):
    """One version of the health index's scheme: `content` names weights, grades, cap and its indicators' versions."""

    content = models.JSONField()
    digest = models.CharField(max_length=64)

    class Meta:
        db_table = "indicators_scheme"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="indicators_scheme_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class HealthValue(Envelope):
    """The composite health index of an area at a time (城市健康指数): append-only, with why it is what it is."""

    scheme = models.ForeignKey(IndexScheme, on_delete=models.PROTECT, related_name="+")
    area_code = models.CharField(max_length=20)
    at = models.DateTimeField()
    revision = models.PositiveIntegerField()
    value = ScaledField(places=6, null=True)
    mark = models.CharField(max_length=20, blank=True)
    """Code of the grade (等级), e.g. `good`."""
    coverage = ScaledField(places=6)
    """Share of the weights that had a value, 0 to 1."""
    known = models.PositiveSmallIntegerField()
    total = models.PositiveSmallIntegerField()
    themes = models.JSONField()
    """Per theme: code, score, weight, lost, capped."""
    contributions = models.JSONField()
    """Per indicator: code, version, theme, value id, score, weight, points lost, carried, dropped."""
    computed_at = models.DateTimeField()

    class Meta:
        db_table = "indicators_health"
        constraints = (
            models.UniqueConstraint(fields=("run", "area_code", "at", "revision"), name="indicators_health_once"),
        )
        indexes = (models.Index(fields=("run", "area_code", "-at", "-revision"), name="indicators_health_newest"),)

    def __str__(self) -> str:
        return f"{self.area_code} {self.at:%Y-%m-%d %H:%M} {self.value}"
