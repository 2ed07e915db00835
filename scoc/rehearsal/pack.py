"""What a city pack may configure of loaders: which of the readings of an air archive are not believed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from scoc.core.city import SettingsTable, declare_settings


class AirArchiveSettings(BaseModel):
    """`[air_archive]`: readings that `scoc load air` refuses. Nothing is mended; each reason is counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pins: dict[str, float] = {"pm25": 999.0, "pm10": 999.0, "co": 10.0}
    """A value at the end of an instrument's scale says only that there was more (CO in mg/m³)."""
    pinned_archives: list[str] = ["beijing_air_prsa"]
    """Archives whose instruments end there."""
    stuck_hours: dict[str, int] = {"pm25": 6, "pm10": 6, "no2": 8, "o3": 8, "so2": 24, "co": 24}
    """An instrument that gives the same value for so many hours in a row is stuck."""
    floors: dict[str, float] = {"pm25": 5.0, "pm10": 8.0, "no2": 3.0, "o3": 10.0, "so2": 6.0, "co": 0.6}
    """Up to these values equal hours are usual: the air is clean, and readings are coarse."""
    inversion_percent: float = Field(10.0, ge=0, le=100)
    """PM2.5 is a part of PM10; above it by more than this, neither is believed."""


declare_settings(SettingsTable("air_archive", AirArchiveSettings))
