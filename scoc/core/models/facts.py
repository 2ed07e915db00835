"""The log of facts, its deliveries, the audit, and marks against doing things twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from scoc.core.fields import BilingualField


class FactRow(models.Model):
    """Something that happened (事实): append-only, canonical JSON of ids and codes, never persons or free text."""

    name = models.CharField(max_length=60)
    schema = models.PositiveSmallIntegerField()
    subject = models.CharField(max_length=60)
    body = models.TextField()
    digest = models.CharField(max_length=64)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    grade = models.PositiveSmallIntegerField(default=2)
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    correlation = models.CharField(max_length=32)

    class Meta:
        db_table = "core_fact"
        indexes = (
            models.Index(fields=("subject", "id"), name="core_fact_subject"),
            models.Index(fields=("name", "happened_at"), name="core_fact_name"),
            models.Index(fields=("recorded_at",), name="core_fact_recorded"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.subject}"


class Delivery(models.Model):
    """A fact for one handler, or a task to oneself: claimed by state, at least once, parked when poisonous."""

    class State(models.TextChoices):
        """Waiting for `next_try_at`, claimed until `claimed_until`, done, or parked for a person to look at."""

        WAITING = "waiting"
        CLAIMED = "claimed"
        DONE = "done"
        PARKED = "parked"

    handler = models.CharField(max_length=120)
    fact = models.ForeignKey(FactRow, on_delete=models.PROTECT, null=True, related_name="+")
    payload = models.TextField(blank=True)
    """Arguments of a task, as canonical JSON; empty for a fact."""
    unique = models.CharField(max_length=120, null=True, unique=True)  # noqa: DJ001  # NULL means "no key"
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    correlation = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    next_try_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    claim = models.CharField(max_length=32, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_delivery"
        indexes = (
            models.Index(fields=("next_try_at",), name="core_delivery_waiting", condition=models.Q(state="waiting")),
            models.Index(fields=("claimed_until",), name="core_delivery_claimed", condition=models.Q(state="claimed")),
            models.Index(fields=("id",), name="core_delivery_parked", condition=models.Q(state="parked")),
            models.Index(fields=("done_at",), name="core_delivery_done", condition=models.Q(state="done")),
        )

    def __str__(self) -> str:
        return f"{self.handler} {self.state}"


class CronMark(models.Model):
    """When a timed task was last put into the queue, in city time of a run."""

    task = models.CharField(max_length=120)
    run = models.ForeignKey("core.Run", on_delete=models.CASCADE, related_name="+")
    fired_at = models.DateTimeField()

    class Meta:
        db_table = "core_cron_mark"
        constraints = (models.UniqueConstraint(fields=("task", "run"), name="core_cron_once"),)

    def __str__(self) -> str:
        return self.task


class AuditEntry(models.Model):
    """Who tried what, when, from where, with which outcome (审计): append-only, written even when refused."""

    happened_at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=20)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=60, blank=True)
    detail = models.TextField(blank=True)
    detail_zh = models.TextField(null=True)  # noqa: DJ001  # NULL means "as in detail": what a person typed, older rows
    address = models.CharField(max_length=45, blank=True)
    correlation = models.CharField(max_length=32)

    class Meta:
        db_table = "core_audit"
        indexes = (
            models.Index(fields=("subject", "happened_at"), name="core_audit_subject"),
            models.Index(fields=("action", "happened_at"), name="core_audit_action"),
            models.Index(fields=("user", "happened_at"), name="core_audit_user"),
            models.Index(fields=("kind", "happened_at"), name="core_audit_kind"),
            models.Index(fields=("outcome", "happened_at"), name="core_audit_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.outcome}"


class IdempotencyMark(models.Model):
    """A request that was done under an `Idempotency-Key`, with its answer, so that a repeat is not done again."""

    principal = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    headers = models.JSONField(default=dict)
    recorded_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "core_idempotency"
        constraints = (models.UniqueConstraint(fields=("principal", "key"), name="core_idempotency_once"),)

    def __str__(self) -> str:
        return self.key


class Notice(models.Model):
    """A message to one post or user inside SCOC (站内通知), with the time it was read as its receipt."""

    post = models.ForeignKey("core.Post", on_delete=models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    subject = models.CharField(max_length=60)
    level = models.CharField(max_length=8, default="info")
    title = BilingualField()
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    happened_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "core_notice"
        indexes = (
            models.Index(fields=("post", "read_at", "id"), name="core_notice_post"),
            models.Index(fields=("user", "read_at", "id"), name="core_notice_user"),
        )

    def __str__(self) -> str:
        return self.title.zh
