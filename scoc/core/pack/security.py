"""What a city decides of security in its pack."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


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
    published_passwords: bool = False
    """The passwords in the pack's accounts are published and stay valid: for a made-up city, where anybody may sign in
    as anybody. Without it each must be changed at the first log-in."""
    plain_views_per_hour: int = Field(30, ge=1, le=1000)
    """How often one person may see others' data in plain."""
