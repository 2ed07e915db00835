"""Routes of administration: accounts, posts, grants, keys, office hours, runs, erasure."""

from __future__ import annotations

from ninja.params.functions import Path

from scoc.core import administration
from scoc.core.contacts import Person
from scoc.core.http.identity import RUN_KEY
from scoc.core.http.request import Request
from scoc.core.http.routes import Routes
from scoc.core.models import Grant, Run
from scoc.core.now import real_run
from scoc.core.refusals import NotAllowed
from scoc.core.schemas import (
    AccountIn,
    Done,
    GrantIn,
    HoldingIn,
    KeyIn,
    KeyOut,
    Made,
    OfficeHoursChangeIn,
    PasswordIn,
    ReasonIn,
    RunIn,
)
from scoc.kit.text import Text
from scoc.kit.worktime import Reading

routes = Routes()
ID = Path(..., ge=1, le=2**53)


@routes.post("/accounts", permission="core.create_account", response=Made, status=201)
def create_account(request: Request, payload: AccountIn) -> Made:
    """Make a person's account."""
    person = Person(name=payload.name, phone=payload.phone, email=payload.email)
    return Made(id=administration.create_account(request.viewer, payload.username, person, payload.password))


@routes.post("/accounts/{user_id}/password", permission="core.set_password", response=Done)
def set_password(request: Request, payload: PasswordIn, user_id: int = ID) -> Done:
    """Set somebody's password anew."""
    administration.set_password(request.viewer, user_id, payload.password)
    return Done()


@routes.post("/accounts/{user_id}/close", permission="core.close_account", response=Done)
def close_account(request: Request, user_id: int = ID) -> Done:
    """Let an account sign in no more."""
    administration.close_account(request.viewer, user_id)
    return Done()


@routes.post("/accounts/{user_id}/posts", permission="core.give_post", response=Made, status=201)
def give_post(request: Request, payload: HoldingIn, user_id: int = ID) -> Made:
    """Give a user a post."""
    return Made(id=administration.give_post(request.viewer, user_id, payload.post, until=payload.until))


@routes.post("/accounts/{user_id}/posts/{post}/end", permission="core.take_post", response=Done)
def take_post(request: Request, user_id: int = ID, post: str = Path(..., max_length=60)) -> Done:
    """End a user's holding of a post."""
    administration.take_post(request.viewer, user_id, post)
    return Done()


@routes.post("/accounts/{user_id}/grants", permission="core.grant_permission", response=Made, status=201)
def grant_permission(request: Request, payload: GrantIn, user_id: int = ID) -> Made:
    """Give or deny one principal a permission."""
    grant = administration.grant_permission(
        request.viewer, user_id, payload.permission, scope=Grant.Scope(payload.scope),
        effect=Grant.Effect(payload.effect), persons=payload.persons, states=tuple(payload.states),
        until=payload.until,
    )  # fmt: skip
    return Made(id=grant)


@routes.post("/grants/{grant_id}/withdraw", permission="core.withdraw_grant", response=Done)
def withdraw_grant(request: Request, grant_id: int = ID) -> Done:
    """End a grant to one principal."""
    administration.withdraw_grant(request.viewer, grant_id)
    return Done()


@routes.post("/keys", permission="core.issue_key", response=KeyOut, status=201)
def issue_key(request: Request, payload: KeyIn) -> KeyOut:
    """Make a machine's API key."""
    key = administration.issue_key(
        request.viewer, payload.machine, payload.post, payload.label, per_minute=payload.per_minute,
        per_day=payload.per_day, days=payload.days,
    )  # fmt: skip
    return KeyOut(key=key)


@routes.post("/keys/{prefix}/revoke", permission="core.revoke_key", response=Done, subject="core:key-{prefix}")
def revoke_key(request: Request, prefix: str = Path(..., max_length=12)) -> Done:
    """End an API key."""
    administration.revoke_key(request.viewer, prefix)
    return Done()


@routes.put("/office-hours", permission="core.edit_office_hours", response=Made)
def edit_office_hours(request: Request, payload: OfficeHoursChangeIn) -> Made:
    """Set the office hours; the answer is the calendar's new version."""
    hours = [(item.since, item.slots) for item in payload.hours]
    return Made(id=administration.edit_office_hours(request.viewer, hours, Reading(payload.work_day), payload.note))


@routes.post("/runs", permission="core.start_run", response=Made, status=201)
def start_run(request: Request, payload: RunIn) -> Made:
    """Begin a drill or replay."""
    run = administration.start_run(
        request.viewer, Run.Kind(payload.kind), Text(payload.name_zh, payload.name_en),
        city_origin=payload.city_origin, speed=payload.speed,
    )  # fmt: skip
    return Made(id=run)


@routes.post("/runs/{run_id}/show", permission="core.switch_run", response=Done)
def switch_run(request: Request, run_id: int = ID) -> Done:
    """Have this session take part in a run: it shows it and acts in it from now on."""
    if request.viewer.key_id is not None:
        raise NotAllowed("no_session", Text("密钥没有会话。", "A key has no session: only people take part in drills."))
    administration.switch_run(request.viewer, run_id)
    if run_id == real_run():
        request.session.pop(RUN_KEY, None)
    else:
        request.session[RUN_KEY] = run_id
    return Done()


@routes.post("/runs/{run_id}/end", permission="core.end_run", response=Done)
def end_run(request: Request, run_id: int = ID) -> Done:
    """End a drill or replay."""
    administration.end_run(request.viewer, run_id)
    return Done()


@routes.post("/contacts/{contact_id}/erase", permission="core.erase_person", response=Done)
def erase_person(request: Request, payload: ReasonIn, contact_id: int = ID) -> Done:
    """Remove a person's fields for good."""
    administration.erase_person(request.viewer, contact_id, payload.reason)
    return Done()
