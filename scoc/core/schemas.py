"""Shapes of the kernel that leave it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import AwareDatetime, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from scoc.kit.text import Text


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class InUtc:
    """Takes a time as UTC: offsets such as +18:57 are legal to write, but PostgreSQL refuses them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Convert after the bounds were checked, so that nothing overflows."""
        return no_info_after_validator_function(_in_utc, handler(source))


Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)), InUtc()
]
"""A time from outside: it names its zone and lies within 1900-2200; anything else is refused, not guessed."""
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
"""A day from outside, within 1900-2200."""


class TextOut(Schema):
    """A text in both languages."""

    zh: str
    en: str


def text_out(text: Text) -> TextOut:
    """A Text as a shape."""
    return TextOut(zh=text.zh, en=text.en)


class OrganisationRow(Schema):
    """An organisation in a list."""

    id: int
    code: str
    kind: str
    name: TextOut
    short: TextOut
    parent_id: int | None


class AreaRow(Schema):
    """An area in a list."""

    id: int
    code: str
    level: str
    name: TextOut
    version: int
    parent: str | None
    population: int | None


class CategoryRow(Schema):
    """A class of components or events."""

    code: str
    kind: str
    major: str
    minor: str
    name: TextOut
    version: int


class PostOut(Schema):
    """A post that the user may act in, with its home desk."""

    id: int
    code: str
    role: str
    role_name: TextOut
    title: TextOut
    organisation: OrganisationRow
    area: str | None
    home: str


class UserOut(Schema):
    """The signed-in person."""

    id: int
    username: str
    name: str
    language: str
    must_change_password: bool
    """Until then only changing it and signing out are open; no posts or permissions are shown."""


class CityOut(Schema):
    """The city that this installation serves."""

    code: str
    name: TextOut
    center: list[float]
    bbox: list[float]
    timezone: str


class RunOut(Schema):
    """A run: real life, a drill or a replay."""

    id: int
    kind: str
    name: TextOut
    ended: bool
    """A drill that is over shows its last moment and takes nothing more, until the session goes back to real life."""


class SessionOut(Schema):
    """Everything a browser needs to start."""

    user: UserOut | None
    posts: list[PostOut]
    post_id: int | None
    permissions: list[str]
    city: CityOut | None
    run: RunOut | None
    """The run that this session takes part in."""
    runs: list[RunOut]
    """The open runs that it may take part in, real life first."""
    csrf_token: str


class LoginIn(Schema):
    """A log-in."""

    username: str = Field(min_length=1, max_length=60)
    password: str = Field(min_length=1, max_length=200)


class PasswordChangeIn(Schema):
    """One's own password, old and new."""

    old: str = Field(min_length=1, max_length=200)
    new: str = Field(min_length=1, max_length=200)


class PostIn(Schema):
    """The choice of the acting post."""

    post_id: int = Field(ge=1, le=2**53)


class ClockOut(Schema):
    """Both clocks, so that screens show the city's time."""

    city_now: datetime
    wall_now: datetime
    speed: float


class CalendarOut(Schema):
    """One year of the working calendar."""

    year: int
    version: int
    published: bool
    off: list[date]
    work: list[date]
    hours: list[dict[str, Any]]
    work_day: str
    source: str
    zone: str


class CalendarIn(Schema):
    """One year's plan: weekdays off and weekend days of work."""

    off: list[Day] = Field(max_length=366)
    work: list[Day] = Field(max_length=366)
    note: str = Field("", max_length=200)


class FactOut(Schema):
    """One fact of a timeline."""

    id: int
    name: str
    subject: str
    body: dict[str, Any]
    happened_at: datetime
    recorded_at: datetime
    post: TextOut | None
    area: str | None
    digest: str


class AuditRow(Schema):
    """One line of the audit."""

    id: int
    happened_at: datetime
    kind: str
    user: str | None
    post: TextOut | None
    action: str
    subject: str
    outcome: str
    code: str
    detail: TextOut
    address: str


class AuditFilter(Schema):
    """Which lines of the audit: of a subject, an action, a user name, a kind, an outcome, a span of real time."""

    subject: str | None = Field(None, max_length=60)
    action: str | None = Field(None, max_length=80)
    user: str | None = Field(None, max_length=60)
    kind: str | None = Field(None, max_length=20)
    outcome: str | None = Field(None, max_length=20)
    since: Moment | None = None
    until: Moment | None = None


class DeliveryRow(Schema):
    """A parked delivery."""

    id: int
    handler: str
    fact: str | None
    subject: str | None
    attempts: int
    error: str
    parked_at: datetime
    """By the real clock."""


class NoticeRow(Schema):
    """A notice to the viewer."""

    id: int
    subject: str
    level: str
    title: TextOut
    happened_at: datetime
    read_at: datetime | None


class HitOut(Schema):
    """One thing that a search found, as the viewer may see it."""

    subject: str
    title: TextOut
    note: TextOut
    state: str
    state_name: TextOut | None
    path: str | None


class HitGroup(Schema):
    """The hits of one kind, the best first; `more` when there are further ones."""

    kind: str
    name: TextOut
    hits: list[HitOut]
    more: bool


class SearchOut(Schema):
    """What a search found, by kind; kinds without hits, or without permission, are left out."""

    q: str
    groups: list[HitGroup]


class AttachmentOut(Schema):
    """A stored file."""

    id: int
    name: str
    media_type: str
    size: int
    digest: str
    taken_at: datetime | None
    lon: float | None
    lat: float | None


class PersonOut(Schema):
    """A person's fields, as far as the viewer may see them."""

    name: str
    phone: str
    email: str
    address: str


class ReasonIn(Schema):
    """Why something is asked for."""

    reason: str = Field(min_length=4, max_length=300)


NAME = r"^[a-z][a-z0-9_.\-]*$"


class AccountIn(Schema):
    """A new account of a person."""

    username: str = Field(min_length=3, max_length=60, pattern=NAME)
    name: str = Field(min_length=1, max_length=40)
    phone: str = Field("", max_length=30)
    email: str = Field("", max_length=120)
    password: str = Field(min_length=1, max_length=200)


class PasswordIn(Schema):
    """Somebody's new password."""

    password: str = Field(min_length=1, max_length=200)


class HoldingIn(Schema):
    """A post to hold, for a time where an end is given."""

    post: str = Field(min_length=1, max_length=60)
    until: Moment | None = None


class GrantIn(Schema):
    """A permission for one principal."""

    permission: str = Field(min_length=3, max_length=80)
    effect: Literal["allow", "deny"] = "allow"
    scope: Literal["self", "unit", "unit_below", "area_below", "city"]
    persons: Literal["plain", "masked", "hidden"] = "masked"
    states: list[str] = Field(default_factory=list, max_length=20)
    until: Moment | None = None


class KeyIn(Schema):
    """A new API key of a machine."""

    machine: str = Field(min_length=1, max_length=40, pattern=NAME)
    post: str = Field(min_length=1, max_length=60)
    label: str = Field(min_length=1, max_length=80)
    per_minute: int = Field(ge=1, le=100_000)
    per_day: int = Field(ge=1, le=1_000_000_000)
    days: int = Field(ge=1, le=3660)


class KeyOut(Schema):
    """A new key, shown this once."""

    key: str


class Made(Schema):
    """It was made, and has this id."""

    id: int


class OfficeHoursIn(Schema):
    """Office hours from a day on."""

    since: Day
    slots: list[tuple[str, str]] = Field(min_length=1, max_length=6)


class OfficeHoursChangeIn(Schema):
    """All office hours, and how a working day is read."""

    hours: list[OfficeHoursIn] = Field(min_length=1, max_length=50)
    work_day: Literal["rolling", "day_end"]
    note: str = Field("", max_length=200)


class RunIn(Schema):
    """A drill or replay to begin."""

    kind: Literal["exercise", "replay"]
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=80)
    city_origin: Moment | None = None
    speed: float = Field(1.0, ge=0, le=1_000_000)


class Done(Schema):
    """It was done."""

    done: bool = True
