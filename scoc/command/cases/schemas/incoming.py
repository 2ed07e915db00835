"""What comes in: reports, and what each move needs."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import StringConstraints

from scoc.command.cases.models import Evidence
from scoc.core.schemas import Moment
from scoc.kit.coordinates import Datum

NO_NUL = r"^[^\x00]*$"
"""No zero byte: PostgreSQL cannot store one, and nobody types one."""
CategoryCode = Annotated[str, StringConstraints(pattern=r"^(component|event)/[0-9]{4}$")]
DefinitionCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./@+\-]{1,60}$")]
RowId = Annotated[int, Field(ge=1, le=2**53)]
Opinion = Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL, strip_whitespace=True)]
Said = Annotated[str, StringConstraints(min_length=2, max_length=1000, pattern=NO_NUL, strip_whitespace=True)]
Title = Annotated[str, StringConstraints(max_length=160, pattern=NO_NUL, strip_whitespace=True)]
Address = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=4000, pattern=NO_NUL, strip_whitespace=True)]
ExternalId = Annotated[str, StringConstraints(max_length=80, pattern=r"^[A-Za-z0-9_.:/@+\-]*$")]
SourceCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
PersonName = Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL, strip_whitespace=True)]
PhoneNumber = Annotated[str, StringConstraints(max_length=24, pattern=NO_NUL, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]+$")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
StateName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}$")]
KindName = Literal["component", "event"]
SearchText = Annotated[str, StringConstraints(max_length=80, pattern=NO_NUL, strip_whitespace=True)]
Tab = Literal["mine", "open", "soon", "overdue", "closed"]
"""我的待办, 在办, 将超时, 已超时, 已结案."""


class EvidenceIn(Schema):
    """A file handed in before, and what it shows."""

    attachment_id: RowId
    kind: Evidence


class CaseReporterIn(Schema):
    """The public reporter; becomes a contact at once and is never stored in plain."""

    name: PersonName = ""
    phone: PhoneNumber = ""


class CaseIn(Schema):
    """A report (上报)."""

    source: SourceCode = "01"
    """Code of the source, DOMAIN.md 1.2."""
    category: CategoryCode | None = None
    title: Title = ""
    """Made of class and address when left out."""
    description: Description = ""
    address: Address = ""
    lon: Longitude | None = None
    lat: Latitude | None = None
    """A report has a position; only a situation of intake may come without one."""
    datum: Datum = Datum.WGS84
    """What `lon` and `lat` refer to; Chinese maps and phones give GCJ-02 or BD-09."""
    asset: DefinitionCode | None = None
    """Code of the component that it is about."""
    attributes: dict[Word, Word] = Field(default_factory=dict, max_length=20)
    external_id: ExternalId = ""
    """Its number in the system it comes from; the same one is taken once."""
    reporter: CaseReporterIn | None = None
    urgent: bool = False
    """Danger to life or property."""
    happened_at: Moment | None = None
    """When it was seen; now when left out."""
    evidence: list[EvidenceIn] = Field(default_factory=list, max_length=20)


class CaseAcceptIn(Schema):
    """Acceptance (受理): what it is, and where if the report had it wrong."""

    condition: DefinitionCode
    """Code of the filing condition; it names the class."""
    opinion: Opinion = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    """When left out, the more urgent of the condition's and its situation's; a lower one needs a word of reason."""
    address: Address | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84


class CaseStepIn(Schema):
    """A move that needs nothing but, if wished, a word."""

    opinion: Opinion = ""


class CaseDispatchIn(Schema):
    """Dispatch (派遣): to the first unit of the matrix, or to another one for a reason."""

    unit_id: RowId | None = None
    opinion: Opinion = ""


class CaseFeedBackIn(Schema):
    """Feedback (反馈): what was done, shown by a photo."""

    opinion: Said
    evidence: list[EvidenceIn] = Field(min_length=1, max_length=20)


class CasePassIn(Schema):
    """A passed check (核查通过), shown by a photo."""

    opinion: Opinion = ""
    evidence: list[EvidenceIn] = Field(min_length=1, max_length=20)


class CaseReworkIn(Schema):
    """Rework (返工): why the criterion is not met."""

    opinion: Said
    evidence: list[EvidenceIn] = Field(default_factory=list, max_length=20)


class CaseCloseIn(Schema):
    """Closing (结案): the closing criterion of the snapshot is ticked."""

    criterion_met: bool
    opinion: Opinion = ""


class CaseCommentIn(Schema):
    """A comment (评论); it changes nothing."""

    text: Said
