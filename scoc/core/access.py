"""Which rows and fields a viewer sees (权限): function × scope × field × state, with end dates; deny beats allow."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

from django.db.models import Model, Q, QuerySet

from scoc.core import audit, now
from scoc.core.acting import Actor, Allowed, GrantRule, Viewer
from scoc.core.models import Grant, Post, PostHolding, User
from scoc.core.refusals import NotAllowed
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
    """What the viewer's grants give for a permission. Raises NotAllowed, and leaves its trace, when denied."""
    found = viewer.may(permission, state)
    if found is None:
        audit.record(viewer, kind="refusal", action=permission, outcome="refused", code="no_permission")
        raise NotAllowed(
            "no_permission", Text("您的岗位没有这项权限。", f"Your post does not have the permission {permission}.")
        )
    return found


def visible(viewer: Viewer, rows: QuerySet[M], permission: str, paths: dict[str, str] | None = None) -> QuerySet[M]:
    """Of `rows`, those inside the viewer's data scope for the permission, in the viewer's run.

    `paths` names the look-ups of the model for `organisation`, `area`, `self` (the acting user) and `run`;
    a model may have several organisations that may see a row: join their look-ups with `|`.
    """
    scope = allowed(viewer, permission).scope
    look = {"organisation": "organisation", "area": "area", "self": "", "run": "run", **(paths or {})}
    if look["run"]:
        rows = rows.filter(**{f"{look['run']}_id": viewer.run_id or now.current_run()})
    if scope == "city":
        return rows
    if scope == "area_below":
        if not viewer.area_path or not look["area"]:
            return rows.none()
        return rows.filter(**{f"{look['area']}__path__startswith": viewer.area_path})
    if scope == "self":
        return rows.filter(**{look["self"]: viewer.user_id}) if look["self"] else rows.none()
    if viewer.organisation_id is None or not look["organisation"]:
        return rows.none()
    condition = Q()
    for path in look["organisation"].split("|"):
        if scope == "unit":
            condition |= Q(**{f"{path}_id": viewer.organisation_id})
        else:
            condition |= Q(**{f"{path}__path__startswith": viewer.organisation_path})
    return rows.filter(condition)


def in_scope(viewer: Viewer, permission: str, *, organisation_path: str = "", area_path: str = "") -> bool:
    """Whether one thing, by its organisation and area, lies in the viewer's data scope for the permission."""
    found = viewer.may(permission)
    if found is None:
        return False
    match found.scope:
        case "city":
            return True
        case "area_below":
            return bool(viewer.area_path) and area_path.startswith(viewer.area_path)
        case "unit":
            return bool(viewer.organisation_path) and organisation_path == viewer.organisation_path
        case "unit_below":
            return bool(viewer.organisation_path) and organisation_path.startswith(viewer.organisation_path)
        case _:
            return False


def holdings(user: User) -> QuerySet[PostHolding]:
    """The posts that the user holds at this moment."""
    moment = now.wall_now()
    today = moment.date()
    return (
        PostHolding.objects.filter(user=user, valid_from__lte=moment)
        .filter(Q(valid_to=None) | Q(valid_to__gt=moment))
        .filter(post__valid_from__lte=today)
        .filter(Q(post__valid_to=None) | Q(post__valid_to__gte=today))
        .select_related("post__role", "post__organisation", "post__area")
        .order_by("id")
    )


def _rules(grants: Iterable[Grant]) -> tuple[GrantRule, ...]:
    return tuple(
        GrantRule(
            grant.permission, grant.effect == Grant.Effect.ALLOW, grant.scope, grant.persons, frozenset(grant.states)
        )
        for grant in grants
    )


def actor_for(user: User, post: Post | None, *, address: str = "", key_id: int | None = None) -> Actor:
    """The actor that `user` is in `post`, with the grants that hold now. Without a post only own grants hold."""
    moment = now.wall_now()
    subject = Q(user=user)
    if post is not None:
        subject |= Q(post=post) | Q(role_id=post.role_id)
    grants = (
        Grant.objects.filter(subject)
        .filter(Q(valid_from=None) | Q(valid_from__lte=moment))
        .filter(Q(valid_to=None) | Q(valid_to__gt=moment))
    )
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


def system_actor(part: str) -> Actor:
    """The part of SCOC that acts by itself, e.g. `system_actor("intake")`; it has a name in every log."""
    username = f"system:{part}"
    user = User.objects.filter(username=username).only("id").first()
    if user is None:
        user, _ = User.objects.get_or_create(username=username, defaults={"kind": User.Kind.SYSTEM, "password": "!"})
    return Actor(user_id=user.pk, username=username, kind=User.Kind.SYSTEM, grants=_EVERYTHING)
