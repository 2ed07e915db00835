"""Grants to one post or one principal (授权), often for a time; what a role may do stands in the city's pack."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from datetime import datetime

from scoc.core import now
from scoc.core.access import QUERIES
from scoc.core.acting import BY_STATE, Actor
from scoc.core.actions import ACTIONS, action
from scoc.core.administration.accounts import ADMINISTERING
from scoc.core.administration.posts import conflicting_with, refuse_oneself, roles_held
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Grant, User
from scoc.core.refusals import NotAllowed, Refusal, invalid, no_such
from scoc.kit.text import Text


@fact("core.permission_granted", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionGranted(Fact):
    """One principal was given or denied a permission."""

    grant: int
    permission: Code
    effect: Code


@fact("core.grant_withdrawn", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class GrantWithdrawn(Fact):
    """A grant ended before its time."""

    grant: int


def _city_only(actor: Actor, permission: str) -> None:
    found = actor.may(permission)
    if found is None or not found.city:
        raise NotAllowed("not_city", Text("仅全市范围的岗位可授权。", "Only a post for the whole city grants."))


def _refuse_joined_duties(user: User, permission: str) -> None:
    """Raises Refusal where every role that has the permission is kept apart from one that the user holds (三员分立).

    Otherwise a grant would make the one administrator of all that no two posts may.
    """
    rows = Grant.objects.filter(role__valid_to=None, role__isnull=False, effect=Grant.Effect.ALLOW)
    having = {role for role, name in rows.values_list("role_id", "permission") if fnmatch.fnmatchcase(permission, name)}
    if having and having <= conflicting_with(roles_held(user)):
        raise Refusal(
            "separation_of_duties",
            Text("职责分离：此项权限属于不得兼任的角色。",
                 "Separation of duties: this permission belongs to roles that the user may not combine."),
            subject=f"core:user-{user.pk}",
        )  # fmt: skip


@action("core.grant_permission", audited=True, shared=True)
def grant_permission(
    actor: Actor,
    user_id: int,
    permission: str,
    *,
    scope: Grant.Scope,
    effect: Grant.Effect = Grant.Effect.ALLOW,
    persons: str = "masked",
    states: tuple[str, ...] = (),
    until: datetime | None = None,
) -> int:
    """Give or deny one principal one permission, until a time if set; gives the grant's id.

    Raises Invalid for a permission that does not exist or does not look at states, NotAllowed for oneself.
    """
    _city_only(actor, "core.grant_permission")
    refuse_oneself(actor, user_id)
    if permission not in ACTIONS and permission not in QUERIES:
        raise invalid("permission", "No module has this permission.", "Give the name of an action or query.",
                      zh="没有这项权限。")  # fmt: skip
    if states and permission not in BY_STATE:
        raise invalid("states", "This permission does not look at states.", "Leave the states out.",
                      zh="该权限不区分状态，请去掉状态。")  # fmt: skip
    if unknown := sorted(set(states) - BY_STATE.get(permission, frozenset())):
        raise invalid("states", f"There is no state {unknown[0]}.", f"Use {', '.join(sorted(BY_STATE[permission]))}.",
                      zh=f"没有状态 {unknown[0]}。")  # fmt: skip
    if persons not in {"plain", "masked", "hidden"}:
        raise invalid("persons", "Persons are plain, masked or hidden.", "Use one of these.",
                      zh="个人信息的展示方式只能是 plain、masked 或 hidden。")  # fmt: skip
    if until is not None and until <= now.wall_now():
        raise invalid("until", "The end lies in the past.", "Give a later time, or none.", zh="结束时间已过。")
    user = User.objects.filter(pk=user_id, is_active=True).exclude(kind=User.Kind.SYSTEM).first()
    if user is None:
        raise no_such("用户", "user", f"core:user-{user_id}")
    if effect == Grant.Effect.ALLOW and permission in ADMINISTERING:
        _refuse_joined_duties(user, permission)
    grant = Grant.objects.create(
        user=user, permission=permission, effect=effect, scope=scope, persons=persons, states=sorted(states),
        valid_from=now.wall_now(), valid_to=until,
    )  # fmt: skip
    publish(
        PermissionGranted(
            subject=Code(f"core:user-{user.pk}"), grant=grant.pk, permission=Code(permission), effect=Code(effect.value)
        )
    )
    return grant.pk


@action("core.withdraw_grant", audited=True, shared=True)
def withdraw_grant(actor: Actor, grant_id: int) -> None:
    """End a grant to one principal now. A denial of oneself is left to others."""
    _city_only(actor, "core.withdraw_grant")
    grant = Grant.objects.filter(pk=grant_id, user__isnull=False).first()
    if grant is None or grant.user_id is None:
        raise no_such("授权", "grant", f"core:grant-{grant_id}")
    refuse_oneself(actor, grant.user_id)
    grant.valid_to = now.wall_now()
    grant.save(update_fields=["valid_to"])
    publish(GrantWithdrawn(subject=Code(f"core:user-{grant.user_id}"), grant=grant.pk))
