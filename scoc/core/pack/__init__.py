"""What a city pack may configure of the kernel: areas, organisations, roles, posts, categories, calendar, security."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scoc.core import clocks
from scoc.core.city.reading import Manifest
from scoc.core.city.sections import (
    Changes,
    PackRow,
    Section,
    SettingsTable,
    city_settings,
    declare_section,
    declare_settings,
    text_of,
)
from scoc.core.models import Calendar, Category
from scoc.core.now import city_now, wall_now
from scoc.core.pack.fields import ALWAYS, CODE, EN, ZH
from scoc.core.pack.places import (
    AreaIn,
    OrganisationIn,
    _apply_areas,
    _apply_organisations,
    _areas,
    _check_areas,
    _check_organisations,
    _organisations,
)
from scoc.core.pack.staff import (
    AccountIn,
    GrantIn,
    PostRow,
    RoleIn,
    _accounts,
    _apply_accounts,
    _apply_grants,
    _apply_posts,
    _apply_roles,
    _check_accounts,
    _check_grants,
    _check_roles,
    _grants,
    _normal_account,
    _posts,
    _roles,
)

__all__ = ["ALWAYS", "CODE", "EN", "ZH", "CalendarSettings", "SecuritySettings", "seed_calendar"]


class CalendarSettings(BaseModel):
    """`[calendar]`: the seed of the working calendar; afterwards it is edited in SCOC."""

    model_config = ConfigDict(extra="forbid")
    slots: list[tuple[str, str]] = [("08:00", "12:00"), ("14:00", "18:00")]
    work_day: Literal["rolling", "day_end"] = "rolling"


class SecuritySettings(BaseModel):
    """`[security]`: log-in and plain-view policy (DOMAIN.md 6.3, 10.3)."""

    model_config = ConfigDict(extra="forbid")
    failures_to_lock: int = Field(5, ge=3, le=20)
    """Failed log-ins of one account in a row that lock it."""
    lock_minutes: int = Field(15, ge=10, le=1440)
    failures_per_address: int = Field(100, ge=10, le=10_000)
    """Failed log-ins from one address within `lock_minutes` after which it must wait."""
    idle_minutes: int = Field(30, ge=1, le=1440)
    """A session without a request for so long has ended."""
    unattended_roles: list[str] = []
    """Roles of screens that nobody sits at, such as a wall: their sessions do not end for want of requests."""
    password_length: int = Field(10, ge=8, le=60)
    password_kinds: int = Field(3, ge=1, le=4)
    """Of capitals, small letters, digits and other characters so many kinds are needed."""
    plain_views_per_hour: int = Field(30, ge=1, le=1000)
    """How often one person may see others' data in plain."""


declare_settings(SettingsTable("city", Manifest))
declare_settings(SettingsTable("calendar", CalendarSettings))
declare_settings(SettingsTable("security", SecuritySettings))


class CategoryIn(PackRow):
    """A class of components or events; the key is (kind, major, minor)."""

    kind: Literal["component", "event"]
    major: str = Field(pattern=r"^\d{2}$")
    minor: str = Field(pattern=r"^\d{2}$")
    name_zh: str = ZH
    name_en: str = EN

    @property
    def code(self) -> str:
        """`event/0506`; a major class ends in 00."""
        return f"{self.kind}/{self.major}{self.minor}"


def _categories() -> Iterable[CategoryIn]:
    for row in Category.objects.filter(valid_to=None):
        yield CategoryIn(kind=row.kind, major=row.major, minor=row.minor, name_zh=row.name.zh, name_en=row.name.en)


def _apply_categories(changes: Changes[CategoryIn]) -> None:
    moment = city_now()
    known = {row.code: row.version for row in Category.objects.order_by("version")}
    ended = [row.code for row in [*changes.removed, *changes.changed]]
    Category.objects.filter(code__in=ended, valid_to=None).update(valid_to=moment)
    Category.objects.bulk_create(
        Category(code=row.code, version=known.get(row.code, 0) + 1, kind=row.kind, major=row.major, minor=row.minor,
                 name=text_of(row), valid_from=moment if row.code in known else ALWAYS,
                 recorded_at=wall_now(), source="city pack")
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


def seed_calendar() -> None:
    """The first calendar of a city, from published plans; later ones are edits."""
    if not Calendar.objects.exists():
        wanted = city_settings(CalendarSettings)
        Calendar.objects.create(
            version=1, content=clocks.seed_content([list(slot) for slot in wanted.slots], wanted.work_day),
            source=clocks.SEED_SOURCE, recorded_at=wall_now(),
        )  # fmt: skip


declare_section(
    Section("areas", ("areas/*.geojson", "areas/*.csv", "areas.toml"), "area", AreaIn, ("code",), _areas, _apply_areas,
            check=_check_areas, export_file="areas.toml")
)  # fmt: skip
declare_section(
    Section("organisations", ("organisations.toml",), "organisation", OrganisationIn, ("code",), _organisations,
            _apply_organisations, references={"parent": "organisations", "area": "areas"}, check=_check_organisations)
)  # fmt: skip
declare_section(
    Section("roles", ("roles.toml",), "role", RoleIn, ("code",), _roles, _apply_roles,
            references={"conflicts": "roles"}, check=_check_roles)
)  # fmt: skip
declare_section(
    Section("grants", ("grants.toml",), "grant", GrantIn, ("role", "permission", "effect"), _grants, _apply_grants,
            references={"role": "roles"}, check=_check_grants)
)  # fmt: skip
declare_section(
    Section("posts", ("posts.toml",), "post", PostRow, ("code",), _posts, _apply_posts,
            references={"role": "roles", "organisation": "organisations", "area": "areas"})
)  # fmt: skip
declare_section(
    Section("accounts", ("accounts.toml",), "account", AccountIn, ("username",), _accounts, _apply_accounts,
            references={"posts": "posts"}, check=_check_accounts, normal=_normal_account)
)  # fmt: skip
declare_section(
    Section("categories", ("categories.toml",), "category", CategoryIn, ("kind", "major", "minor"), _categories,
            _apply_categories)
)  # fmt: skip
