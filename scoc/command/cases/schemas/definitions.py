"""Filing conditions, and units that may be responsible."""

from __future__ import annotations

from decimal import Decimal

from ninja import Schema

from scoc.core.schemas import OrganisationRow, TextOut


class SourceRow(Schema):
    """A source that reports may come from (DOMAIN.md 1.2)."""

    code: str
    name: TextOut
    photos: int
    """Photos that a report of it must bring."""


class ConditionRow(Schema):
    """A filing condition of a class."""

    code: str
    version: int
    category: str
    name: TextOut
    limit: Decimal
    unit: str
    unit_name: TextOut
    criterion: TextOut
    basis: TextOut
    urgency: int
    responsible: OrganisationRow | None
    supervising: OrganisationRow | None


class UnitSuggestion(Schema):
    """A unit that may be responsible, with the reasons."""

    rank: int
    unit: OrganisationRow
    basis: str
    """`matrix:<row>@<version>` or `condition:<code>@<version>`."""
    priority: int | None
    legal_basis: TextOut
    reasons: list[TextOut]
