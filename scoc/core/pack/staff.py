"""Roles, grants, posts and accounts of a pack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from django.contrib.auth.hashers import make_password
from pydantic import Field

from scoc.core import contacts
from scoc.core.access import QUERIES
from scoc.core.actions import ACTIONS
from scoc.core.city.reading import Pack
from scoc.core.city.sections import (
    Changes,
    PackRow,
    Problem,
    text_of,
)
from scoc.core.models import (
    Area,
    Grant,
    Organisation,
    Post,
    PostHolding,
    Role,
    RoleConflict,
    User,
)
from scoc.core.now import city_now, wall_now
from scoc.core.pack.fields import CODE, EN, ZH
from scoc.kit.text import Text


class RoleIn(PackRow):
    """A role with the desk it starts at and the roles one person may not combine it with."""

    code: str = CODE
    name_zh: str = ZH
    name_en: str = EN
    home: str = Field(pattern=r"^/[\w/\-]*$", max_length=60)
    conflicts: list[str] = Field(default_factory=list)


def _roles() -> Iterable[RoleIn]:
    conflicts: dict[str, list[str]] = {}
    for pair in RoleConflict.objects.select_related("first", "second"):
        conflicts.setdefault(pair.first.code, []).append(pair.second.code)
    for row in Role.objects.all():
        yield RoleIn(code=row.code, name_zh=row.name.zh, name_en=row.name.en, home=row.home,
                     conflicts=sorted(conflicts.get(row.code, [])))  # fmt: skip


def _check_roles(pack: Pack, rows: Sequence[tuple[RoleIn, str, int]]) -> Iterable[Problem]:
    for row, file, line in rows:
        if row.code in row.conflicts:
            yield Problem(file, line, "conflicts", "A role cannot conflict with itself.", "Remove it.")
        if row.conflicts != sorted(set(row.conflicts)):
            yield Problem(file, line, "conflicts", "List each role once, in alphabetical order.", "Sort the list.")


def _apply_roles(changes: Changes[RoleIn]) -> None:
    for row in [*changes.added, *changes.changed]:
        Role.objects.update_or_create(code=row.code, defaults={"name": text_of(row), "home": row.home})
    for row in [*changes.added, *changes.changed, *changes.removed]:
        RoleConflict.objects.filter(first__code=row.code).delete()
    roles = {role.code: role for role in Role.objects.all()}
    for row in [*changes.added, *changes.changed]:
        for other in row.conflicts:
            first, second = roles[row.code], roles[other]
            RoleConflict.objects.create(
                first=first, second=second,
                reason=Text(f"{first.name.zh}与{second.name.zh}不得由同一人担任。",
                            f"{first.name.en} and {second.name.en} are never the same person."),
            )  # fmt: skip
    Role.objects.filter(code__in=[row.code for row in changes.removed]).delete()


class GrantIn(PackRow):
    """What a role may do, or may not."""

    role: str
    permission: str = Field(pattern=r"^[\w.*]+$", max_length=80)
    effect: Literal["allow", "deny"] = "allow"
    scope: Literal["self", "unit", "unit_below", "area_below", "city"]
    persons: Literal["plain", "masked", "hidden"] = "masked"
    states: list[str] = Field(default_factory=list)


def _grants() -> Iterable[GrantIn]:
    for row in Grant.objects.filter(role__isnull=False).select_related("role"):
        assert row.role is not None
        yield GrantIn(role=row.role.code, permission=row.permission, effect=row.effect, scope=row.scope,
                      persons=row.persons, states=row.states)  # fmt: skip


def _check_grants(pack: Pack, rows: Sequence[tuple[GrantIn, str, int]]) -> Iterable[Problem]:
    known = set(ACTIONS) | set(QUERIES)
    for row, file, line in rows:
        if "*" not in row.permission and row.permission not in known:
            yield Problem(file, line, "permission", f"No module has the permission `{row.permission}`.",
                          "Correct its name; the reference lists them.")  # fmt: skip


def _apply_grants(changes: Changes[GrantIn]) -> None:
    roles = dict(Role.objects.values_list("code", "id"))
    for row in [*changes.removed, *changes.changed]:
        Grant.objects.filter(role_id=roles.get(row.role, 0), permission=row.permission, effect=row.effect).delete()
    Grant.objects.bulk_create(
        Grant(role_id=roles[row.role], permission=row.permission, effect=row.effect, scope=row.scope,
              persons=row.persons, states=row.states)
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


class PostRow(PackRow):
    """A position in an organisation, with its area where its scope is an area."""

    code: str = CODE
    role: str
    organisation: str
    area: str | None = None
    title_zh: str = ZH
    title_en: str = EN


def _posts() -> Iterable[PostRow]:
    for row in Post.objects.filter(valid_to=None).select_related("role", "organisation", "area"):
        yield PostRow(
            code=row.code, role=row.role.code, organisation=row.organisation.code,
            area=row.area.code if row.area else None, title_zh=row.title.zh, title_en=row.title.en,
        )  # fmt: skip


def _apply_posts(changes: Changes[PostRow]) -> None:
    today = city_now().date()
    Post.objects.filter(code__in=[row.code for row in changes.removed]).update(valid_to=today)
    roles = dict(Role.objects.values_list("code", "id"))
    organisations = dict(Organisation.objects.values_list("code", "id"))
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    for row in [*changes.added, *changes.changed]:
        Post.objects.update_or_create(
            code=row.code,
            defaults={
                "role_id": roles[row.role], "organisation_id": organisations[row.organisation],
                "area_id": areas[row.area] if row.area else None, "title": text_of(row, "title"),
                "valid_from": date(2020, 1, 1), "valid_to": None,
            },
        )  # fmt: skip


class AccountIn(PackRow):
    """A demonstration account; real cities give accounts in SCOC, not in files."""

    username: str = CODE
    name: str = Field(min_length=1, max_length=40)
    posts: list[str]
    password: str | None = Field(None, min_length=10, max_length=100)
    """First password of a made-up city; without it the account cannot sign in until one is set."""


def _accounts() -> Iterable[AccountIn]:
    posts: dict[int, list[str]] = {}
    for holding in PostHolding.objects.filter(valid_to=None, delegated_by=None).select_related("post"):
        posts.setdefault(holding.user_id, []).append(holding.post.code)
    for user in User.objects.filter(kind=User.Kind.PERSON, is_active=True).select_related("contact"):
        name = contacts.shown(user.contact, "plain").name if user.contact else ""
        yield AccountIn(username=user.username, name=name or user.username, posts=sorted(posts.get(user.pk, [])))


def _normal_account(row: AccountIn) -> AccountIn:
    """Passwords are never read back, and a user's posts have no order."""
    return row.model_copy(update={"password": None, "posts": sorted(row.posts)})


def _check_accounts(pack: Pack, rows: Sequence[tuple[AccountIn, str, int]]) -> Iterable[Problem]:
    roles = {row.code: row.role for row, _, _ in pack.rows["posts"] if isinstance(row, PostRow)}
    conflicts = {
        frozenset((row.code, other)) for row, _, _ in pack.rows["roles"] if isinstance(row, RoleIn)
        for other in row.conflicts
    }  # fmt: skip
    for row, file, line in rows:
        held = sorted({roles[code] for code in row.posts if code in roles})
        for index, first in enumerate(held):
            for second in held[index + 1 :]:
                if frozenset((first, second)) in conflicts:
                    yield Problem(file, line, "posts", f"{first} and {second} are never the same person.",
                                  "Give one of the posts to somebody else.")  # fmt: skip


def _apply_accounts(changes: Changes[AccountIn]) -> None:
    """Add and change accounts. A password is set only for a new one: a changed one is its owner's."""
    moment = wall_now()
    posts = dict(Post.objects.filter(valid_to=None).values_list("code", "id"))
    User.objects.filter(username__in=[row.username for row in changes.removed]).update(is_active=False)
    hashed: dict[str, str] = {}
    for row in [*changes.added, *changes.changed]:
        contact = contacts.keep(contacts.Person(name=row.name), staff=True)
        user, fresh = User.objects.get_or_create(username=row.username, defaults={"contact": contact, "password": "!"})
        user.is_active = True
        if fresh and row.password:
            # One hash a password: two hundred demonstration accounts share one on purpose.
            if row.password not in hashed:
                hashed[row.password] = make_password(row.password)
            user.password = hashed[row.password]
        user.save()
        held = {h.post_id: h for h in PostHolding.objects.filter(user=user, valid_to=None, delegated_by=None)}
        wanted = {posts[code] for code in row.posts}
        PostHolding.objects.filter(pk__in=[h.pk for p, h in held.items() if p not in wanted]).update(valid_to=moment)
        PostHolding.objects.bulk_create(
            PostHolding(user=user, post_id=post, valid_from=moment) for post in sorted(wanted - held.keys())
        )
