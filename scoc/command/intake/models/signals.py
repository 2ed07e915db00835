"""Everything that was reported to the city, one row per report."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField
from scoc.core.models import Envelope


class Signal(Envelope):
    """One report from outside or one alarm of the city's sensors (信号). Always part of exactly one situation.

    `happened_at` is when it was noticed out there. The reporter is a contact only; what people wrote is graded L3.
    """

    channel = models.CharField(max_length=2)
    """Source of the report, DOMAIN.md 1.2."""
    external_id = models.CharField(max_length=80)
    """The sender's own number; one signal per run, channel and number."""
    situation = models.ForeignKey("intake.Situation", on_delete=models.PROTECT, related_name="rows")
    category = models.CharField(max_length=60, blank=True)
    """Class of what is reported, e.g. `event/0506`; empty: unknown."""
    level = models.PositiveSmallIntegerField()
    name = BilingualField(null=True)
    """What a machine calls it, e.g. the name of the rule that was broken."""
    said = BilingualField(null=True)
    """What a machine says, in both languages."""
    text = models.TextField(blank=True)
    """What a person wrote or said, in their own words."""
    contact = models.ForeignKey("core.Contact", on_delete=models.PROTECT, null=True, related_name="+")
    """The reporter."""
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    place = models.CharField(max_length=160, blank=True)
    asset = models.ForeignKey("core.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    device = models.CharField(max_length=60, blank=True)
    """Key of the device that noticed it: a sensor, a camera."""
    rule = models.CharField(max_length=60, blank=True)
    """What the device looks for: a rule's code, a kind of picture analysis."""
    alarm_id = models.BigIntegerField(null=True)
    """The alarm in sensing that this signal stands for."""
    recurrences = models.PositiveIntegerField(default=1)
    """How often it happened by its own sender's count."""
    count = models.PositiveIntegerField(default=1)
    """How often in all: its own recurrences and the repeats counted on it."""
    last_at = models.DateTimeField()
    """When it happened last."""
    cleared_at = models.DateTimeField(null=True)
    """When its sender said that the condition is gone."""
    attachments = models.ManyToManyField("core.Attachment", related_name="+", db_table="intake_signal_attachment")

    class Meta:
        db_table = "intake_signal"
        constraints = (
            models.UniqueConstraint(fields=("run", "channel", "external_id"), name="intake_signal_once"),
            models.CheckConstraint(name="intake_signal_level", condition=models.Q(level__range=(1, 4))),
        )
        indexes = (
            models.Index(fields=("situation", "id"), name="intake_signal_situation"),
            models.Index(fields=("situation", "device"), name="intake_signal_seen_by"),
            models.Index(fields=("run", "device", "rule", "-last_at"), name="intake_signal_source"),
            models.Index(fields=("alarm_id", "-id"), name="intake_signal_alarm"),
        )

    def __str__(self) -> str:
        return f"signal {self.pk} ({self.channel})"


class Repeat(models.Model):
    """A signal of the same device and rule that was only counted on another one (同源累计), so that a storm of them
    does not flood the desk; kept by its number, since it must neither be counted twice nor forgotten when settled.
    """

    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="repeats")
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=2)
    external_id = models.CharField(max_length=80)
    alarm_id = models.BigIntegerField(null=True, db_index=True)
    recurrences = models.PositiveIntegerField(default=1)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "intake_repeat"
        constraints = (models.UniqueConstraint(fields=("run", "channel", "external_id"), name="intake_repeat_once"),)
        indexes = (models.Index(fields=("run", "happened_at"), name="intake_repeat_newest"),)

    def __str__(self) -> str:
        return f"repeat {self.pk} of signal {self.signal_id}"


class Answer(models.Model):
    """What a reporter is to be told (答复): noted when the situation ends, once for each signal with a reporter."""

    signal = models.OneToOneField(Signal, on_delete=models.PROTECT, related_name="answer")
    contact = models.ForeignKey("core.Contact", on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=40)
    """How it ended: the outcome of the case, or the reason of the dismissal."""
    by = models.CharField(max_length=60)
    """Subject id of what ended it, e.g. `cases:5`."""
    noted_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "intake_answer"

    def __str__(self) -> str:
        return f"answer to signal {self.signal_id}"
