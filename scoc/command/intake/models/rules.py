"""How signals of one category are joined and when their situation may be accepted without a person."""

from __future__ import annotations

from django.db import models

from scoc.core.models import VersionRow


class JoinRule(VersionRow):
    """One version of the rule of joining for a category (归并规则); `code` is the category, e.g. `event/0506`."""

    radius_m = models.PositiveIntegerField()
    window_minutes = models.PositiveIntegerField()
    level = models.PositiveSmallIntegerField(null=True)
    """A situation of this category is at least this urgent; None: as its signals say."""
    accept_level = models.PositiveSmallIntegerField(null=True)
    """Situations this urgent or more are accepted without a person; None: never."""
    accept_signals = models.PositiveSmallIntegerField(default=1)
    related = models.JSONField(default=list)
    """Categories that speak of the same event, e.g. a blocked drain and water on the road."""

    class Meta:
        db_table = "intake_join_rule"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="intake_join_rule_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"
