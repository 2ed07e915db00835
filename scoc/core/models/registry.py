"""Versioned categories and code sets; components and assets with identity and links."""

from __future__ import annotations

from django.db import models

from scoc.core.fields import BilingualField
from scoc.core.models.envelope import VersionRow


class Code(VersionRow):
    """One version of one value of a code set (代码): `code` is `set/value`."""

    set = models.CharField(max_length=40)
    value = models.CharField(max_length=40)
    name = BilingualField()

    class Meta:
        db_table = "core_code"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="core_code_version"),)
        indexes = (models.Index(fields=("set", "value"), name="core_code_set"),)

    def __str__(self) -> str:
        return self.code


class Category(VersionRow):
    """One version of a class of components or events (部件、事件大类小类, GB/T 30428.2 form).

    The key is (kind, major, minor): `0101` alone is ambiguous. `code` is e.g. `component/0101`. Local
    extensions count down from 99.
    """

    class Kind(models.TextChoices):
        """A fixed public facility with an identity, or something that happened."""

        COMPONENT = "component"
        EVENT = "event"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    major = models.CharField(max_length=2)
    minor = models.CharField(max_length=2)
    """`00` for the major class itself."""
    name = BilingualField()

    class Meta:
        db_table = "core_category"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="core_category_version"),)

    def __str__(self) -> str:
        return self.code


class Asset(models.Model):
    """A component or asset of the city with an identity (部件): a manhole cover, a lamp, a pump, a pipe."""

    code = models.CharField(max_length=40, unique=True)
    """The 16-digit component identity code where there is one (6 county + 2 major + 2 minor + 6 serial)."""
    category = models.CharField(max_length=60)
    name = BilingualField()
    owner = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    area = models.ForeignKey("core.Area", on_delete=models.PROTECT, null=True, related_name="+")
    lon = models.FloatField()
    lat = models.FloatField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_asset"
        indexes = (models.Index(fields=("category", "code"), name="core_asset_category"),)

    def __str__(self) -> str:
        return self.code


class AssetLink(models.Model):
    """One asset belongs to, feeds or controls another (关联), e.g. pipe → valve."""

    origin = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+")
    target = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        db_table = "core_asset_link"
        constraints = (models.UniqueConstraint(fields=("origin", "target", "kind"), name="core_asset_link_once"),)

    def __str__(self) -> str:
        return f"{self.origin_id} {self.kind} {self.target_id}"
