"""Rules as data, the state of each over each datastream, and the alarms that came of them."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField, MicrosField
from scoc.core.models import Envelope, FlowRow, VersionRow


class Rule(VersionRow):
    """One version of an alarm rule (告警规则) over a property of many devices.

    `settings` by kind (DOMAIN.md 3.2): threshold {side, raise_at, clear_at, duration_seconds}; rate {side, change,
    clear_change, window_seconds}; deviation {side, k, clear_k, weeks, least_spread, least_samples, duration_seconds};
    silence {missed}. All but silence may have {broken_samples, of_samples} in place of a duration, and every kind
    {days, hours}: when it looks.
    """

    class Kind(models.TextChoices):
        """What is compared with what."""

        THRESHOLD = "threshold"
        RATE = "rate"
        DEVIATION = "deviation"
        SILENCE = "silence"

    class Level(models.TextChoices):
        """Three alarm levels (DOMAIN.md 2.6)."""

        SEVERE = "severe"
        MAJOR = "major"
        MINOR = "minor"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = BilingualField()
    device_type = models.ForeignKey("sensing.DeviceType", on_delete=models.PROTECT, null=True, related_name="+")
    """Whose property it looks at; null for devices of every type."""
    property = models.CharField(max_length=40)
    target = models.JSONField(default=dict)
    """What it is narrowed to: {within: code of an area, devices: [keys]}."""
    suppresses = models.BooleanField(default=False)
    """Whether its alarms keep back those of the devices that hang on theirs."""
    own = models.BooleanField(default=False)
    """Made in SCOC itself; all others are the city pack's."""
    level = models.CharField(max_length=8, choices=Level.choices)
    category = models.CharField(max_length=60, blank=True)
    """Class of the case that may come of it, e.g. `event/0506`."""
    settings = models.JSONField()
    recurrence_seconds = models.PositiveIntegerField()
    """An alarm that comes back within this time after it cleared is the same alarm again."""

    class Meta:
        db_table = "sensing_rule"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="sensing_rule_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class RuleState(models.Model):
    """Where one rule stands over one datastream; read and written in the transaction of the readings."""

    class Phase(models.TextChoices):
        """Condition absent, present but not long enough, or in alarm."""

        NORMAL = "normal"
        PENDING = "pending"
        ALARM = "alarm"

    rule_code = models.CharField(max_length=60)
    datastream = models.ForeignKey("sensing.Datastream", on_delete=models.CASCADE, related_name="+")
    phase = models.CharField(max_length=8, choices=Phase.choices)
    since = MicrosField()
    """When the phase began; for an alarm, when the condition began to hold."""
    last_at = MicrosField()
    """Time of the newest reading that was judged."""
    memory = models.JSONField(default=dict)
    """`peak` so far; for a rate rule `low` and `high`, what it must remember of the readings inside its window."""
    alarm = models.ForeignKey("sensing.Alarm", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "sensing_rule_state"
        constraints = (models.UniqueConstraint(fields=("datastream", "rule_code"), name="sensing_rule_state_once"),)

    def __str__(self) -> str:
        return f"{self.rule_code} {self.datastream_id} {self.phase}"


class Baseline(models.Model):
    """What is usual for a datastream in one hour of the week (0 = Monday 00:00 city time): median and MAD."""

    datastream = models.ForeignKey("sensing.Datastream", on_delete=models.CASCADE, related_name="+")
    hour_of_week = models.PositiveSmallIntegerField()
    median = models.FloatField()
    mad = models.FloatField()
    n = models.PositiveIntegerField()
    computed_at = models.DateTimeField()

    class Meta:
        db_table = "sensing_baseline"
        constraints = (models.UniqueConstraint(fields=("datastream", "hour_of_week"), name="sensing_baseline_once"),)

    def __str__(self) -> str:
        return f"{self.datastream_id} {self.hour_of_week}"


class Alarm(Envelope):
    """One episode in which a rule was broken (告警). Every recurrence is kept; one alarm, not a hundred."""

    class State(models.TextChoices):
        """New, seen by a person, judged false, or settled by what came of it above."""

        NEW = "new"
        ACKNOWLEDGED = "acknowledged"
        FALSE = "false"
        SETTLED = "settled"

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="+")
    datastream = models.ForeignKey("sensing.Datastream", on_delete=models.PROTECT, related_name="+")
    device = models.ForeignKey("sensing.Device", on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=8, choices=Rule.Level.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.NEW)
    active = models.BooleanField(default=True)
    """Whether the condition still holds."""
    cleared_at = models.DateTimeField(null=True)
    recurrences = models.PositiveIntegerField(default=1)
    value = models.FloatField(null=True)
    """The value that raised it; for silence the last one known, if any."""
    peak = models.FloatField(null=True)
    """The value furthest out so far."""
    settled_by = models.CharField(max_length=60, blank=True)
    told = models.BooleanField(default=True)
    """Whether the city was told that it was raised; an alarm that is kept back from the start is not told of."""
    suppressed_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    """The alarm above it that explains it: a gateway's, of a device behind it."""
    shelved_until = models.DateTimeField(null=True)
    """A person set it aside until then."""
    flapping_since = models.DateTimeField(null=True)
    """It comes and goes too often to be told each time; `active` until it is stable."""
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "sensing_alarm"
        indexes = (
            models.Index(fields=("run", "-happened_at", "-id"), name="sensing_alarm_newest"),
            models.Index(fields=("datastream", "-id"), name="sensing_alarm_stream"),
            models.Index(
                fields=("run", "-happened_at"), name="sensing_alarm_open",
                condition=models.Q(state__in=("new", "acknowledged")),
            ),
            models.Index(fields=("device",), name="sensing_alarm_standing", condition=models.Q(active=True)),
            models.Index(
                fields=("run", "-happened_at", "-id"), name="sensing_alarm_suppressed",
                condition=models.Q(suppressed_by__isnull=False),
            ),
            models.Index(
                fields=("run", "shelved_until"), name="sensing_alarm_shelved",
                condition=models.Q(shelved_until__isnull=False),
            ),
            models.Index(
                fields=("run", "flapping_since"), name="sensing_alarm_flapping",
                condition=models.Q(flapping_since__isnull=False),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"alarm {self.pk} {self.state}"


class AlarmOccurrence(models.Model):
    """One time that the condition held, from its start to its end."""

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="occurrences")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    value = models.FloatField(null=True)
    peak = models.FloatField(null=True)

    class Meta:
        db_table = "sensing_alarm_occurrence"

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.started_at}"


class AlarmShelf(models.Model):
    """An alarm set aside (搁置) by a person for a while: what comes of the same rule and datastream stays quiet."""

    class End(models.TextChoices):
        """How it ended: its time was up, or a person took the alarm back before."""

        OVER = "over"
        TAKEN_BACK = "taken_back"

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="shelves")
    rule_code = models.CharField(max_length=60)
    datastream = models.ForeignKey("sensing.Datastream", on_delete=models.CASCADE, related_name="+")
    recurrences = models.PositiveIntegerField()
    """How often the alarm had been raised by then."""
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()
    until = models.DateTimeField()
    actor = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=10, choices=End.choices, blank=True)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "sensing_alarm_shelf"
        indexes = (models.Index(fields=("datastream", "rule_code", "-at"), name="sensing_alarm_shelf_stream"),)
        constraints = (
            models.UniqueConstraint(
                fields=("datastream", "rule_code"), name="sensing_alarm_shelf_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.alarm_id} until {self.until}"


class AlarmFlow(FlowRow):
    """The flow of an alarm's states."""

    alarm = models.ForeignKey(Alarm, on_delete=models.PROTECT, related_name="flow")

    class Meta:
        db_table = "sensing_alarm_flow"
        constraints = (models.UniqueConstraint(fields=("alarm", "version"), name="sensing_alarm_flow_once"),)

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.to_state}"
