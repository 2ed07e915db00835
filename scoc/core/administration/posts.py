"""Giving and taking posts (岗位), within the giver's own scope and with duties kept apart (职责分离)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from scoc.core import now
from scoc.core.access import holdings, in_scope, posts_in_force
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Post, PostHolding, RoleConflict, User
from scoc.core.refusals import NotAllowed, Refusal, invalid, no_such
from scoc.core.validity import not_over
from scoc.kit.text import Text


@fact("core.post_given", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostGiven(Fact):
    """A user was given a post."""

    user: int
    post: int


@fact("core.post_taken", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostTaken(Fact):
    """A user holds a post no more."""

    user: int
    post: int


def post_in_scope(actor: Actor, permission: str, code: str) -> Post:
    """A post of today that lies in the actor's scope for the permission. Raises NotFound."""
    posts = posts_in_force().select_related("role", "organisation", "area")
    post = posts.filter(code=code).first()
    if post is None or not in_scope(
        actor, permission, organisation_path=post.organisation.path, area_path=post.area.path if post.area else ""
    ):
        raise no_such("岗位", "post", "core:post")
    return post


def person_in_scope(actor: Actor, permission: str, user_id: int) -> User:
    """A person all of whose posts lie in the actor's scope for the permission. Raises NotFound.

    Somebody without a post belongs to the whole city only.
    """
    user = User.objects.filter(pk=user_id, kind=User.Kind.PERSON, is_active=True).first()
    found = actor.may(permission)
    if user is not None and found is not None and not found.city:
        held = [holding.post for holding in holdings(user)]
        inside = [
            in_scope(actor, permission, organisation_path=post.organisation.path,
                     area_path=post.area.path if post.area else "")
            for post in held
        ]  # fmt: skip
        if not held or not all(inside):
            user = None
    if user is None:
        raise no_such("用户", "user", f"core:user-{user_id}")
    return user


def refuse_oneself(actor: Actor, user_id: int) -> None:
    """Raises NotAllowed for people who give themselves more."""
    if actor.user_id == user_id:
        raise NotAllowed("oneself", Text("不得为本人授权。", "Nobody gives rights to themselves."))


def refuse_conflicts(user: User, post: Post) -> None:
    """Raises Refusal when the user holds a post whose role may not be combined with the new one (职责分离)."""
    refuse_conflict_with(roles_held(user), post, f"core:user-{user.pk}")


def refuse_conflict_with(held: set[int], post: Post, subject: str) -> None:
    """Raises Refusal when the post's role may not be combined with one of the roles held."""
    conflict = RoleConflict.objects.filter(
        Q(first_id=post.role_id, second_id__in=held) | Q(second_id=post.role_id, first_id__in=held)
    ).first()
    if conflict is not None:
        raise Refusal(
            "separation_of_duties",
            Text(f"职责分离：{conflict.reason.zh}", f"Separation of duties: {conflict.reason.en}"),
            subject=subject,
        )


def roles_held(user: User) -> set[int]:
    """Ids of the roles of the posts that a user holds now or will hold until a time to come."""
    held = PostHolding.objects.filter(not_over(now.wall_now()), user=user)
    return set(held.values_list("post__role_id", flat=True))


def conflicting_with(roles: set[int]) -> set[int]:
    """Ids of the roles that may not be combined with any of these."""
    pairs = RoleConflict.objects.filter(Q(first_id__in=roles) | Q(second_id__in=roles))
    return {role for pair in pairs.values_list("first_id", "second_id") for role in pair} - roles


@action("core.give_post", audited=True, shared=True)
def give_post(actor: Actor, user_id: int, post_code: str, *, until: datetime | None = None) -> int:
    """Give a user a post of one's own scope, for a time if `until` is set (授权代理); gives the holding's id.

    Raises Refusal against separation of duties and NotAllowed for oneself.
    """
    refuse_oneself(actor, user_id)
    moment = now.wall_now()
    if until is not None and until <= moment:
        raise invalid("until", "The end lies in the past.", "Give a later time, or none.", zh="结束时间已过。")
    post = post_in_scope(actor, "core.give_post", post_code)
    user = User.objects.select_for_update().filter(pk=user_id, is_active=True).exclude(kind=User.Kind.SYSTEM).first()
    if user is None:
        raise no_such("用户", "user", f"core:user-{user_id}")
    refuse_conflicts(user, post)
    if holdings(user).filter(post=post, valid_to=until).exists():
        raise Refusal("holds_it", Text("该用户已担任此岗位。", "The user holds this post already."))
    holding = PostHolding.objects.create(
        user=user, post=post, valid_from=moment, valid_to=until, delegated_by_id=actor.user_id if until else None
    )
    publish(PostGiven(subject=Code(f"core:user-{user.pk}"), user=user.pk, post=post.pk))
    return holding.pk


@action("core.take_post", audited=True, shared=True)
def take_post(actor: Actor, user_id: int, post_code: str) -> None:
    """End a user's holding of a post of one's own scope, now."""
    post = post_in_scope(actor, "core.take_post", post_code)
    moment = now.wall_now()
    held = PostHolding.objects.filter(not_over(moment), user_id=user_id, post=post)
    if not held.update(valid_to=moment):
        raise no_such("任职", "holding", f"core:user-{user_id}")
    publish(PostTaken(subject=Code(f"core:user-{user_id}"), user=user_id, post=post.pk))
