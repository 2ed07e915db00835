"""The catalogue of the lake: which tables there are, and which versions each has had."""

from __future__ import annotations

from django.db import models


class LakeTable(models.Model):
    """One table of the lake (数据湖表): rows of one declared schema, parted by at most one date column."""

    name = models.CharField(max_length=60, unique=True)
    columns = models.JSONField()
    """What was declared: a list of {name, type, nullable}, types as Arrow writes them."""
    partition = models.CharField(max_length=60, blank=True)
    sums = models.JSONField(default=list)
    """Names of the columns whose sums each version tells."""
    keep_days = models.PositiveIntegerField()
    """How long what a version no longer holds stays readable in older ones; stands in the table's own properties."""
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "lake_table"

    def __str__(self) -> str:
        return self.name


class LakeVersion(models.Model):
    """One version of a table (表版本), entered once its files are on the disk.

    Which version held at a time is asked here: the times of the lake's own files change when they are copied.
    `rows`, `sums` and `digest` tell what the version added; removed rows count negative. They add up over versions.
    """

    table = models.ForeignKey(LakeTable, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=20)
    """`create`, `append`, `delete`, `compact`, `vacuum`, or `foreign` for what another program wrote."""
    mark = models.CharField(max_length=32)
    """The random name of the commit, also in the log: a log that was put back from elsewhere is noticed by it."""
    rows = models.BigIntegerField(null=True)
    """Null where another program wrote it."""
    sums = models.JSONField(default=dict)
    """Exact sum of each column of the table's `sums`, as text."""
    digest = models.CharField(max_length=16, blank=True)
    """Sum of the digests of its rows modulo 2^64, in hex; the order of rows plays no part."""
    cursor_app = models.CharField(max_length=120, blank=True)
    cursor = models.BigIntegerField(null=True)
    """How far the load `cursor_app` has come with this version; stands in the same commit as its rows."""
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, null=True, related_name="+")
    committed_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    """When files of this version were removed because their time was up: it can no longer be read."""

    class Meta:
        db_table = "lake_version"
        constraints = (models.UniqueConstraint(fields=("table", "version"), name="lake_version_once"),)
        indexes = (
            models.Index(fields=("table", "committed_at"), name="lake_version_at"),
            models.Index(fields=("table", "cursor_app", "cursor"), name="lake_version_cursor"),
        )

    def __str__(self) -> str:
        return f"{self.table_id} v{self.version} {self.kind}"
