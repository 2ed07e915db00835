"""The registers that administration reads: who has an account and may do what, which keys and runs there are."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum

from scoc.core import contacts, now
from scoc.core.access import QUERIES, allowed, grants_in_force, posts_in_force, query, visible
from scoc.core.acting import BY_STATE, Allowed, Viewer
from scoc.core.actions import ACTIONS
from scoc.core.administration.shapes import (
    AccountOut,
    AccountRow,
    GrantRow,
    HoldingRow,
    KeyRow,
    MeterPoint,
    PermissionRow,
    PostRow,
    RunRow,
)
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import ApiKey, Meter, Post, PostHolding, Run, User
from scoc.core.refusals import invalid, no_such
from scoc.core.schemas import text_out
from scoc.core.validity import valid_at

_MACHINE = "machine:"
_OF_POST = {"organisation": "post__organisation", "area": "post__area", "self": "user", "run": ""}


def _post_row(post: Post) -> PostRow:
    return PostRow(
        code=post.code, title=text_out(post.title), role=post.role.code, role_name=text_out(post.role.name),
        organisation=text_out(post.organisation.short), area_name=text_out(post.area.name) if post.area else None,
        machines=post.role.machines,
    )  # fmt: skip


def _refuse_the_past(page: PageQuery, many: str, one: str, zh: str) -> None:
    """Raises Invalid when asked for a past time of a register whose rows know today's state only.

    What became of a row stands in the audit, not in the row: a list of then that told today's state would be believed.
    """
    if page.as_of is not None:
        raise invalid("as_of", f"{many} are known for now only: as_of cannot be answered.",
                      f"Leave as_of out, and read in the audit what was done to {one}.",
                      zh=f"仅能查看当前的{zh}，请去掉 as_of；{zh}的变更见审计。")  # fmt: skip


@query("core.read_directory")
def posts(viewer: Viewer, page: PageQuery, role: str | None = None) -> Page[PostRow]:
    """The posts of today by code, of one role if given; who holds them stands in the accounts.

    Raises Invalid when asked for a past time.
    """
    _refuse_the_past(page, "Posts", "a post", "岗位")
    rows = posts_in_force().select_related("role", "organisation", "area")
    if role:
        rows = rows.filter(role__code=role)
    return paged(rows, page, ("code",), _post_row)


def _holdings_of(users: list[int], moment: datetime) -> dict[int, list[HoldingRow]]:
    """The posts that these users hold at a time."""
    found: dict[int, list[HoldingRow]] = defaultdict(list)
    rows = PostHolding.objects.filter(valid_at(moment), user_id__in=users).order_by("id")
    for row in rows.select_related("post__role", "post__organisation", "post__area", "delegated_by"):
        post = _post_row(row.post)
        holding = HoldingRow(
            post=post.code, title=post.title, role_name=post.role_name, organisation=post.organisation,
            area_name=post.area_name, since=row.valid_from, until=row.valid_to,
            delegated_by=row.delegated_by.username if row.delegated_by else None,
        )  # fmt: skip
        found[row.user_id].append(holding)
    return found


def _users(viewer: Viewer) -> QuerySet[User]:
    """The principals whose posts lie in the viewer's scope; those without a post belong to the whole city."""
    rows = User.objects.exclude(kind=User.Kind.SYSTEM).select_related("contact")
    if allowed(viewer, "core.read_accounts").city:
        return rows
    held = PostHolding.objects.filter(valid_at(now.wall_now()))
    return rows.filter(pk__in=visible(viewer, held, "core.read_accounts", _OF_POST).values("user_id"))


def _account_row(user: User, held: list[HoldingRow], found: Allowed) -> AccountRow:
    moment = now.wall_now()
    locked = user.locked_until if user.locked_until and user.locked_until > moment else None
    return AccountRow(
        id=user.pk, username=user.username.removeprefix(_MACHINE), kind=user.kind,
        name=contacts.shown(user.contact, found.persons).name if user.contact else "", active=user.is_active,
        locked_until=locked, last_login=user.last_login, holdings=held,
    )  # fmt: skip


@query("core.read_accounts")
def accounts(
    viewer: Viewer, page: PageQuery, search: str | None = None, role: str | None = None, state: str | None = None
) -> Page[AccountRow]:
    """Accounts by user name, with the posts held now. Raises Invalid when asked for a past time.

    `search` is a part of the user name or a person's whole name; `state` is active, closed or locked.
    """
    _refuse_the_past(page, "Accounts", "an account", "账号")
    moment = now.wall_now()
    rows = _users(viewer)
    if search:
        named = Q(contact__name_hash=contacts.name_hash(search))
        rows = rows.filter(Q(username__icontains=search) | named)
    if role:
        held = PostHolding.objects.filter(valid_at(moment), post__role__code=role)
        rows = rows.filter(pk__in=held.values("user_id"))
    if state == "locked":
        rows = rows.filter(is_active=True, locked_until__gt=moment)
    elif state:
        rows = rows.filter(is_active=state == "active")
    found = allowed(viewer, "core.read_accounts")
    plain = paged(rows, page, ("username",), lambda user: user)
    held_by = _holdings_of([user.pk for user in plain.items], moment)
    items = [_account_row(user, held_by[user.pk], found) for user in plain.items]
    return Page(items=items, next=plain.next, total=plain.total, as_of=moment)


@query("core.read_accounts")
def account(viewer: Viewer, user_id: int) -> AccountOut:
    """One account with its posts and everything it may do now. Raises NotFound."""
    user = _users(viewer).filter(pk=user_id).first()
    if user is None:
        raise no_such("用户", "user", f"core:user-{user_id}")
    moment = now.wall_now()
    found = allowed(viewer, "core.read_accounts")
    row = _account_row(user, _holdings_of([user.pk], moment)[user.pk], found)
    person = contacts.shown(user.contact, found.persons) if user.contact else contacts.Person()
    return AccountOut(
        **row.dict(), phone=person.phone, email=person.email, language=user.language, grants=_grants(user, moment)
    )


def _grants(user: User, moment: datetime) -> list[GrantRow]:
    """What the user's own grants, posts and roles allow or deny at a time; the own ones first."""
    held = [row.post for row in PostHolding.objects.filter(valid_at(moment), user=user).select_related("post")]
    post_of_role = {post.role_id: post.code for post in held}
    subject = Q(user=user) | Q(post__in=[post.pk for post in held]) | Q(role__in=list(post_of_role))
    rows = grants_in_force(moment).filter(subject)
    found = [
        GrantRow(
            id=row.pk, through="account" if row.user_id else "post" if row.post_id else "role",
            post=row.post.code if row.post else post_of_role.get(row.role_id or 0), permission=row.permission,
            effect=row.effect, scope=row.scope, persons=row.persons, states=row.states, since=row.valid_from,
            until=row.valid_to,
        )
        for row in rows.select_related("post")
    ]  # fmt: skip
    return sorted(found, key=lambda row: (row.through != "account", row.permission, row.post or ""))


@query("core.read_accounts")
def permissions(viewer: Viewer) -> list[PermissionRow]:
    """Every permission that can be granted, by name."""
    return [
        PermissionRow(name=name, acts=name in ACTIONS, by_state=name in BY_STATE)
        for name in sorted(set(ACTIONS) | set(QUERIES))
    ]


def _keys(viewer: Viewer) -> QuerySet[ApiKey]:
    rows = ApiKey.objects.select_related("user", "post__organisation")
    return visible(viewer, rows, "core.read_keys", _OF_POST)


def _key_row(key: ApiKey, used: dict[str, Any], moment: datetime) -> KeyRow:
    return KeyRow(
        id=key.pk, prefix=key.prefix, machine=key.user.username.removeprefix(_MACHINE), label=key.label,
        post=key.post.code, post_title=text_out(key.post.title), organisation=text_out(key.post.organisation.short),
        per_minute=key.per_minute, per_day=key.per_day, created_at=key.created_at, valid_to=key.valid_to,
        revoked_at=key.revoked_at, state="revoked" if key.revoked_at else "valid" if key.valid_to > moment else "ended",
        answered_today=used.get("answered_sum", 0), refused_today=used.get("refused_sum", 0),
        rows_today=used.get("rows_sum", 0),
    )  # fmt: skip


@query("core.read_keys")
def keys(viewer: Viewer, page: PageQuery, state: str | None = None) -> Page[KeyRow]:
    """API keys, newest first, with what each used since the city's midnight; `state` is valid, ended or revoked.

    Raises Invalid when asked for a past time.
    """
    _refuse_the_past(page, "Keys", "a key", "密钥")
    moment = now.wall_now()
    rows = _keys(viewer)
    if state == "revoked":
        rows = rows.exclude(revoked_at=None)
    elif state:
        rows = rows.filter(revoked_at=None)
        rows = rows.filter(valid_to__gt=moment) if state == "valid" else rows.filter(valid_to__lte=moment)
    plain = paged(rows, page, ("-id",), lambda key: key)
    midnight = moment.astimezone(now.city_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    used = {
        row["key_id"]: row
        for row in Meter.objects.filter(key_id__in=[key.pk for key in plain.items], hour__gte=midnight)
        .values("key_id").annotate(answered_sum=Sum("answered"), refused_sum=Sum("refused"), rows_sum=Sum("rows"))
    }  # fmt: skip
    items = [_key_row(key, dict(used.get(key.pk, {})), moment) for key in plain.items]
    return Page(items=items, next=plain.next, total=plain.total, as_of=moment)


@query("core.read_keys")
def key_meters(viewer: Viewer, prefix: str, hours: int = 48) -> list[MeterPoint]:
    """What a key used, hour by hour, in the last hours (at most 744); an hour without a call has no point.

    Raises NotFound for a key outside the viewer's scope.
    """
    key = _keys(viewer).filter(prefix=prefix).first()
    if key is None:
        raise no_such("密钥", "key", "core:key")
    since = now.wall_now() - timedelta(hours=min(max(hours, 1), 744))
    rows = Meter.objects.filter(key=key, hour__gte=since).order_by("hour")
    return [MeterPoint(hour=row.hour, answered=row.answered, refused=row.refused, rows=row.rows) for row in rows]


@query("core.read_runs")
def runs(viewer: Viewer, page: PageQuery) -> Page[RunRow]:
    """Runs, newest first, with what the clock of each shows."""
    rows = Run.objects.all()
    if page.as_of:
        rows = rows.filter(started_at__lte=page.as_of)

    def row_of(run: Run) -> RunRow:
        with now.in_run(run.pk):
            moment = now.city_now()
        return RunRow(
            id=run.pk, kind=run.kind, name=text_out(run.name), started_at=run.started_at, ended_at=run.ended_at,
            city_now=moment, speed=run.speed_millis / 1000, shown=run.pk == now.current_run(),
        )  # fmt: skip

    return paged(rows, page, ("-id",), row_of)
