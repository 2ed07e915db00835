"""Filing conditions with their limits, and the responsibility matrix: definitions that come from the city's pack."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from scoc.core.fields import BilingualField, ScaledField
from scoc.core.models import VersionRow
from scoc.core.validity import valid_at
from scoc.kit.text import Text
from scoc.kit.worktime import Unit


class LimitUnit(models.TextChoices):
    """The five units of a limit (DOMAIN.md 1.7), as `kit.worktime.Unit` counts them."""

    URGENT_HOUR = "URGENT_HOUR"
    URGENT_DAY = "URGENT_DAY"
    WORK_HOUR = "WORK_HOUR"
    WORK_DAY = "WORK_DAY"
    NATURAL_DAY = "NATURAL_DAY"


UNIT_TEXT = {
    Unit.URGENT_HOUR: Text("紧急工作时", "urgent hours"),
    Unit.URGENT_DAY: Text("紧急工作日", "urgent days"),
    Unit.WORK_HOUR: Text("工作时", "office hours"),
    Unit.WORK_DAY: Text("工作日", "working days"),
    Unit.NATURAL_DAY: Text("自然日", "calendar days"),
}


class Versions(models.QuerySet["FilingCondition"]):
    """Filing conditions by the time at which they hold."""

    def at(self, moment: datetime) -> Versions:
        """The versions that hold at `moment`."""
        return self.filter(valid_at(moment))


class FilingCondition(VersionRow):
    """One version of a filing condition (立案条件): between the class and the limit.

    One minor class has several, each with its own limit and closing criterion; GB/T 30428.8.
    """

    category = models.CharField(max_length=60, db_index=True)
    """Code of the class, e.g. `component/0101`."""
    name = BilingualField()
    """What must be seen for a case to be filed, e.g. damage over 25 cm²."""
    limit = ScaledField(places=2)
    unit = models.CharField(max_length=12, choices=LimitUnit.choices)
    criterion = BilingualField()
    """What must be true for the case to be closed (结案条件)."""
    basis = BilingualField()
    responsible = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit that handles where the matrix says nothing (责任主体)."""
    supervising = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The bureau that answers for the field (监管主体)."""
    urgency = models.PositiveSmallIntegerField()
    """The least priority of its cases: 1 life-safety, 2 urgent, 3 normal, 4 long-term (DOMAIN.md 1.8)."""

    objects = Versions.as_manager()

    class Meta:
        db_table = "cases_condition"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="cases_condition_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class Rows(models.QuerySet["ResponsibilityRow"]):
    """Rows of the matrix by the time at which they hold."""

    def at(self, moment: datetime) -> Rows:
        """The versions that hold at `moment`."""
        return self.filter(valid_at(moment))


class ResponsibilityRow(VersionRow):
    """One version of one row of the responsibility matrix (权责清单): who handles what, where.

    It names either a class or one filing condition; a class whose minor part is `00` stands for its whole major
    class. Without an area it holds in the whole city; all its attributes must be true of the case.
    """

    category = models.CharField(max_length=60, blank=True, db_index=True)
    condition = models.CharField(max_length=60, blank=True, db_index=True)
    area = models.CharField(max_length=20, blank=True)
    """Code of the area it holds in, with all below it."""
    attributes = models.JSONField(default=dict)
    """E.g. {"road_grade": "main"} or {"owner": "<code of the owning organisation>"}."""
    organisation = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, related_name="+")
    priority = models.PositiveSmallIntegerField()
    """The smaller goes first; among equals the row that says more."""
    basis = BilingualField()

    objects = Rows.as_manager()

    class Meta:
        db_table = "cases_responsibility"
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="cases_responsibility_version"),)

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"
