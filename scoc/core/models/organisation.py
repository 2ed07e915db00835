"""Organisations and areas: who does things, and where."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField
from scoc.core.text_index import TextIndex


class Organisation(models.Model):
    """A government, bureau, utility, district, street or centre (组织).

    Its identity is the 18-character unified social credit code (统一社会信用代码, GB 32100); the name is an
    attribute with a history, since reforms rename bureaus.
    """

    code = models.CharField(max_length=18, unique=True)
    kind = models.CharField(max_length=20)
    name = BilingualField()
    short = BilingualField()
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    path = models.CharField(max_length=400, db_index=True)
    """Codes from the root to this one, each followed by `/`."""
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_organisation"

    def __str__(self) -> str:
        return f"{self.code} {self.name.zh}"


class OrganisationName(models.Model):
    """A name that an organisation carried from one day to another."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="names")
    name = BilingualField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_organisation_name"

    def __str__(self) -> str:
        return self.name.zh


class Area(models.Model):
    """One version of an administrative area or grid (区划、网格): city, district, street, community, grid.

    Codes are strings (GB/T 2260, GB/T 10114, statistics code, grid number) and no rule may be derived from
    their prefixes: the tree is `parent` and `path`. A change of boundary or name makes a new version; old
    cases keep the version they were filed in.
    """

    class Level(models.TextChoices):
        """The five levels of the plan."""

        CITY = "city"
        DISTRICT = "district"
        STREET = "street"
        COMMUNITY = "community"
        GRID = "grid"

    code = models.CharField(max_length=20)
    version = models.PositiveIntegerField(default=1)
    code_scheme = models.CharField(max_length=20, default="GB/T 2260")
    level = models.CharField(max_length=12, choices=Level.choices)
    name = BilingualField()
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    path = models.CharField(max_length=120, db_index=True)
    """Codes from the city to this one, each followed by `/`."""
    population = models.BigIntegerField(null=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_area"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="core_area_code_version"),)
        indexes = (models.Index(fields=("level", "code"), name="core_area_level"),)

    def __str__(self) -> str:
        return f"{self.code} {self.name.zh}"


class AreaSuccession(models.Model):
    """An area version that took over (part of) another when divisions were merged, split or renamed."""

    predecessor = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="+")
    successor = models.ForeignKey(Area, on_delete=models.PROTECT, related_name="+")
    happened_on = models.DateField()

    class Meta:
        db_table = "core_area_succession"

    def __str__(self) -> str:
        return f"{self.predecessor_id} -> {self.successor_id}"


ORGANISATION_TEXT = TextIndex("core_organisation", ("name:both", "short:both", "code"))
AREA_TEXT = TextIndex("core_area", ("name:both", "code"))
