"""What a city pack may configure of the kernel: areas, organisations, roles, posts, registries, calendar, security."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, model_validator

from scoc.core import clocks
from scoc.core.city.reading import Manifest
from scoc.core.city.sections import SettingsTable, city_settings, declare_section, declare_settings
from scoc.core.models import Calendar
from scoc.core.now import wall_now
from scoc.core.pack import accounts, places, registry, staff
from scoc.core.pack.divisions import follow_areas, moved_on, next_versions
from scoc.core.pack.fields import ALWAYS, CODE, EN, ZH
from scoc.core.pack.security import SecuritySettings

__all__ = [
    "ALWAYS",
    "CODE",
    "EN",
    "ZH",
    "CalendarSettings",
    "SecuritySettings",
    "follow_areas",
    "moved_on",
    "next_versions",
    "seed_calendar",
]


class CalendarSettings(BaseModel):
    """`[calendar]`: the seed of the working calendar; afterwards it is edited in SCOC."""

    model_config = ConfigDict(extra="forbid")
    slots: list[tuple[str, str]] = [("08:00", "12:00"), ("14:00", "18:00")]
    work_day: Literal["rolling", "day_end"] = "rolling"

    @model_validator(mode="after")
    def _hours_of_a_day(self) -> CalendarSettings:
        clocks.loaded(clocks.seed_content([list(slot) for slot in self.slots], self.work_day), 1, ZoneInfo("UTC"))
        return self


declare_settings(SettingsTable("city", Manifest))
declare_settings(SettingsTable("calendar", CalendarSettings))
declare_settings(
    SettingsTable("security", SecuritySettings, roles=lambda row: {"unattended_roles": row.unattended_roles})
)


def seed_calendar() -> None:
    """The first calendar of a city, from published plans; later ones are edits."""
    if not Calendar.objects.exists():
        wanted = city_settings(CalendarSettings)
        Calendar.objects.create(
            version=1, content=clocks.seed_content([list(slot) for slot in wanted.slots], wanted.work_day),
            source=clocks.SEED_SOURCE, recorded_at=wall_now(),
        )  # fmt: skip


for section in (*places.SECTIONS, *staff.SECTIONS, *accounts.SECTIONS, *registry.SECTIONS):
    declare_section(section)
