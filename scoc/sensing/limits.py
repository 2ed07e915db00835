"""What the hub takes, keeps of what it refuses, and calls online: the table `[sensing]` of a city pack."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from scoc.core.city import SettingsTable, declare_settings


class AlarmSettings(BaseModel):
    """`[sensing.alarms]`: what keeps alarms from flooding those who look at them (ISA-18.2)."""

    model_config = ConfigDict(extra="forbid")
    flapping_changes: int = Field(6, ge=3, le=1000)
    """An alarm raised or cleared so often within `flapping_seconds` is flapping: told once, and quiet until stable."""
    flapping_seconds: int = Field(3600, ge=60, le=86_400)
    stable_seconds: int = Field(1800, ge=60, le=604_800)
    """With no change for so long it is stable again."""
    outlive_seconds: int = Field(300, ge=0, le=86_400)
    """An alarm that is kept back is raised if it outlives the one above it by so long; those raised so shortly before
    that one are taken back."""
    parent_links: list[str] = ["controls", "feeds"]
    """Kinds of ties between assets of which the origin stands above the target."""
    shelve_most_hours: int = Field(24, ge=1, le=720)
    """Nobody shelves an alarm for longer."""


class SensingSettings(BaseModel):
    """`[sensing]`: what the hub takes, keeps of what it refuses, and calls online (DOMAIN.md 6.1)."""

    model_config = ConfigDict(extra="forbid")
    future_seconds: int = Field(300, ge=0, le=86_400)
    """A reading further ahead of the city's clock is refused."""
    oldest_days: int = Field(30, ge=1, le=3650)
    """A live reading older than this is refused; imports of history are not bound by it."""
    rejected_kept_per_device_day: int = Field(100, ge=0, le=10_000)
    """How many refused readings of one device are kept a day for inspection; all are counted."""
    online_cadences: int = Field(3, ge=1, le=100)
    """A device is online while its newest reading is not older than this many cadences (heartbeat × 3)."""
    gap_cadences: int = Field(3, ge=1, le=100)
    """After more cadences without a reading nobody knows whether a condition went on: its duration starts anew."""
    most_body_bytes: int = Field(1_048_576, ge=1024, le=67_108_864)
    """Largest body of one telemetry request."""
    most_readings: int = Field(10_000, ge=1, le=100_000)
    """Most readings in one telemetry request."""
    alarms: AlarmSettings = AlarmSettings()


declare_settings(SettingsTable("sensing", SensingSettings))
