"""Routes that read the registers of administration: posts, accounts, permissions, keys with meters, runs.

They share the router of the routes that change them: one path answers to several methods.
"""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponse
from ninja import Field, Schema
from ninja.params.functions import Path, Query

from scoc.core import queries
from scoc.core.administration import registers
from scoc.core.administration.shapes import (
    AccountOut,
    AccountRow,
    KeyRow,
    MeterPoint,
    PermissionRow,
    PostRow,
    RunRow,
)
from scoc.core.administration.sheets import ACCOUNTS, AUDIT
from scoc.core.http.administering import routes
from scoc.core.http.exports import ExportQuery, exported
from scoc.core.http.paging import Page, PageQuery
from scoc.core.http.request import Request
from scoc.core.schemas import AuditFilter

__all__ = ["routes"]
ID = Path(..., ge=1, le=2**53)


@routes.get("/posts", permission="core.read_directory", response=Page[PostRow])
def posts(
    request: Request, page: PageQuery = Query(...), role: str | None = Query(None, max_length=40)
) -> Page[PostRow]:
    """The posts of today."""
    return registers.posts(request.viewer, page, role)


class AccountQuery(Schema):
    """What the list of accounts is narrowed to."""

    search: str | None = Field(None, max_length=60)
    role: str | None = Field(None, max_length=40)
    state: Literal["active", "closed", "locked"] | None = None


@routes.get("/accounts", permission="core.read_accounts", response=Page[AccountRow])
def accounts(request: Request, page: PageQuery = Query(...), filters: AccountQuery = Query(...)) -> Page[AccountRow]:
    """Accounts with the posts they hold."""
    return registers.accounts(request.viewer, page, **filters.dict())


@routes.get("/accounts/export", permission="core.read_accounts")
def accounts_export(
    request: Request, wanted: ExportQuery = Query(...), filters: AccountQuery = Query(...)
) -> HttpResponse:
    """The same list as a file."""
    return exported(request, ACCOUNTS, wanted, lambda page: registers.accounts(request.viewer, page, **filters.dict()))


@routes.get("/audit/export", permission="core.read_audit")
def audit_export(request: Request, wanted: ExportQuery = Query(...), filters: AuditFilter = Query(...)) -> HttpResponse:
    """The audit as a file."""
    return exported(request, AUDIT, wanted, lambda page: queries.audit_entries(request.viewer, page, filters))


@routes.get("/accounts/{user_id}", permission="core.read_accounts", response=AccountOut)
def account(request: Request, user_id: int = ID) -> AccountOut:
    """One account and everything it may do."""
    return registers.account(request.viewer, user_id)


@routes.get("/permissions", permission="core.read_accounts", response=list[PermissionRow])
def permissions(request: Request) -> list[PermissionRow]:
    """What can be granted."""
    return registers.permissions(request.viewer)


@routes.get("/keys", permission="core.read_keys", response=Page[KeyRow])
def keys(
    request: Request,
    page: PageQuery = Query(...),
    state: Literal["valid", "ended", "revoked"] | None = None,
) -> Page[KeyRow]:
    """API keys with quotas and today's use."""
    return registers.keys(request.viewer, page, state)


@routes.get("/keys/{prefix}/meters", permission="core.read_keys", response=list[MeterPoint])
def key_meters(
    request: Request, prefix: str = Path(..., max_length=12), hours: int = Query(48, ge=1, le=744)
) -> list[MeterPoint]:
    """What a key used, hour by hour."""
    return registers.key_meters(request.viewer, prefix, hours)


@routes.get("/runs", permission="core.read_runs", response=Page[RunRow])
def runs(request: Request, page: PageQuery = Query(...)) -> Page[RunRow]:
    """Runs with their clocks."""
    return registers.runs(request.viewer, page)
