"""Roles, grants and posts of a pack."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from scoc.core.access import QUERIES
from scoc.core.acting import BY_STATE
from scoc.core.actions import ACTIONS
from scoc.core.city.reading import Pack
from scoc.core.city.sections import Changes, PackRow, Problem, Section, text_of
from scoc.core.models import ApiKey, Area, Grant, Organisation, Post, PostHolding, Role, RoleConflict
from scoc.core.now import wall_now, wall_today
from scoc.core.pack.fields import ALWAYS_DAY, CODE, EN, ZH
from scoc.core.validity import not_over
from scoc.kit.text import Text


class RoleIn(PackRow):
    """A role with the desk it starts at and the roles one person may not combine it with."""

    code: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ZH
    name_en: str = EN
    home: str = Field(pattern=r"^/[\w/\-]*$", max_length=60)
    conflicts: list[str] = Field(default_factory=list)
    machines: bool = False
    """Whether keys of machines may act in posts of this role; those of people who judge or administer, never."""


def _roles() -> Iterable[RoleIn]:
    conflicts: dict[str, list[str]] = {}
    for pair in RoleConflict.objects.select_related("first", "second"):
        conflicts.setdefault(pair.first.code, []).append(pair.second.code)
    for row in Role.objects.filter(valid_to=None):
        yield RoleIn(code=row.code, name_zh=row.name.zh, name_en=row.name.en, home=row.home, machines=row.machines,
                     conflicts=sorted(conflicts.get(row.code, [])))  # fmt: skip


def conflicts_of(pack: Pack) -> set[frozenset[str]]:
    """The pairs of roles that the pack keeps apart."""
    return {
        frozenset((row.code, other))
        for row, _, _ in pack.rows["roles"] if isinstance(row, RoleIn) for other in row.conflicts
    }  # fmt: skip


def held_otherwise(pack: Pack) -> dict[str, set[str]]:
    """User → roles, as the pack would have them, of the posts held by another's hand than a pack's."""
    roles = {row.code: row.role for row, _, _ in pack.rows["posts"] if isinstance(row, PostRow)}
    held: dict[str, set[str]] = {}
    rows = (
        PostHolding.objects.filter(not_over(wall_now()), user__is_active=True)
        .filter(from_pack=False)
        .values_list("user__username", "post__code")
    )
    for username, post in rows:
        if post in roles:
            held.setdefault(username, set()).add(roles[post])
    return held


def _check_roles(pack: Pack, rows: Sequence[tuple[RoleIn, str, int]]) -> Iterable[Problem]:
    held = held_otherwise(pack)
    for row, file, line in rows:
        if row.code in row.conflicts:
            yield Problem(file, line, "conflicts", "A role cannot conflict with itself.", "Remove it.")
        if row.conflicts != sorted(set(row.conflicts)):
            yield Problem(file, line, "conflicts", "List each role once, in alphabetical order.", "Sort the list.")
        for username, roles in sorted(held.items()):
            both = sorted(roles & set(row.conflicts)) if row.code in roles else []
            if both:
                yield Problem(file, line, "conflicts", f"{username} holds posts of {row.code} and of {both[0]}.",
                              "Take one of the posts first.")  # fmt: skip


def _apply_roles(changes: Changes[RoleIn]) -> None:
    """Roles as the pack says; a removed one ends, since posts of before had it. Keys end where machines may not act."""
    for row in [*changes.added, *changes.changed]:
        Role.objects.update_or_create(
            code=row.code, defaults={"name": text_of(row), "home": row.home, "machines": row.machines, "valid_to": None}
        )
    Role.objects.filter(code__in=[row.code for row in changes.removed]).update(valid_to=wall_today())
    ApiKey.objects.filter(post__role__machines=False, revoked_at=None).update(revoked_at=wall_now())
    RoleConflict.objects.all().delete()
    roles = {role.code: role for role in Role.objects.filter(valid_to=None)}
    RoleConflict.objects.bulk_create(
        RoleConflict(
            first=(first := roles[row.code]), second=(second := roles[other]),
            reason=Text(f"{first.name.zh}与{second.name.zh}不得由同一人担任。",
                        f"{first.name.en} and {second.name.en} are never the same person."),
        )
        for row in changes.rows for other in row.conflicts
    )  # fmt: skip


class GrantIn(PackRow):
    """What a role may do, or may not. One permission may have several: of other scopes, or in other states."""

    role: str
    permission: str = Field(pattern=r"^[\w.*]+$", max_length=80)
    effect: Literal["allow", "deny"] = "allow"
    scope: Literal["self", "unit", "unit_below", "area_below", "city"]
    persons: Literal["plain", "masked", "hidden"] = "masked"
    states: tuple[str, ...] = Field((), max_length=40)

    @field_validator("states")
    @classmethod
    def _in_order(cls, states: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(states)))


def _grants() -> Iterable[GrantIn]:
    for row in Grant.objects.filter(role__isnull=False).select_related("role"):
        assert row.role is not None
        yield GrantIn(role=row.role.code, permission=row.permission, effect=row.effect, scope=row.scope,
                      persons=row.persons, states=tuple(row.states))  # fmt: skip


def _check_grants(pack: Pack, rows: Sequence[tuple[GrantIn, str, int]]) -> Iterable[Problem]:
    known = set(ACTIONS) | set(QUERIES)
    for row, file, line in rows:
        meant = fnmatch.filter(known, row.permission)
        if not meant:
            yield Problem(file, line, "permission", f"No module has the permission `{row.permission}`.",
                          "Correct its name; the reference lists them.")  # fmt: skip
        elif row.effect == "allow" and "*" in row.permission.partition(".")[0]:
            yield Problem(file, line, "permission", "Nobody may do everything (DOMAIN.md 12, 20).",
                          "Name the module before the point, as in `cases.*`.")  # fmt: skip
        if row.states:
            yield from _check_states(row, meant, file, line)


def _check_states(row: GrantIn, meant: Sequence[str], file: str, line: int) -> Iterable[Problem]:
    deaf = sorted(name for name in meant if name not in BY_STATE)
    if deaf:
        yield Problem(file, line, "states", f"`{deaf[0]}` does not look at states: the grant would give nothing.",
                      f"Leave the states out, or name one of {', '.join(sorted(BY_STATE))}.")  # fmt: skip
        return
    states = {state for name in meant for state in BY_STATE[name]}
    for state in row.states:
        if meant and state not in states:
            yield Problem(file, line, "states", f"There is no state `{state}`.",
                          f"Use one of {', '.join(sorted(states))}.")  # fmt: skip


def _apply_grants(changes: Changes[GrantIn]) -> None:
    roles = dict(Role.objects.values_list("code", "id"))
    ended = [*changes.removed, *changes.changed]
    gone = {(row.role, row.permission, row.effect, row.scope, row.states) for row in ended}
    ids = [
        pk for pk, *key, states in Grant.objects.filter(role__isnull=False).values_list(
            "id", "role__code", "permission", "effect", "scope", "states")
        if (*key, tuple(states)) in gone
    ]  # fmt: skip
    Grant.objects.filter(pk__in=ids).delete()
    Grant.objects.bulk_create(
        Grant(role_id=roles[row.role], permission=row.permission, effect=row.effect, scope=row.scope,
              persons=row.persons, states=list(row.states))
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
    """Posts as the pack says. With one that ends, whoever holds it holds it no more, and its keys end.

    Posts hold by the real city's day: a fast clock of a replay gives or takes nobody's rights.
    """
    moment = wall_now()
    gone = Post.objects.filter(code__in=[row.code for row in changes.removed], valid_to=None)
    ids = list(gone.values_list("id", flat=True))
    gone.update(valid_to=wall_today())
    PostHolding.objects.filter(not_over(moment), post_id__in=ids).update(valid_to=moment)
    ApiKey.objects.filter(post_id__in=ids, revoked_at=None).update(revoked_at=moment)
    roles = dict(Role.objects.values_list("code", "id"))
    organisations = dict(Organisation.objects.values_list("code", "id"))
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    for row in [*changes.added, *changes.changed]:
        columns = {
            "role_id": roles[row.role], "organisation_id": organisations[row.organisation],
            "area_id": areas[row.area] if row.area else None, "title": text_of(row, "title"), "valid_to": None,
        }  # fmt: skip
        Post.objects.update_or_create(
            code=row.code, defaults=columns, create_defaults={**columns, "valid_from": ALWAYS_DAY}
        )


SECTIONS: tuple[Section[Any], ...] = (
    Section("roles", ("roles.toml",), "role", RoleIn, ("code",), _roles, _apply_roles,
            references={"conflicts": "roles"}, check=_check_roles),
    Section("grants", ("grants.toml",), "grant", GrantIn, ("role", "permission", "effect", "scope", "states"),
            _grants, _apply_grants, references={"role": "roles"}, check=_check_grants),
    Section("posts", ("posts.toml",), "post", PostRow, ("code",), _posts, _apply_posts,
            references={"role": "roles", "organisation": "organisations", "area": "areas"}),
)  # fmt: skip
"""In the order in which they are applied."""
