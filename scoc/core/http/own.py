"""Routes of the kernel: session, clocks, directory, calendar, timeline, audit, files."""

from __future__ import annotations

from django.contrib.auth import login as start_session
from django.contrib.auth import logout as end_session
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from ninja.files import UploadedFile
from ninja.params.functions import File, Path, Query

from scoc.core import administration, finding, now, queries, signing
from scoc.core.access import QUERIES, holdings
from scoc.core.acting import Actor
from scoc.core.actions import ACTIONS
from scoc.core.city.reading import Manifest
from scoc.core.city.sections import city_settings
from scoc.core.contacts import shown
from scoc.core.files import LARGEST, content_of, too_large
from scoc.core.http.identity import AT_THE_DOOR, BACKEND, POST_KEY, SIGNED_IN, held_post, present_actor, session_actor
from scoc.core.http.paging import Page, PageQuery
from scoc.core.http.request import Request, client_address
from scoc.core.http.routes import PUBLIC, Routes
from scoc.core.models import Attachment, Installation, Post, Run, User
from scoc.core.refusals import NotAllowed
from scoc.core.schemas import (
    AreaRow,
    AttachmentOut,
    AuditFilter,
    AuditRow,
    CalendarIn,
    CalendarOut,
    CategoryRow,
    CityOut,
    ClockOut,
    DeliveryRow,
    Done,
    FactOut,
    HitGroup,
    HitOut,
    LoginIn,
    Moment,
    NoticeRow,
    OrganisationRow,
    PasswordChangeIn,
    PersonOut,
    PostIn,
    PostOut,
    ReasonIn,
    RunOut,
    SearchOut,
    SessionOut,
    UserOut,
    text_out,
)
from scoc.kit.text import Text

routes = Routes()
ID = Path(..., ge=1, le=2**53)


def _post_out(post: Post) -> PostOut:
    return PostOut(
        id=post.pk, code=post.code, role=post.role.code, role_name=text_out(post.role.name),
        title=text_out(post.title), organisation=queries.organisation_row(post.organisation),
        area=post.area.code if post.area else None, home=post.role.home,
    )  # fmt: skip


def _session_of(request: HttpRequest, actor: Actor | None) -> SessionOut:
    installation = Installation.objects.first()
    user = request.user if isinstance(request.user, User) else None
    city = run = None
    runs: list[RunOut] = []
    if installation is not None:
        head = city_settings(Manifest)
        city = CityOut(code=installation.code, name=text_out(installation.name), center=list(head.center),
                       bbox=list(head.bbox), timezone=installation.timezone)  # fmt: skip
        if actor is not None:
            runs = [queries.run_out(one) for one in queries.runs_to_join(actor)]
        run = queries.run_out(Run.objects.get(pk=(actor.run_id if actor else None) or installation.active_run_id))
    held = [_post_out(holding.post) for holding in holdings(user)] if user and not user.must_change_password else []
    names = sorted(set(ACTIONS) | set(QUERIES))
    return SessionOut(
        user=UserOut(
            id=user.pk, username=user.username, language=user.language, must_change_password=user.must_change_password,
            name=shown(user.contact, "plain").name if user.contact else user.username,
        ) if user else None,
        posts=held, post_id=actor.post_id if actor else None,
        permissions=[name for name in names if actor.may(name)] if actor else [],
        city=city, run=run, runs=runs, csrf_token=get_token(request),
    )  # fmt: skip


@routes.get("/session", permission=PUBLIC, response=SessionOut)
def session(request: HttpRequest) -> SessionOut:
    """Who is signed in, in which post, in which city and run."""
    return _session_of(request, session_actor(request))


@routes.post("/login", permission=PUBLIC, response=SessionOut)
def login(request: HttpRequest, payload: LoginIn) -> SessionOut:
    """Sign in. With one post it is chosen at once; with several the person chooses."""
    user = signing.sign_in(payload.username, payload.password, client_address(request))
    start_session(request, user, backend=BACKEND)
    held = [holding.post_id for holding in holdings(user)]
    if len(held) == 1:
        request.session[POST_KEY] = held[0]
    return _session_of(request, session_actor(request))


@routes.post("/logout", permission=AT_THE_DOOR, response=Done)
def logout(request: Request) -> Done:
    """End the session."""
    signing.note_session(request.viewer, "core.sign_out")
    end_session(request)
    return Done()


@routes.post("/post", permission=SIGNED_IN, response=SessionOut)
def choose_post(request: Request, payload: PostIn) -> SessionOut:
    """Choose the acting post; it is written on everything done from now on."""
    user = request.user
    if not isinstance(user, User) or held_post(user, payload.post_id) is None:
        raise NotAllowed("not_your_post", Text("您不担任该岗位。", "You do not hold this post."))
    request.session[POST_KEY] = payload.post_id
    actor = session_actor(request)
    if actor is not None:
        signing.note_session(actor, "core.choose_post")
    return _session_of(request, actor)


@routes.post("/password", permission=AT_THE_DOOR, response=Done)
def change_password(request: Request, payload: PasswordChangeIn) -> Done:
    """Change one's own password; one's other sessions end."""
    user = request.user
    if not isinstance(user, User):
        raise NotAllowed("no_person", Text("仅个人账号有密码。", "Only a person's account has a password."))
    update_session_auth_hash(request, signing.change_password(user, payload.old, payload.new, client_address(request)))
    return Done()


@routes.get("/clock", permission=PUBLIC, response=ClockOut)
def clock(request: HttpRequest) -> ClockOut:
    """City time in the session's run, and wall time."""
    viewer = present_actor(request)
    with now.in_run(viewer.run_id if viewer else None):
        known = now.run_clock()
        return ClockOut(city_now=now.city_now(), wall_now=now.wall_now(), speed=known.speed if known else 1.0)


@routes.get("/organisations", permission="core.read_directory", response=Page[OrganisationRow])
def organisations(
    request: Request, page: PageQuery = Query(...), kind: str | None = Query(None, max_length=20)
) -> Page[OrganisationRow]:
    """The city's organisations."""
    return queries.organisations(request.viewer, page, kind)


@routes.get("/areas", permission="core.read_directory", response=Page[AreaRow])
def areas(
    request: Request,
    page: PageQuery = Query(...),
    level: str | None = Query(None, max_length=12),
    parent: str | None = Query(None, max_length=20),
) -> Page[AreaRow]:
    """The areas of a level or below a parent."""
    return queries.areas(request.viewer, page, level, parent)


@routes.get("/categories", permission="core.read_directory", response=Page[CategoryRow])
def category_list(request: Request, page: PageQuery = Query(...)) -> Page[CategoryRow]:
    """The classes of components and events."""
    return queries.category_list(request.viewer, page)


@routes.get("/calendar/{year}", permission="core.read_calendar", response=CalendarOut, subject="core:calendar-{year}")
def calendar(request: Request, year: int = Path(..., ge=2000, le=2200)) -> CalendarOut:
    """One year of the working calendar."""
    return queries.calendar_year(request.viewer, year)


@routes.put("/calendar/{year}", permission="core.edit_calendar", response=CalendarOut, subject="core:calendar-{year}")
def edit_calendar(request: Request, payload: CalendarIn, year: int = Path(..., ge=2000, le=2200)) -> CalendarOut:
    """Publish or correct one year of the working calendar."""
    administration.edit_calendar(request.viewer, year, payload.off, payload.work, payload.note)
    return queries.calendar_year(request.viewer, year)


@routes.get("/search", permission=SIGNED_IN, response=SearchOut)
def search(
    request: Request,
    q: str = Query(..., min_length=1, max_length=60),
    kind: str | None = Query(None, max_length=40),
    limit: int = Query(5, ge=1, le=20),
) -> SearchOut:
    """Whatever the viewer may see whose name, number or place contains every word of `q`; `limit` of each kind."""
    found = finding.search(request.viewer, q, kind=kind, limit=limit)
    return SearchOut(q=q, groups=[_group_out(group) for group in found])


def _group_out(group: finding.Found) -> HitGroup:
    return HitGroup(
        kind=group.kind, name=text_out(group.name), more=group.more,
        hits=[
            HitOut(subject=hit.subject, title=text_out(hit.title), note=text_out(hit.note), state=hit.state,
                   state_name=text_out(hit.state_name) if hit.state_name else None, path=hit.path)
            for hit in group.hits
        ],
    )  # fmt: skip


@routes.get("/facts", permission="core.read_facts", response=Page[FactOut])
def timeline(request: Request, page: PageQuery = Query(...), subject: str = Query(..., max_length=60)) -> Page[FactOut]:
    """What happened to one subject."""
    return queries.timeline(request.viewer, subject, page)


@routes.get("/audit", permission="core.read_audit", response=Page[AuditRow])
def audit(request: Request, page: PageQuery = Query(...), wanted: AuditFilter = Query(...)) -> Page[AuditRow]:
    """The audit, newest first."""
    return queries.audit_entries(request.viewer, page, wanted)


@routes.get("/deliveries", permission="core.read_deliveries", response=Page[DeliveryRow])
def parked(request: Request, page: PageQuery = Query(...)) -> Page[DeliveryRow]:
    """Deliveries that wait for a person."""
    return queries.parked_deliveries(request.viewer, page)


@routes.post("/deliveries/{delivery_id}/retry", permission="core.retry_delivery", response=Done)
def retry(request: Request, delivery_id: int = ID) -> Done:
    """Try a parked delivery again."""
    administration.retry_delivery(request.viewer, delivery_id)
    return Done()


@routes.get("/notices", permission="core.read_notices", response=Page[NoticeRow])
def notices(request: Request, page: PageQuery = Query(...), unread: bool = False) -> Page[NoticeRow]:
    """The viewer's notices."""
    return queries.notices(request.viewer, page, unread)


@routes.post("/notices/{notice_id}/read", permission="core.read_notice", response=Done)
def read_notice(request: Request, notice_id: int = ID) -> Done:
    """Confirm that a notice was read."""
    administration.read_notice(request.viewer, notice_id)
    return Done()


@routes.post("/attachments", permission="core.hand_in_file", response=AttachmentOut)
def hand_in(
    request: Request,
    file: UploadedFile = File(...),
    lon: float | None = Query(None, ge=-180, le=180),
    lat: float | None = Query(None, ge=-90, le=90),
    taken_at: Moment | None = None,
) -> AttachmentOut:
    """Store a photo or document."""
    if (file.size or 0) > LARGEST:
        raise too_large()
    row = administration.hand_in_file(
        request.viewer, file.read(), file.name or "file", lon=lon, lat=lat, taken_at=taken_at
    )
    return AttachmentOut(id=row.pk, name=row.name, media_type=row.media_type, size=row.size, digest=row.digest,
                         taken_at=row.taken_at, lon=row.lon, lat=row.lat)  # fmt: skip


@routes.get("/attachments/{attachment_id}", permission="core.read_files")
def attachment(request: Request, attachment_id: int = ID) -> HttpResponse:
    """The content of a stored file, never run by a browser."""
    row = queries.attachment(request.viewer, attachment_id)
    return _file(row)


def _file(row: Attachment) -> HttpResponse:
    response = HttpResponse(content_of(row), content_type=row.media_type)
    response["Content-Disposition"] = f'inline; filename="{row.digest[:12]}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=86400"
    return response


@routes.post("/contacts/{contact_id}/plain", permission="core.view_plain", response=PersonOut)
def plain(request: Request, payload: ReasonIn, contact_id: int = ID) -> PersonOut:
    """See a person in plain, for a reason."""
    person = administration.view_person(request.viewer, contact_id, payload.reason)
    return PersonOut(name=person.name, phone=person.phone, email=person.email, address=person.address)
