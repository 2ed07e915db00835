"""Devices of the city and the series that each gives."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField, MicrosField
from scoc.core.text_index import TextIndex


class DeviceType(models.Model):
    """A kind of device (设备类型), e.g. an air station or a water-level gauge."""

    code = models.CharField(max_length=40, unique=True)
    name = BilingualField()
    streams = models.JSONField(default=list)
    """What every device of the type observes: a list of {property, name_zh, name_en, unit, places, minimum, maximum,
    cadence_seconds, repeat}, as the city pack gave it."""
    retired = models.BooleanField(default=False)
    """No longer in the pack; kept for the history of its devices."""

    class Meta:
        db_table = "sensing_device_type"

    def __str__(self) -> str:
        return self.code


class Device(models.Model):
    """A thing in the city that observes (设备), with the keyed hash of its credential."""

    class State(models.TextChoices):
        """DOMAIN.md 6.1; on-line or off-line follows from its newest reading."""

        REGISTERED = "registered"
        ACTIVE = "active"
        MAINTENANCE = "maintenance"
        RETIRED = "retired"

    key = models.CharField(max_length=60, unique=True)
    type = models.ForeignKey(DeviceType, on_delete=models.PROTECT, related_name="+")
    name = BilingualField()
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    """The gateway or device that it hangs on: while that one has an alarm, its own explain themselves."""
    asset = models.ForeignKey("core.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    place = models.CharField(max_length=120, blank=True)
    """The road or place it stands at."""
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    """WGS84, converted from what was given; null where nobody has said yet where it is."""
    given_lon = models.FloatField(null=True)
    given_lat = models.FloatField(null=True)
    datum = models.CharField(max_length=8)
    """The datum that `given_lon` and `given_lat` came in."""
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    credential_hash = models.CharField(max_length=64, blank=True)
    credential_revoked_at = models.DateTimeField(null=True)
    registered_at = models.DateTimeField()
    changed = MicrosField(db_index=True)
    """Wall time of the last change to it, its credential or its datastreams: other processes look for it."""

    calibrated_until = models.DateField(null=True)
    """Until which day of the city its last calibration holds; null where it never had one."""
    listed = models.BooleanField(default=True)
    """Whether the city pack names it; what left the pack is retired."""

    class Meta:
        db_table = "sensing_device"
        indexes = (
            models.Index(fields=("type", "key"), name="sensing_device_by_type"),
            models.Index(fields=("calibrated_until", "key"), name="sensing_device_calibration"),
        )

    def __str__(self) -> str:
        return self.key


DEVICE_TEXT = TextIndex("sensing_device", ("key", "name:both", "place"))


class Datastream(models.Model):
    """One observed property of one device as a series (数据流, OGC SensorThings Datastream)."""

    class Repeat(models.TextChoices):
        """What a second reading at the same phenomenon time is: a repeat to ignore, one more to keep, or a correction
        that takes the place of the first."""

        IGNORE = "ignore"
        KEEP = "keep"
        REPLACE = "replace"

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="datastreams")
    property = models.CharField(max_length=40)
    """Code of the observed property, e.g. `pm25`."""
    name = BilingualField()
    unit = models.CharField(max_length=20)
    places = models.PositiveSmallIntegerField(default=3)
    """Decimal places that roll-up sums are exact to."""
    minimum = models.FloatField()
    maximum = models.FloatField()
    """The physically possible range; anything outside is rejected."""
    cadence_seconds = models.PositiveIntegerField()
    """How often a reading is expected; 0 where nobody has said."""
    repeat = models.CharField(max_length=8, choices=Repeat.choices, default=Repeat.IGNORE)
    active = models.BooleanField(default=True)
    """Whether readings are taken; a property that left the type keeps its history and takes no more."""
    thing = models.ForeignKey("sensing.Thing", on_delete=models.PROTECT, null=True, related_name="datastreams")
    sensor = models.ForeignKey("sensing.Sensor", on_delete=models.PROTECT, null=True, related_name="datastreams")
    observed_property = models.ForeignKey(
        "sensing.ObservedProperty", on_delete=models.PROTECT, null=True, related_name="datastreams"
    )  # fmt: skip
    title = models.CharField(max_length=300, blank=True)
    """Its name as SensorThings tells it, in one language."""
    description = models.TextField(blank=True)
    observation_type = models.CharField(max_length=120, blank=True)
    unit_of_measurement = models.JSONField(null=True)
    """{name, symbol, definition}; of several properties a list of them."""
    properties = models.JSONField(null=True)
    observed_area = models.TextField(null=True)  # noqa: DJ001  # null is "never said"
    """GeoJSON in WGS84, with its box beside it."""
    west = models.FloatField(null=True)
    south = models.FloatField(null=True)
    east = models.FloatField(null=True)
    north = models.FloatField(null=True)
    result_from = MicrosField(null=True)
    result_until = MicrosField(null=True)
    """The oldest and the newest time that a result was made, where senders say it."""
    multi = models.BooleanField(default=False)
    """Whether each of its observations holds several results (MultiDatastream)."""
    multi_types = models.JSONField(null=True)
    observed_properties = models.ManyToManyField(
        "sensing.ObservedProperty", db_table="sensing_datastream_property", related_name="multi_datastreams"
    )  # fmt: skip
    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    """A drill's simulated readings come from datastreams of their own."""

    class Meta:
        db_table = "sensing_datastream"
        constraints = (models.UniqueConstraint(fields=("device", "property", "run"), name="sensing_datastream_once"),)
        indexes = (models.Index(fields=("property",), name="sensing_datastream_prop"),)

    def __str__(self) -> str:
        return f"{self.device_id} {self.property}"
