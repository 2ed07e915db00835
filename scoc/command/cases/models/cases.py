"""Cases with their flow, frozen snapshots, evidence and notes."""

from __future__ import annotations

from django.db import models

from scoc.command.cases.models.definitions import LimitUnit
from scoc.command.cases.models.moves import State
from scoc.core.fields import BilingualField, ScaledField
from scoc.core.models import Category, Envelope, Flow, FlowRow
from scoc.core.text_index import TextIndex


class Case(Envelope):
    """Something in the city that must be put right (案卷): reported, filed, dispatched, handled, checked, closed.

    `organisation` is that of the reporting post. The row is where the case stands now; its history is `CaseFlow`,
    its clocks are `Timer`; evaluation as of a time reads these two only, that of now `CaseOutcome` made of them.
    """

    case_no = models.CharField(max_length=19)
    """6 digits of the district, 8 of the day in the city, 5 of the serial."""
    kind = models.CharField(max_length=10, choices=Category.Kind.choices, blank=True)
    category = models.ForeignKey("core.Category", on_delete=models.PROTECT, null=True, related_name="+")
    """The version of the class that held when it was chosen."""
    condition = models.ForeignKey("cases.FilingCondition", on_delete=models.PROTECT, null=True, related_name="+")
    source = models.CharField(max_length=4)
    """Code of the source (案件来源, DOMAIN.md 1.2)."""
    external_id = models.CharField(max_length=80, blank=True)
    """Its number in the system it came from."""
    situation_id = models.BigIntegerField(null=True, unique=True)
    """The situation of intake that it was opened for."""
    contact = models.ForeignKey("core.Contact", on_delete=models.PROTECT, null=True, related_name="+")
    """The public reporter."""
    reported_by = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    address = models.CharField(max_length=200, blank=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    """WGS84; unknown only of a case that a situation without a position brought, until it is accepted."""
    h3 = models.CharField(max_length=15, blank=True)
    """Cell of resolution 10, some 130 m across."""
    area_path = models.CharField(max_length=120, db_index=True)
    asset = models.ForeignKey("core.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    attributes = models.JSONField(default=dict)
    """What the responsibility matrix may ask for, e.g. {"road_grade": "main"}."""
    priority = models.PositiveSmallIntegerField()
    urgent = models.BooleanField(default=False)
    """Danger to life or property."""
    supervised = models.BooleanField(default=False)
    """Under supervision (督办) of a leader."""
    state = models.CharField(max_length=20, choices=State.choices)
    stage = models.PositiveSmallIntegerField()
    is_open = models.BooleanField(default=True)
    entered_at = models.DateTimeField()
    """Since when it is in its state."""
    current_unit = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit that it is dispatched to (承办单位); it stays until another gets it."""
    current_user = models.ForeignKey("core.User", on_delete=models.PROTECT, null=True, related_name="+")
    """Who signed for it."""
    first_unit = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    final_unit = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit that fed back last."""
    rework_count = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    """The deadline that comes first of its running clocks; empty where none runs."""
    yellow_at = models.DateTimeField(null=True)
    queue_at = models.DateTimeField()
    """What lists are ordered by: the deadline; without one that of the disposal, or since when it waits."""
    handled_in_time = models.BooleanField(null=True)
    closed_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)
    """Number of its last flow row."""

    class Meta:
        db_table = "cases_case"
        constraints = (
            models.UniqueConstraint(fields=("run", "case_no"), name="cases_case_no"),
            models.UniqueConstraint(
                fields=("run", "source", "external_id"), name="cases_case_external",
                condition=~models.Q(external_id=""),
            ),
        )  # fmt: skip
        indexes = (
            # by condition: SQLite looks up no truth value in an index, and would read all that ever was
            models.Index(fields=("run", "queue_at", "id"), name="cases_case_queue", condition=models.Q(is_open=True)),
            models.Index(
                fields=("current_unit", "queue_at", "id"), name="cases_case_unit", condition=models.Q(is_open=True)
            ),
            # with what scopes ask for, so that the closed ones are counted in the index alone
            models.Index(
                fields=("run", "state", "queue_at", "id", "organisation", "current_unit", "area_path"),
                name="cases_case_state",
            ),
            models.Index(fields=("h3", "happened_at"), name="cases_case_place"),
            models.Index(fields=("run", "happened_at"), name="cases_case_reported"),
        )

    def __str__(self) -> str:
        return self.case_no

    @property
    def subject(self) -> str:
        """Its id in facts, audit and links."""
        return f"cases:{self.pk}"


CASE_TEXT = TextIndex("cases_case", ("title", "address"))


class CaseSerial(models.Model):
    """The last serial given to a district on a day, in a run; rolled back with the case that took it."""

    run = models.ForeignKey("core.Run", on_delete=models.PROTECT, related_name="+")
    region = models.CharField(max_length=6)
    day = models.CharField(max_length=8)
    last = models.PositiveIntegerField()

    class Meta:
        db_table = "cases_serial"
        constraints = (models.UniqueConstraint(fields=("run", "region", "day"), name="cases_serial_once"),)

    def __str__(self) -> str:
        return f"{self.region}{self.day} {self.last}"


class CaseFlows(Flow["CaseFlow"]):
    """Rows of the flows of cases."""

    subject = "case"


class CaseFlow(FlowRow):
    """One stay of a case in one state (流转记录); `organisation` is the one the actor acted for."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="flow")
    receiver = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit that has the case in this stay; empty before it was dispatched."""
    basis = models.CharField(max_length=80, blank=True)
    """What the move rests on: of a dispatch `matrix:<row>@<version>`, `condition:<code>@<version>` or `manual`."""
    rework_count = models.PositiveSmallIntegerField(default=0)
    """How often it had been sent back by then."""
    elapsed = models.DurationField(null=True)
    """Counted time of the stay, in the time of its step's clock, or in office time where none ran."""
    overtime = models.BooleanField(null=True)
    """Whether the step's clock was past its deadline when the case left."""

    objects = CaseFlows.as_manager()

    class Meta:
        db_table = "cases_flow"
        constraints = (models.UniqueConstraint(fields=("case", "version"), name="cases_flow_once"),)
        indexes = (
            models.Index(fields=("action", "happened_at"), name="cases_flow_action"),
            models.Index(fields=("to_state", "left_at"), name="cases_flow_state"),
            models.Index(fields=("recorded_at",), name="cases_flow_recorded"),
        )

    def __str__(self) -> str:
        return f"{self.case_id} {self.to_state}"


class FilingSnapshot(models.Model):
    """What was agreed when the case was filed (立案快照), frozen: later versions of the condition do not touch it."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="snapshots")
    flow_version = models.PositiveIntegerField()
    """Number of the flow row that filed it."""
    condition = models.ForeignKey("cases.FilingCondition", on_delete=models.PROTECT, related_name="+")
    name = BilingualField()
    limit = ScaledField(places=2)
    unit = models.CharField(max_length=12, choices=LimitUnit.choices)
    criterion = BilingualField()
    basis = BilingualField()
    responsible = models.ForeignKey("core.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    """The unit that the matrix and the condition named at filing."""
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "cases_snapshot"
        constraints = (models.UniqueConstraint(fields=("case", "flow_version"), name="cases_snapshot_once"),)

    def __str__(self) -> str:
        return f"snapshot of case {self.case_id}"


class Evidence(models.TextChoices):
    """What a photo shows (DOMAIN.md 1.4)."""

    NEAR = "near", "近景"
    FAR = "far", "远景"
    REFERENCE = "reference", "参照物"
    BEFORE = "before", "处置前"
    AFTER = "after", "处置后"
    CHECK = "check", "核查"


class CaseEvidence(models.Model):
    """A photo or document of a case (附件), with the step it was handed in at."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    attachment = models.ForeignKey("core.Attachment", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Evidence.choices)
    flow_version = models.PositiveIntegerField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "cases_evidence"
        constraints = (models.UniqueConstraint(fields=("case", "attachment"), name="cases_evidence_once"),)

    def __str__(self) -> str:
        return f"{self.kind} of case {self.case_id}"


class NoteKind(models.TextChoices):
    """What a side action leaves behind."""

    COMMENT = "comment"
    URGE = "urge"


class CaseNote(Envelope):
    """A side action (DOMAIN.md 1.6) that does not move the case: a comment, or an urge (催办) that the clock sent."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    kind = models.CharField(max_length=8, choices=NoteKind.choices)
    actor = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True)
    clock = models.CharField(max_length=12, blank=True)
    percent = models.PositiveSmallIntegerField(null=True)
    """Of an urge: how much of the clock's limit was used."""

    class Meta:
        db_table = "cases_note"
        indexes = (models.Index(fields=("case", "id"), name="cases_note_case"),)

    def __str__(self) -> str:
        return f"{self.kind} on case {self.case_id}"
