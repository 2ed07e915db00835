"""What came at each door and what became of it."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import MicrosField


class Account(models.Model):
    """Readings by city day, source and device (收支): received = stored + duplicate + rejected, in each transaction.

    Readings of unknown devices are counted under the empty key, so that made-up keys do not fill the table.
    """

    pk = models.CompositePrimaryKey("run", "day", "source", "device_key")
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    source = models.CharField(max_length=60)
    device_key = models.CharField(max_length=60, blank=True)
    received = models.BigIntegerField(default=0)
    """Counted where readings come in, before anything is looked at."""
    stored = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0)
    """Requests that were refused as a whole, with no reading looked at: too large, malformed, a wrong credential."""
    withdrawn = models.BigIntegerField(default=0)
    """Of the stored ones those that are not there any more: removed, or moved to another device, where it is less than
    none."""
    first_recorded = MicrosField()
    last_recorded = MicrosField()
    """From when to when, in wall time, it was written; the days of a run do not overlap."""

    class Meta:
        db_table = "sensing_account"

    def __str__(self) -> str:
        return f"{self.day} {self.source} {self.device_key} {self.received}"


class AccountProof(models.Model):
    """Whether the accounts of a day agree with the tables themselves, as of the last look."""

    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    proved_at = models.DateTimeField()
    received = models.BigIntegerField()
    wrong = models.PositiveIntegerField()
    """How much does not agree."""
    amiss = models.BigIntegerField()
    """By how many readings."""
    findings = models.JSONField(default=list)
    """The first ones of what does not agree."""

    class Meta:
        db_table = "sensing_account_proof"
        constraints = (models.UniqueConstraint(fields=("run", "day"), name="sensing_account_proof_once"),)

    def __str__(self) -> str:
        return f"{self.day} {self.wrong}"
