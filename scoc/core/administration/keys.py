"""API keys of machines (接口密钥)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scoc.core import clients, now
from scoc.core.access import in_scope
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.administration.posts import post_in_scope, refuse_conflict_with
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import ApiKey, User
from scoc.core.refusals import Refusal, no_such
from scoc.kit.text import Text


@fact("core.key_issued", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIssued(Fact):
    """A machine was given an API key."""

    user: int
    prefix: Code


@fact("core.key_revoked", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(Fact):
    """An API key ended."""

    prefix: Code


@action("core.issue_key", audited=True, shared=True)
def issue_key(
    actor: Actor, machine: str, post_code: str, label: str, *, per_minute: int, per_day: int, days: int
) -> str:
    """Make a machine's API key, shown this once; it acts in a post of the giver's scope and ends after `days`.

    Raises Refusal for a post whose role is for people, and against separation of duties among the machine's keys.
    """
    post = post_in_scope(actor, "core.issue_key", post_code)
    if not post.role.machines:
        raise Refusal(
            "not_for_machines",
            Text("该岗位的角色只能由人担任。", "The role of this post is for people: no key may act in it."),
            subject=f"core:post-{post.code}",
        )
    user, _ = User.objects.get_or_create(
        username=f"machine:{machine}", defaults={"kind": User.Kind.MACHINE, "password": "!"}
    )
    live = ApiKey.objects.filter(user=user, revoked_at=None, valid_to__gt=now.wall_now())
    refuse_conflict_with(set(live.values_list("post__role_id", flat=True)), post, f"core:user-{user.pk}")
    key = clients.issue(
        user, post, label, per_minute=per_minute, per_day=per_day, valid_to=now.wall_now() + timedelta(days=days)
    )
    publish(KeyIssued(subject=Code(f"core:user-{user.pk}"), user=user.pk, prefix=Code(key.split("_")[1])))
    return key


@action("core.revoke_key", audited=True, shared=True)
def revoke_key(actor: Actor, prefix: str) -> None:
    """End an API key of one's scope now."""
    key = ApiKey.objects.select_related("post__organisation", "post__area").filter(prefix=prefix).first()
    if key is None or key.revoked_at is not None or not in_scope(
        actor, "core.revoke_key", organisation_path=key.post.organisation.path,
        area_path=key.post.area.path if key.post.area else "",
    ):  # fmt: skip
        raise no_such("密钥", "key", "core:key")
    key.revoked_at = now.wall_now()
    key.save(update_fields=["revoked_at"])
    publish(KeyRevoked(subject=Code(f"core:key-{prefix}"), prefix=Code(prefix)))
