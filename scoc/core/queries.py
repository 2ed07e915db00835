"""What others may read of the kernel: who there is, where, what happened to a subject, what went wrong."""

from __future__ import annotations

import json
from datetime import datetime

from django.db.models import Q, QuerySet

from scoc.core import clocks, contacts, now
from scoc.core.access import posts_in_force, query, visible
from scoc.core.acting import Viewer
from scoc.core.facts import FACTS
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import (
    Area,
    Attachment,
    AuditEntry,
    Calendar,
    Category,
    Delivery,
    FactRow,
    Organisation,
    Post,
    User,
)
from scoc.core.notify import notices_of
from scoc.core.refusals import no_such
from scoc.core.registry import categories
from scoc.core.schemas import (
    AreaRow,
    AuditFilter,
    AuditRow,
    CalendarOut,
    CategoryRow,
    DeliveryRow,
    FactOut,
    NoticeRow,
    OrganisationRow,
    text_out,
)
from scoc.kit.text import Text


def organisation_row(row: Organisation) -> OrganisationRow:
    """An organisation as it is shown."""
    return OrganisationRow(
        id=row.pk, code=row.code, kind=row.kind, name=text_out(row.name), short=text_out(row.short),
        parent_id=row.parent_id,
    )  # fmt: skip


_ITSELF = Text("系统自动", "by SCOC itself")


def actor_name(viewer: Viewer, user: User, persons: str) -> Text:
    """Who did something, as it is shown: colleagues as the grant says, oneself in plain, parts of SCOC as such.

    The caller loads `user.contact` with the user.
    """
    if user.kind == User.Kind.SYSTEM:
        return _ITSELF
    if user.kind == User.Kind.MACHINE:
        name = user.username.removeprefix("machine:")
        return Text(f"接口 {name}", f"interface {name}")
    name = ""
    if user.contact is not None:
        name = contacts.shown(user.contact, "plain" if user.pk == viewer.user_id else persons).name
    return Text(name or user.username, name or user.username)


@query("core.read_directory")
def organisations(viewer: Viewer, kind: str | None = None) -> list[OrganisationRow]:
    """The organisations of the city that hold today, of one kind if given."""
    rows = Organisation.objects.filter(valid_to=None).order_by("path")
    if kind:
        rows = rows.filter(kind=kind)
    return [organisation_row(row) for row in rows]


def area_row(row: Area) -> AreaRow:
    """An area as it is shown."""
    return AreaRow(
        id=row.pk, code=row.code, level=row.level, name=text_out(row.name), version=row.version,
        parent=row.parent.code if row.parent else None, population=row.population,
    )  # fmt: skip


@query("core.read_directory")
def areas(
    viewer: Viewer, level: str | None = None, parent: str | None = None, as_of: datetime | None = None
) -> list[AreaRow]:
    """The areas of one level, or below one parent, as their boundaries held on a day (today by default)."""
    day = (as_of or now.city_now()).astimezone(now.city_zone()).date()
    rows = Area.objects.filter(valid_from__lte=day).filter(Q(valid_to=None) | Q(valid_to__gt=day))
    if level:
        rows = rows.filter(level=level)
    if parent:
        rows = rows.filter(parent__code=parent)
    return [area_row(row) for row in rows.select_related("parent").order_by("code")[:5000]]


@query("core.read_directory")
def category_list(viewer: Viewer, as_of: datetime | None = None) -> list[CategoryRow]:
    """The classes of components and events that hold at a time (now by default)."""
    rows: QuerySet[Category] = categories(as_of or now.city_now()).order_by("kind", "major", "minor")
    return [
        CategoryRow(code=row.code, kind=row.kind, major=row.major, minor=row.minor, name=text_out(row.name),
                    version=row.version)
        for row in rows
    ]  # fmt: skip


@query("core.read_calendar")
def calendar_year(viewer: Viewer, year: int) -> CalendarOut:
    """One year of the newest calendar. Raises NotFound before a city was applied."""
    row = Calendar.objects.order_by("-version").first()
    if row is None:
        raise no_such("日历", "calendar", f"core:calendar-{year}")
    plan = row.content["years"].get(str(year))
    return CalendarOut(
        year=year, version=row.version, published=plan is not None, off=plan["off"] if plan else [],
        work=plan["work"] if plan else [], hours=row.content["hours"], work_day=row.content["work_day"],
        source=row.source, zone=str(clocks.calendar().zone),
    )  # fmt: skip


@query("core.read_facts")
def timeline(viewer: Viewer, subject: str, page: PageQuery) -> Page[FactOut]:
    """What happened to one subject, oldest first, as far as the viewer may see it: each kind has its permission."""
    kinds = [name for name, kind in FACTS.items() if viewer.may(kind.permission)]
    rows = visible(viewer, FactRow.objects.filter(subject=subject, name__in=kinds), "core.read_facts")
    if page.as_of:
        rows = rows.filter(recorded_at__lte=page.as_of)
    return paged(rows.select_related("post", "area"), page, ("id",), _fact_out)


def _fact_out(row: FactRow) -> FactOut:
    return FactOut(
        id=row.pk, name=row.name, subject=row.subject, body=json.loads(row.body), happened_at=row.happened_at,
        recorded_at=row.recorded_at, post=text_out(row.post.title) if row.post else None,
        area=row.area.code if row.area else None, digest=row.digest,
    )  # fmt: skip


@query("core.read_audit")
def audit_entries(viewer: Viewer, page: PageQuery, wanted: AuditFilter) -> Page[AuditRow]:
    """The audit, newest first. It goes by the real time, whatever the city's is: so do `since`, `until` and `as_of`."""
    rows = AuditEntry.objects.select_related("user", "post")
    exact = {"subject": wanted.subject, "action": wanted.action, "kind": wanted.kind, "outcome": wanted.outcome}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.user:
        rows = rows.filter(user__in=User.objects.filter(username=wanted.user).values("id"))
    if wanted.since:
        rows = rows.filter(happened_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(happened_at__lt=wanted.until)
    if page.as_of:
        rows = rows.filter(happened_at__lte=page.as_of)
    found = paged(
        rows, page, ("-happened_at", "-id"),
        lambda row: AuditRow(
            id=row.pk, happened_at=row.happened_at, kind=row.kind, user=row.user.username if row.user else None,
            post=text_out(row.post.title) if row.post else None, action=row.action, subject=row.subject,
            outcome=row.outcome, code=row.code, detail=row.detail, address=row.address,
        ),
    )  # fmt: skip
    found.as_of = page.as_of or now.wall_now()
    return found


@query("core.read_deliveries")
def parked_deliveries(viewer: Viewer, page: PageQuery) -> Page[DeliveryRow]:
    """Deliveries that failed too often and wait for a person."""
    return paged(
        Delivery.objects.filter(state=Delivery.State.PARKED).select_related("fact"), page, ("id",),
        lambda row: DeliveryRow(
            id=row.pk, handler=row.handler, fact=row.fact.name if row.fact else None,
            subject=row.fact.subject if row.fact else None, attempts=row.attempts, error=row.error[-1000:],
            parked_at=row.next_try_at,
        ),
    )  # fmt: skip


@query("core.read_notices")
def notices(viewer: Viewer, page: PageQuery, unread: bool = False) -> Page[NoticeRow]:
    """The viewer's own notices, newest first."""
    rows = notices_of(viewer).filter(run_id=viewer.run_id or now.current_run())
    if unread:
        rows = rows.filter(read_at=None)
    return paged(
        rows, page, ("-id",),
        lambda row: NoticeRow(
            id=row.pk, subject=row.subject, level=row.level, title=text_out(row.title),
            happened_at=row.happened_at, read_at=row.read_at,
        ),
    )  # fmt: skip


def post_of(code: str) -> Post:
    """A post by its code. Raises NotFound."""
    post = posts_in_force().select_related("role", "organisation", "area").filter(code=code).first()
    if post is None:
        raise no_such("岗位", "post", f"core:post-{code}")
    return post


@query("core.read_files")
def attachment(viewer: Viewer, attachment_id: int) -> Attachment:
    """A stored file's row. Raises NotFound when it is outside the viewer's scope; one's own is always inside.

    A file has no area: without that, whoever reads by area could not look at the photo just handed in.
    """
    rows = Attachment.objects.filter(pk=attachment_id)
    row = visible(viewer, rows, "core.read_files").first()
    if row is None and viewer.post_id is not None:
        row = rows.filter(post_id=viewer.post_id, run=viewer.run_id or now.current_run()).first()
    if row is None:
        raise no_such("附件", "file", f"core:attachment-{attachment_id}")
    return row
