"""Which rows and fields a viewer sees (权限): function × scope × field × state, with end dates; deny beats allow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from scoc.core import audit, now
from scoc.core.acting import NO_STATE, Actor, Allowed, GrantRule, Viewer, work_in_progress
from scoc.core.models import Grant, Post, PostHolding, User
from scoc.core.refusals import NotAllowed
from scoc.core.remembered import forgettable
from scoc.core.validity import not_over, valid_at
from scoc.kit.text import Text

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Model)
QUERIES: dict[str, list[Callable[..., object]]] = {}
"""Every query there is, by the permission it asks for."""


def query(
    permission: str,
) -> Callable[[Callable[Concatenate[Viewer, P], R]], Callable[Concatenate[Viewer, P], R]]:
    """Make a function a query that needs `permission`; the viewer comes first. Default is deny."""

    def make(function: Callable[Concatenate[Viewer, P], R]) -> Callable[Concatenate[Viewer, P], R]:
        @functools.wraps(function)
        def ask(viewer: Viewer, /, *args: P.args, **kwargs: P.kwargs) -> R:
            allowed(viewer, permission)
            with now.in_run(viewer.run_id):
                return function(viewer, *args, **kwargs)

        QUERIES.setdefault(permission, []).append(ask)
        return ask

    return make


def allowed(viewer: Viewer, permission: str, state: str | None = None) -> Allowed:
    """What the viewer's grants give for a permission. Raises NotAllowed, and leaves its trace, when denied.

    `state` is the state of the subject; the actions declared `by_state` ask again with it once they know it.
    """
    work = work_in_progress()
    if work is not None and state is not None:
        work.states_asked.add(permission)
    found = viewer.may(permission, state)
    if found is None:
        words = Text("您的岗位没有这项权限。", f"Your post does not have the permission {permission}.")
        if work is None or state is None:  # an action tells of its own refusal
            audit.record(
                viewer, kind="refusal", action=permission, outcome="refused", code="no_permission", detail=words
            )
        raise NotAllowed("no_permission", words)
    return found


def visible(viewer: Viewer, rows: QuerySet[M], permission: str, paths: dict[str, str] | None = None) -> QuerySet[M]:
    """Of `rows`, those inside the viewer's data scope for the permission, in the viewer's run.

    `paths` names the look-ups of the model for `organisation`, `area`, `self` (the acting user), `run` and `state`;
    a model may have several organisations that may see a row: join their look-ups with `|`. With `state` each row is
    measured by what the grants give in its state.
    """
    found = allowed(viewer, permission)
    look = {"organisation": "organisation", "area": "area", "self": "", "run": "run", "state": "", **(paths or {})}
    if look["run"]:
        rows = rows.filter(**{f"{look['run']}_id": viewer.run_id or now.current_run()})
    named = viewer.states_named(permission) if look["state"] else frozenset[str]()
    if not named:
        return rows if found.city else rows.filter(_within(viewer, found, look))
    condition = Q(pk__in=())
    for state in sorted(named):
        given = viewer.may(permission, state)
        if given is not None:
            condition |= Q(**{look["state"]: state}) & _within(viewer, given, look)
    elsewhere = viewer.may(permission, NO_STATE)
    if elsewhere is not None:
        condition |= ~Q(**{f"{look['state']}__in": sorted(named)}) & _within(viewer, elsewhere, look)
    return rows.filter(condition)


def _within(viewer: Viewer, found: Allowed, look: dict[str, str]) -> Q:
    """The rows of a model that lie in one of the scopes."""
    if found.city:
        return ~Q(pk__in=())
    condition = Q(pk__in=())
    if "self" in found.scopes and look["self"]:
        condition |= Q(**{look["self"]: viewer.user_id})
    if "area_below" in found.scopes and look["area"] and viewer.area_path:
        condition |= Q(**{f"{look['area']}__path__startswith": viewer.area_path})
    for path in look["organisation"].split("|") if look["organisation"] and viewer.organisation_id else ():
        if "unit_below" in found.scopes:
            condition |= Q(**{f"{path}__path__startswith": viewer.organisation_path})
        elif "unit" in found.scopes:
            condition |= Q(**{f"{path}_id": viewer.organisation_id})
    return condition


def in_scope(
    viewer: Viewer,
    permission: str,
    *,
    organisation_path: str = "",
    area_path: str = "",
    user_id: int | None = None,
    state: str | None = None,
) -> bool:
    """Whether one thing, by its organisation, area and user, lies in the viewer's data scope for the permission."""
    found = viewer.may(permission, state)
    if found is None:
        return False
    unit, area = viewer.organisation_path, viewer.area_path
    inside = {
        "city": True,
        "area_below": bool(area) and area_path.startswith(area),
        "unit_below": bool(unit) and organisation_path.startswith(unit),
        "unit": bool(unit) and organisation_path == unit,
        "self": user_id == viewer.user_id,
    }
    return any(inside[scope] for scope in found.scopes)


def holdings(user: User) -> QuerySet[PostHolding]:
    """The posts that the user holds at this moment."""
    moment = now.wall_now()
    return (
        PostHolding.objects.filter(valid_at(moment), user=user)
        .filter(holds_today("post__"))
        .select_related("post__role", "post__organisation", "post__area")
        .order_by("id")
    )


def holds_today(prefix: str = "") -> Q:
    """Rows, such as posts, that are valid by the day, today in the real city; `valid_to` is the first day without."""
    return valid_at(now.wall_today(), prefix)


def posts_in_force() -> QuerySet[Post]:
    """The posts that exist today."""
    return Post.objects.filter(holds_today())


def grants_in_force(moment: datetime) -> QuerySet[Grant]:
    """What roles, posts and users may and may not do at a time; a grant without a beginning holds from ever."""
    return Grant.objects.filter(Q(valid_from=None) | Q(valid_from__lte=moment)).filter(not_over(moment))


def _rules(grants: Iterable[Grant]) -> tuple[GrantRule, ...]:
    return tuple(
        GrantRule(
            grant.permission, grant.effect == Grant.Effect.ALLOW, grant.scope, grant.persons, frozenset(grant.states)
        )
        for grant in grants
    )


def posts_that_may(permission: str) -> list[int]:
    """Ids of the posts in force that may do something by the grants of their role and their own; deny beats allow."""
    given: dict[tuple[str, int | None], list[Grant]] = {}
    for grant in grants_in_force(now.wall_now()).filter(user=None):
        given.setdefault(("role", grant.role_id) if grant.role_id else ("post", grant.post_id), []).append(grant)
    found = []
    for post_id, role_id in posts_in_force().order_by("id").values_list("id", "role_id"):
        rules = [
            rule for rule in _rules([*given.get(("role", role_id), []), *given.get(("post", post_id), [])])
            if rule.covers(permission, None)
        ]  # fmt: skip
        if rules and all(rule.allow for rule in rules):
            found.append(post_id)
    return found


def actor_for(user: User, post: Post | None, *, address: str = "", key_id: int | None = None) -> Actor:
    """The actor that `user` is in `post`, with the grants that hold now. Without a post only own grants hold."""
    subject = Q(user=user)
    if post is not None:
        subject |= Q(post=post) | Q(role_id=post.role_id)
    grants = grants_in_force(now.wall_now()).filter(subject)
    return Actor(
        user_id=user.pk,
        username=user.username,
        kind=user.kind,
        post_id=post.pk if post else None,
        role=post.role.code if post else "",
        organisation_id=post.organisation_id if post else None,
        organisation_path=post.organisation.path if post else "",
        area_id=post.area_id if post else None,
        area_path=post.area.path if post and post.area else "",
        grants=_rules(grants),
        address=address,
        key_id=key_id,
    )


_EVERYTHING = (GrantRule("*", allow=True, scope="city", persons="plain", states=frozenset()),)


_system_actors: dict[str, Actor] = {}
_uncommitted: set[str] = set()


@forgettable
def forget_system_actors() -> None:
    """Look them up anew."""
    _system_actors.clear()


def system_actor(part: str) -> Actor:
    """The part of SCOC that acts by itself, e.g. `system_actor("intake")`; it has a name in every log."""
    known = _system_actors.get(part)
    if known is not None:
        return known
    username = f"system:{part}"
    user = User.objects.filter(username=username).only("id").first()
    if user is None:
        user, _ = User.objects.get_or_create(username=username, defaults={"kind": User.Kind.SYSTEM, "password": "!"})
        if connection.in_atomic_block:
            # An undone transaction takes the row with it: it is remembered once it is committed.
            _uncommitted.add(part)
            transaction.on_commit(lambda: _uncommitted.discard(part))
    actor = Actor(user_id=user.pk, username=username, kind=User.Kind.SYSTEM, grants=_EVERYTHING)
    if not connection.in_atomic_block:
        _uncommitted.discard(part)
    if part not in _uncommitted:
        _system_actors[part] = actor
    return actor
