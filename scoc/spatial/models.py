"""Shapes of areas and features of the map, in WGS84, each knowing the datum it came in."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField


class Shape(models.Model):
    """What both kinds of shape have: geometry as GeoJSON text, its bounding box and a point inside it."""

    geometry = models.TextField()
    datum = models.CharField(max_length=10)
    """The datum that the source came in; the stored geometry is WGS84."""
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    lon = models.FloatField()
    lat = models.FloatField()

    class Meta:
        abstract = True


class AreaShape(Shape):
    """The outline of one version of an area (区划边界).

    On PostgreSQL the table has a stored, generated PostGIS column `geom` beside `geometry`.
    """

    area = models.OneToOneField("core.Area", on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "spatial_area_shape"
        indexes = (models.Index(fields=("west", "east", "south", "north"), name="spatial_shape_box"),)

    def __str__(self) -> str:
        return f"shape of area {self.area_id}"


class MapFeature(Shape):
    """Something that the base map draws (底图要素): water, coast, a road, a bridge, a neighbour, a label."""

    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, db_index=True)
    name = BilingualField()
    rank = models.PositiveSmallIntegerField(default=9)

    class Meta:
        db_table = "spatial_map_feature"

    def __str__(self) -> str:
        return self.key
