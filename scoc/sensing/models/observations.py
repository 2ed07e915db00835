"""What was observed. Tables with very many rows: times are microseconds, nothing references them by key."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import MicrosField


class Observation(models.Model):
    """One reading (观测值). The id is time-ordered; PostgreSQL partitions the table by month of `at`.

    `dedup_key` is unique with the datastream and the time. A datastream that ignores repeats, or lets them replace the
    first, has the empty text, so that its phenomenon time alone decides; one that keeps repeats has the sender's key,
    or null where none is given.
    """

    id = models.BigIntegerField(primary_key=True)
    datastream = models.ForeignKey(
        "sensing.Datastream", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    at = MicrosField()
    """Phenomenon time: when it was so."""
    result = models.FloatField(null=True)
    """The number; null where the result is something else."""
    recorded = MicrosField()
    until = MicrosField(null=True)
    """When it ended to be so, where the phenomenon time is an interval."""
    result_at = MicrosField(null=True)
    """When the result was made (resultTime), if the sender said so."""
    other = models.JSONField(null=True)
    """A result that is no number."""
    quality = models.JSONField(null=True)
    valid_from = MicrosField(null=True)
    valid_until = MicrosField(null=True)
    parameters = models.JSONField(null=True)
    feature_id = models.BigIntegerField(null=True)
    """What it is about, where that is not the place of its thing."""
    dedup_key = models.CharField(max_length=120, null=True)  # noqa: DJ001  # null means "keep every repeat"

    class Meta:
        db_table = "sensing_observation"
        constraints = (
            models.UniqueConstraint(fields=("datastream", "at", "dedup_key"), name="sensing_observation_once"),
        )

    def __str__(self) -> str:
        return f"{self.datastream_id} {self.at} {self.result}"


class WriterNumber(models.Model):
    """A number that one writing process holds at a time; it stands in the ids of the observations that it stores."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    holder = models.CharField(max_length=32, blank=True)
    until = models.DateTimeField(db_index=True)
    """Until when it is lent, in wall time."""

    class Meta:
        db_table = "sensing_writer_number"
        indexes = (models.Index(fields=("holder",), name="sensing_writer_holder"),)

    def __str__(self) -> str:
        return f"{self.number} until {self.until}"


class Interest(models.Model):
    """A datastream whose observations somebody listens for; private to `ingest.interest`, which has words for more."""

    holder = models.CharField(max_length=32)
    datastream_id = models.BigIntegerField()
    until = models.DateTimeField()

    class Meta:
        db_table = "sensing_interest"
        constraints = (models.UniqueConstraint(fields=("holder", "datastream_id"), name="sensing_interest_once"),)

    def __str__(self) -> str:
        return f"{self.holder} {self.datastream_id}"


class News(models.Model):
    """A new observation, or an entity just written, that somebody listens for; kept for a minute."""

    entity = models.CharField(max_length=20)
    """The entity set."""
    number = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "sensing_news"

    def __str__(self) -> str:
        return f"{self.entity} {self.number}"


class Latest(models.Model):
    """The newest reading of a datastream: screens read this, never history. Of several at one time the greatest."""

    datastream = models.OneToOneField(
        "sensing.Datastream", primary_key=True, on_delete=models.CASCADE, related_name="latest"
    )
    at = MicrosField()
    result = models.FloatField(null=True)
    """Null where the newest result is no number."""
    observation_id = models.BigIntegerField()
    recorded = MicrosField(db_index=True)
    first_at = MicrosField(null=True)
    """When the oldest reading was."""

    class Meta:
        db_table = "sensing_latest"

    def __str__(self) -> str:
        return f"{self.datastream_id} {self.result}"


class Rollup(models.Model):
    """Count, minimum, maximum, sum and last of a datastream in one hour or city day, kept up with each batch."""

    class Grain(models.IntegerChoices):
        """Length of the bucket in minutes; a day is a day of the city's zone."""

        HOUR = 60
        DAY = 1440

    pk = models.CompositePrimaryKey("datastream", "grain", "bucket")
    datastream = models.ForeignKey(
        "sensing.Datastream", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    grain = models.SmallIntegerField(choices=Grain.choices)
    bucket = MicrosField()
    n = models.BigIntegerField()
    minimum = models.FloatField()
    maximum = models.FloatField()
    total = models.BigIntegerField()
    """Sum × 10^places of the datastream: exact, whatever the order of arrival."""
    last_at = MicrosField()
    last = models.FloatField()
    """The newest value; of several at one time the greatest, so that the order of arrival does not matter."""
    recorded = MicrosField()
    """When the newest of its readings was recorded: what was known at an earlier time is counted from raw rows."""

    class Meta:
        db_table = "sensing_rollup"

    def __str__(self) -> str:
        return f"{self.datastream_id} {self.grain} {self.bucket}"


class Rejected(models.Model):
    """A reading that was refused (拒收), with its reason: never mended silently, kept for inspection."""

    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=60)
    device_key = models.CharField(max_length=60, blank=True)
    property = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=30)
    detail = models.CharField(max_length=200)
    raw = models.CharField(max_length=300)
    recorded_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "sensing_rejected"
        indexes = (
            models.Index(fields=("run", "-id"), name="sensing_rejected_newest"),
            models.Index(fields=("device_key", "-id"), name="sensing_rejected_device"),
        )

    def __str__(self) -> str:
        return f"{self.device_key} {self.reason}"


class RejectedCount(models.Model):
    """How many readings were refused, by city day, source, device and reason; complete even where rows are not kept.

    Readings of unknown devices are counted under the empty key, so that made-up keys do not fill the table.
    """

    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    source = models.CharField(max_length=60)
    device_key = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=30)
    n = models.BigIntegerField(default=0)

    class Meta:
        db_table = "sensing_rejected_count"
        constraints = (
            models.UniqueConstraint(
                fields=("run", "day", "source", "device_key", "reason"), name="sensing_rejected_count_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.reason} {self.n}"
