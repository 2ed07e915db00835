"""What is done to devices: their maintenance, planned and done, and their calibration."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from scoc.core.fields import MicrosField


class Maintenance(models.Model):
    """One piece of upkeep of a device (维护记录): a window that was planned, and what was done in it."""

    class Kind(models.TextChoices):
        """What is done."""

        INSPECTION = "inspection"
        CLEANING = "cleaning"
        REPAIR = "repair"
        REPLACEMENT = "replacement"
        CALIBRATION = "calibration"
        FIRMWARE = "firmware"
        OTHER = "other"

    class State(models.TextChoices):
        """Planned, done, or called off."""

        PLANNED = "planned"
        DONE = "done"
        CANCELLED = "cancelled"

    device = models.ForeignKey("sensing.Device", on_delete=models.PROTECT, related_name="maintenance")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    starts = MicrosField()
    ends = MicrosField()
    """The window in the city's time; when the work was done or called off earlier, until then."""
    plan = models.CharField(max_length=500, blank=True)
    result = models.CharField(max_length=500, blank=True)
    """What was done, or why it was called off."""
    calibrated_until = models.DateField(null=True)
    """Of a calibration: the last city day on which it holds."""
    planned_by = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    planned_post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    planned_at = models.DateTimeField()
    ended_by = models.ForeignKey("core.User", on_delete=models.PROTECT, null=True, related_name="+")
    ended_post = models.ForeignKey("core.Post", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    """City time."""

    class Meta:
        db_table = "sensing_maintenance"
        indexes = (
            models.Index(fields=("device", "-starts", "-id"), name="sensing_maintenance_device"),
            models.Index(fields=("-starts", "-id"), name="sensing_maintenance_newest"),
            models.Index(fields=("state", "-starts", "-id"), name="sensing_maintenance_state"),
            models.Index(
                fields=("device", "ends"), name="sensing_maintenance_windows", condition=~Q(state="cancelled"),
            ),
            models.Index(
                fields=("device", "-ended_at"), name="sensing_maintenance_calib",
                condition=Q(kind="calibration", state="done"),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind} {self.state}"
