"""Accounts of persons (账号): one each, never shared; closed, never removed."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from scoc.core import contacts
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.administration.posts import conflicting_with, person_in_scope, refuse_oneself, roles_held
from scoc.core.city.sections import city_settings
from scoc.core.contacts import Person
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Grant, Post, User
from scoc.core.pack import SecuritySettings
from scoc.core.passwords import what_is_wrong
from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text


@fact("core.account_created", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountCreated(Fact):
    """A person was given an account."""

    user: int


@fact("core.password_set", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSet(Fact):
    """Somebody's password was set anew by another."""

    user: int


@fact("core.account_closed", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed(Fact):
    """An account can no longer sign in."""

    user: int


ADMINISTERING = frozenset({"core.give_post", "core.grant_permission", "core.create_account", "core.read_audit"})
"""Whoever may one of these administers rights, or watches those who do."""


def _hashed(password: str, username: str) -> str:
    policy = city_settings(SecuritySettings)
    wrong = what_is_wrong(password, username, length=policy.password_length, kinds=policy.password_kinds)
    if wrong is not None:
        raise wrong
    return make_password(password)


def _refuse_administrators(actor: Actor, user: User) -> None:
    """Raises Refusal for somebody whose role administers rights and is kept apart from the actor's (三员分立).

    Who could set such a person's password could act as that person.
    """
    mine = set(Post.objects.filter(pk=actor.post_id or 0).values_list("role_id", flat=True))
    apart = conflicting_with(mine) & roles_held(user)
    grants = Grant.objects.filter(role_id__in=apart, effect=Grant.Effect.ALLOW).values_list("permission", flat=True)
    if any(fnmatch.fnmatchcase(name, grant) for grant in set(grants) for name in ADMINISTERING):
        raise Refusal(
            "separation_of_duties",
            Text("职责分离：不得处置其他管理员的账号。", "Separation of duties: another administrator's account."),
            subject=f"core:user-{user.pk}",
        )


@action("core.create_account", audited=True, shared=True)
def create_account(actor: Actor, username: str, person: Person, password: str) -> int:
    """Make a person's account; posts are given apart. Raises Refusal for a name that is taken, Invalid for a password.

    The password serves to choose an own one and for nothing else. Gives the user's id.
    """
    hashed = _hashed(password, username)
    if ":" in username:  # `system:…` and `machine:…` are no persons
        raise invalid("username", "A user name has no colon.", "Take another one.", zh="用户名不得含冒号。")
    if User.objects.filter(username__iexact=username).exists():
        raise Refusal("name_taken", Text("用户名已存在。", "The user name is taken."))
    user = User.objects.create(username=username, password=hashed, must_change_password=True,
                               contact=contacts.keep(person, staff=True))  # fmt: skip
    publish(AccountCreated(subject=Code(f"core:user-{user.pk}"), user=user.pk))
    return user.pk


@action("core.set_password", audited=True, shared=True)
def set_password(actor: Actor, user_id: int, password: str) -> None:
    """Set the password of somebody all of whose posts lie in one's scope; their sessions end, a lock is lifted.

    It serves to choose an own one, which nobody else knows: until then they can do nothing else.
    """
    refuse_oneself(actor, user_id)
    user = person_in_scope(actor, "core.set_password", user_id)
    _refuse_administrators(actor, user)
    user.password = _hashed(password, user.username)
    user.must_change_password = True
    user.failed_logins, user.locked_until = 0, None
    user.save(update_fields=["password", "must_change_password", "failed_logins", "locked_until"])
    publish(PasswordSet(subject=Code(f"core:user-{user.pk}"), user=user.pk))


@action("core.close_account", audited=True, shared=True)
def close_account(actor: Actor, user_id: int) -> None:
    """Let an account sign in no more; what it did stays under its name. Nobody closes their own."""
    refuse_oneself(actor, user_id)
    user = person_in_scope(actor, "core.close_account", user_id)
    _refuse_administrators(actor, user)
    user.is_active = user.from_pack = False  # a pack may not open it again
    user.save(update_fields=["is_active", "from_pack"])
    publish(AccountClosed(subject=Code(f"core:user-{user.pk}"), user=user.pk))
