"""The rows every module stands on, one file per subject."""

from scoc.core.models.access import POST_TEXT, ApiKey, Grant, Meter, Post, PostHolding, Role, RoleConflict, User
from scoc.core.models.contacts import Contact
from scoc.core.models.envelope import Envelope, Flow, FlowRow, Grade, VersionRow
from scoc.core.models.facts import AuditEntry, CronMark, Delivery, FactRow, IdempotencyMark, Notice
from scoc.core.models.files import Attachment
from scoc.core.models.organisation import (
    AREA_TEXT,
    ORGANISATION_TEXT,
    Area,
    AreaSuccession,
    Organisation,
    OrganisationName,
)
from scoc.core.models.registry import Asset, AssetLink, Category, Code
from scoc.core.models.time import Calendar, Installation, Run

__all__ = [
    "AREA_TEXT",
    "ORGANISATION_TEXT",
    "POST_TEXT",
    "ApiKey",
    "Area",
    "AreaSuccession",
    "Asset",
    "AssetLink",
    "Attachment",
    "AuditEntry",
    "Calendar",
    "Category",
    "Code",
    "Contact",
    "CronMark",
    "Delivery",
    "Envelope",
    "FactRow",
    "Flow",
    "FlowRow",
    "Grade",
    "Grant",
    "IdempotencyMark",
    "Installation",
    "Meter",
    "Notice",
    "Organisation",
    "OrganisationName",
    "Post",
    "PostHolding",
    "Role",
    "RoleConflict",
    "Run",
    "User",
    "VersionRow",
]
