"""What administration shows: accounts with their posts and grants, keys with their meters, runs."""

from __future__ import annotations

from datetime import datetime

from ninja import Schema

from scoc.core.schemas import TextOut


class PostRow(Schema):
    """A post of today, without whoever holds it."""

    code: str
    title: TextOut
    role: str
    role_name: TextOut
    organisation: TextOut
    area_name: TextOut | None
    machines: bool
    """Whether keys of machines may act in it."""


class HoldingRow(Schema):
    """A post that somebody holds, until a time where the holding ends."""

    post: str
    title: TextOut
    role_name: TextOut
    organisation: TextOut
    area_name: TextOut | None
    since: datetime
    until: datetime | None
    delegated_by: str | None


class AccountRow(Schema):
    """An account in a list. `name` is shown as the viewer's grant allows."""

    id: int
    username: str
    kind: str
    name: str
    active: bool
    locked_until: datetime | None
    last_login: datetime | None
    holdings: list[HoldingRow]


class GrantRow(Schema):
    """A permission given or denied, and through what: the account itself, a post or a role."""

    id: int
    through: str
    """`account`, `post` or `role`; only the first can be withdrawn here, the others stand in the city's pack."""
    post: str | None
    permission: str
    effect: str
    scope: str
    persons: str
    states: list[str]
    since: datetime | None
    until: datetime | None


class AccountOut(AccountRow):
    """An account with everything it may do now."""

    phone: str
    email: str
    language: str
    grants: list[GrantRow]


class PermissionRow(Schema):
    """A permission that can be granted; `by_state` where a grant may be limited to states of its subject."""

    name: str
    acts: bool
    by_state: bool


class KeyRow(Schema):
    """An API key of a machine with its quota and what it used since the city's midnight."""

    id: int
    prefix: str
    machine: str
    label: str
    post: str
    post_title: TextOut
    organisation: TextOut
    per_minute: int
    per_day: int
    created_at: datetime
    valid_to: datetime
    revoked_at: datetime | None
    state: str
    """`valid`, `ended` or `revoked`."""
    answered_today: int
    refused_today: int
    rows_today: int


class MeterPoint(Schema):
    """What one key used in the hour that begins at `hour`."""

    hour: datetime
    answered: int
    refused: int
    rows: int


class RunRow(Schema):
    """A run of the city: normal life, a drill or a replay, with what its clock shows."""

    id: int
    kind: str
    name: TextOut
    started_at: datetime
    ended_at: datetime | None
    city_now: datetime
    speed: float
    shown: bool
