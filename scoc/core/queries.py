"""What others may read of the kernel: who there is, where, what happened to a subject, what went wrong."""

from __future__ import annotations

import json
from datetime import date

from django.db.models import Prefetch, Q, QuerySet

from scoc.core import clocks, contacts, now
from scoc.core.access import query, visible
from scoc.core.acting import Actor, Viewer
from scoc.core.facts import FACTS
from scoc.core.files import handed_in, hangs_on_something_visible
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
    OrganisationName,
    Run,
    User,
)
from scoc.core.notify import notices_of
from scoc.core.refusals import invalid, no_such
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
    RunOut,
    TextOut,
    text_out,
)
from scoc.core.validity import valid_at
from scoc.kit.text import Text


def run_out(run: Run) -> RunOut:
    """A run as it is shown."""
    return RunOut(id=run.pk, kind=run.kind, name=text_out(run.name), ended=run.ended_at is not None)


def runs_to_join(actor: Actor) -> list[Run]:
    """The open runs that this actor may take part in, real life first; that alone for most.

    Needs no permission: a session says of itself where it may be.
    """
    rows = Run.objects.filter(ended_at=None).order_by("id")
    return list(rows if actor.may("core.switch_run") else rows.filter(pk=now.real_run()))


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


def _day(page: PageQuery) -> date:
    """The city's day that a directory is asked for."""
    return (page.as_of or now.city_now()).astimezone(now.city_zone()).date()


@query("core.read_directory")
def organisations(viewer: Viewer, page: PageQuery, kind: str | None = None) -> Page[OrganisationRow]:
    """The organisations of the city that hold on a day (today by default), of one kind if given, parents first.

    With `as_of` under the names that they bore then.
    """
    day = _day(page)
    rows = Organisation.objects.filter(valid_at(day))
    if kind:
        rows = rows.filter(kind=kind)
    if page.as_of is None:
        return paged(rows, page, ("path", "id"), organisation_row)
    borne = OrganisationName.objects.filter(valid_at(day)).order_by("-valid_from")
    rows = rows.prefetch_related(Prefetch("names", queryset=borne, to_attr="borne"))
    return paged(rows, page, ("path", "id"), _organisation_then)


def _organisation_then(row: Organisation) -> OrganisationRow:
    shown = organisation_row(row)
    borne: list[OrganisationName] = row.borne  # type: ignore[attr-defined]  # prefetched
    if borne:
        shown.name = text_out(borne[0].name)
    return shown


def area_row(row: Area) -> AreaRow:
    """An area as it is shown."""
    return AreaRow(
        id=row.pk, code=row.code, level=row.level, name=text_out(row.name), version=row.version,
        parent=row.parent.code if row.parent else None, population=row.population,
    )  # fmt: skip


@query("core.read_directory")
def areas(
    viewer: Viewer, page: PageQuery, level: str | None = None, parent: str | None = None
) -> Page[AreaRow]:  # fmt: skip
    """The areas of one level, or below one parent, as their boundaries held on a day (today by default), by code."""
    rows = Area.objects.filter(valid_at(_day(page)))
    if level:
        rows = rows.filter(level=level)
    if parent:
        rows = rows.filter(parent__code=parent)
    return paged(rows.select_related("parent"), page, ("code", "id"), area_row)


@query("core.read_directory")
def category_list(viewer: Viewer, page: PageQuery) -> Page[CategoryRow]:
    """The classes of components and events that hold at a time (now by default), by code."""
    rows: QuerySet[Category] = categories(page.as_of or now.city_now())
    return paged(
        rows, page, ("code", "id"),
        lambda row: CategoryRow(code=row.code, kind=row.kind, major=row.major, minor=row.minor,
                                name=text_out(row.name), version=row.version),
    )  # fmt: skip


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
        rows = rows.filter(happened_at__lte=page.as_of)
    recorded = now.recorded_by(page.as_of)
    if recorded is not None:
        rows = rows.filter(recorded_at__lte=recorded)
    return paged(rows.select_related("post", "area"), page, ("id",), _fact_out)


def _fact_out(row: FactRow) -> FactOut:
    return FactOut(
        id=row.pk, name=row.name, subject=row.subject, body=json.loads(row.body), happened_at=row.happened_at,
        recorded_at=row.recorded_at, post=text_out(row.post.title) if row.post else None,
        area=row.area.code if row.area else None, digest=row.digest,
    )  # fmt: skip


def _detail_out(row: AuditEntry) -> TextOut:
    """In both languages; what somebody typed is the same in both, and older rows know English alone."""
    return TextOut(zh=row.detail if row.detail_zh is None else row.detail_zh, en=row.detail)


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
            outcome=row.outcome, code=row.code, detail=_detail_out(row), address=row.address,
        ),
    )  # fmt: skip
    found.as_of = page.as_of or now.wall_now()
    return found


@query("core.read_deliveries")
def parked_deliveries(viewer: Viewer, page: PageQuery) -> Page[DeliveryRow]:
    """Deliveries that failed too often and wait for a person, now. Raises Invalid when asked for a past time."""
    if page.as_of is not None:
        raise invalid("as_of", "What waits is known for now only: as_of cannot be answered.", "Leave as_of out.",
                      zh="仅能查看当前的搁置任务，请去掉 as_of。")  # fmt: skip
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
    then = page.as_of
    not_read = Q(read_at=None)
    if then is not None:
        rows = rows.filter(happened_at__lte=then)
        not_read |= Q(read_at__gt=then)
    if unread:
        rows = rows.filter(not_read)
    return paged(
        rows, page, ("-id",),
        lambda row: NoticeRow(
            id=row.pk, subject=row.subject, level=row.level, title=text_out(row.title), happened_at=row.happened_at,
            read_at=None if then is not None and row.read_at is not None and row.read_at > then else row.read_at,
        ),
    )  # fmt: skip


@query("core.read_files")
def attachment(viewer: Viewer, attachment_id: int) -> Attachment:
    """A stored file's row. Raises NotFound unless the viewer may see something that it hangs on, or handed it in.

    A file follows its subjects, each by the rule of the module that owns it; one that hangs on nothing is nobody
    else's. The scope of the permission itself plays no part.
    """
    row = Attachment.objects.filter(pk=attachment_id, run=viewer.run_id or now.current_run()).first()
    if row is None or not (handed_in(viewer, row) or hangs_on_something_visible(viewer, row)):
        raise no_such("附件", "file", f"core:attachment-{attachment_id}")
    return row
