"""What SensorThings calls things, places, sensors and properties (OGC 18-088 section 8); devices are among them."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import MicrosField

GEOJSON = "application/geo+json"
"""The encoding of 18-088 table 7 for places; `application/vnd.geo+json` is its older name."""


class _Described(models.Model):
    """What every one of them has."""

    name = models.CharField(max_length=300)
    description = models.TextField()
    properties = models.JSONField(null=True)

    class Meta:
        abstract = True


class _Placed(models.Model):
    """A bounding box in WGS84; empty where the geometry is in an encoding that SCOC does not read."""

    west = models.FloatField(null=True)
    south = models.FloatField(null=True)
    east = models.FloatField(null=True)
    north = models.FloatField(null=True)

    class Meta:
        abstract = True


class Location(_Described, _Placed):
    """Where things are or were (位置). On PostgreSQL a generated PostGIS column `geom` stands beside `location`."""

    encoding_type = models.CharField(max_length=120)
    location = models.TextField()
    """JSON; GeoJSON in WGS84 where the encoding says so."""
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "sensing_location"
        indexes = (models.Index(fields=("west", "east", "south", "north"), name="sensing_location_box"),)

    def __str__(self) -> str:
        return self.name


class Thing(_Described):
    """A thing that is observed or observes (物); each device is one."""

    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    device = models.OneToOneField("sensing.Device", on_delete=models.PROTECT, null=True, related_name="thing")
    locations = models.ManyToManyField(Location, db_table="sensing_thing_location", related_name="things")
    """Where it is now: one place, perhaps in several encodings."""

    class Meta:
        db_table = "sensing_thing"

    def __str__(self) -> str:
        return self.name


class HistoricalLocation(models.Model):
    """Since when a thing was at a place (历史位置); the newest one is where it is."""

    thing = models.ForeignKey(Thing, on_delete=models.CASCADE, related_name="historical_locations")
    at = MicrosField()
    locations = models.ManyToManyField(
        Location, db_table="sensing_historical_place", related_name="historical_locations"
    )  # fmt: skip

    class Meta:
        db_table = "sensing_historical_location"
        indexes = (models.Index(fields=("thing", "at"), name="sensing_historical_thing"),)

    def __str__(self) -> str:
        return f"{self.thing_id} {self.at}"


class Sensor(_Described):
    """How something is observed (传感器): an instrument or a procedure, with its description in some encoding."""

    encoding_type = models.CharField(max_length=120)
    metadata = models.JSONField()
    type = models.OneToOneField("sensing.DeviceType", on_delete=models.PROTECT, null=True, related_name="+")
    """The kind of device whose instrument this is, if devices brought it."""

    class Meta:
        db_table = "sensing_sensor"

    def __str__(self) -> str:
        return self.name


class ObservedProperty(_Described):
    """What is observed (观测属性), e.g. PM2.5, with the address of its definition."""

    definition = models.CharField(max_length=500)
    code = models.CharField(max_length=40, unique=True, null=True)  # noqa: DJ001  # unique among those that have one
    """The property of device types that it stands for."""

    class Meta:
        db_table = "sensing_observed_property"

    def __str__(self) -> str:
        return self.name


class Feature(_Described, _Placed):
    """What an observation is about (感兴趣要素): mostly the place where the thing then was."""

    encoding_type = models.CharField(max_length=120)
    feature = models.TextField()
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    location = models.OneToOneField(Location, on_delete=models.SET_NULL, null=True, related_name="+")
    """The place that it was made from, if the sender named no feature."""

    class Meta:
        db_table = "sensing_feature"
        indexes = (models.Index(fields=("west", "east", "south", "north"), name="sensing_feature_box"),)

    def __str__(self) -> str:
        return self.name
