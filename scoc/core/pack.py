"""What a city pack may configure of the kernel: areas, organisations, roles, posts, categories, calendar, security."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Literal

from django.contrib.auth.hashers import make_password
from pydantic import BaseModel, ConfigDict, Field

from scoc.core import clocks, contacts
from scoc.core.access import QUERIES
from scoc.core.actions import ACTIONS
from scoc.core.city.reading import Manifest, Pack
from scoc.core.city.sections import (
    Changes,
    PackRow,
    Problem,
    Section,
    SettingsTable,
    city_settings,
    declare_section,
    declare_settings,
    text_of,
)
from scoc.core.models import (
    Area,
    Calendar,
    Category,
    Grant,
    Organisation,
    OrganisationName,
    Post,
    PostHolding,
    Role,
    RoleConflict,
    User,
)
from scoc.core.now import city_now, wall_now
from scoc.kit.identifiers import credit_code_valid
from scoc.kit.text import Text

ZH = Field(min_length=1, max_length=120)
EN = Field(min_length=1, max_length=160)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
"""First versions of definitions hold from here: before any history that a city may load."""
CODE = Field(min_length=1, max_length=60, pattern=r"^[\w./@+\-]+$")


class CalendarSettings(BaseModel):
    """`[calendar]`: the seed of the working calendar; afterwards it is edited in SCOC."""

    model_config = ConfigDict(extra="forbid")
    slots: list[tuple[str, str]] = [("08:00", "12:00"), ("14:00", "18:00")]
    work_day: Literal["rolling", "day_end"] = "rolling"


class SecuritySettings(BaseModel):
    """`[security]`: log-in and plain-view policy (DOMAIN.md 6.3, 10.3)."""

    model_config = ConfigDict(extra="forbid")
    failures_to_lock: int = Field(5, ge=3, le=20)
    """Failed log-ins of one account in a row that lock it."""
    lock_minutes: int = Field(15, ge=10, le=1440)
    failures_per_address: int = Field(100, ge=10, le=10_000)
    """Failed log-ins from one address within `lock_minutes` after which it must wait."""
    idle_minutes: int = Field(30, ge=1, le=1440)
    """A session without a request for so long has ended."""
    unattended_roles: list[str] = []
    """Roles of screens that nobody sits at, such as a wall: their sessions do not end for want of requests."""
    password_length: int = Field(10, ge=8, le=60)
    password_kinds: int = Field(3, ge=1, le=4)
    """Of capitals, small letters, digits and other characters so many kinds are needed."""
    plain_views_per_hour: int = Field(30, ge=1, le=1000)
    """How often one person may see others' data in plain."""


declare_settings(SettingsTable("city", Manifest))
declare_settings(SettingsTable("calendar", CalendarSettings))
declare_settings(SettingsTable("security", SecuritySettings))


class AreaIn(PackRow):
    """One area of the pack; its shape belongs to `spatial`."""

    code: str = Field(min_length=6, max_length=20, pattern=r"^\d+$")
    level: Literal["city", "district", "street", "community", "grid"]
    parent: str | None = None
    name_zh: str = ZH
    name_en: str = EN
    population: int | None = Field(None, ge=0, le=10**10)
    valid_from: date = date(2020, 1, 1)


def _areas() -> Iterable[AreaIn]:
    for row in Area.objects.filter(valid_to=None).exclude(level="city").select_related("parent"):
        parent = row.parent if row.parent and row.parent.level != "city" else None
        yield AreaIn(
            code=row.code, level=row.level, parent=parent.code if parent else None, name_zh=row.name.zh,
            name_en=row.name.en, population=row.population, valid_from=row.valid_from,
        )  # fmt: skip


_LEVELS = ("city", "district", "street", "community", "grid")


def _check_areas(pack: Pack, rows: Sequence[tuple[AreaIn, str, int]]) -> Iterable[Problem]:
    levels = {row.code: row.level for row, _, _ in rows}
    for row, file, line in rows:
        if row.level == "city" or row.code == pack.manifest.code:
            yield Problem(file, line, "code", "The city itself is made of city.toml.", "Remove the row.")
        if row.parent in (None, pack.manifest.code):
            continue
        above = levels.get(row.parent)
        if above is None:
            yield Problem(file, line, "parent", f"`{row.parent}` is not among the areas.",
                          "Add it to the files in areas/ or correct it.")  # fmt: skip
        elif _LEVELS.index(above) >= _LEVELS.index(row.level):
            yield Problem(file, line, "parent", f"A {row.level} does not lie in a {above}.",
                          "Name an area of a coarser level.")  # fmt: skip


def _the_city() -> Area:
    head = city_settings(Manifest)
    area, _ = Area.objects.get_or_create(
        code=head.code, version=1,
        defaults={"level": "city", "name": text_of(head), "path": f"{head.code}/", "valid_from": date(2020, 1, 1)},
    )  # fmt: skip
    return area


def _apply_areas(changes: Changes[AreaIn]) -> None:
    """New areas are added; a changed one gets a new version, so that old rows keep the old; a removed one ends."""
    today = city_now().date()
    known = {row.code: row for row in Area.objects.filter(valid_to=None)}
    known[_the_city().code] = _the_city()
    city = city_settings(Manifest).code
    for row in changes.removed:
        Area.objects.filter(code=row.code, valid_to=None).update(valid_to=today)
    order = {level: n for n, level in enumerate(("district", "street", "community", "grid"))}
    for level in order:
        fresh = []
        for row in [*changes.added, *changes.changed]:
            if row.level != level:
                continue
            parent = known[row.parent or city]
            before = known.get(row.code)
            if before is not None:
                Area.objects.filter(pk=before.pk).update(valid_to=today)
            fresh.append(
                Area(code=row.code, version=before.version + 1 if before else 1, level=row.level, name=text_of(row),
                     parent=parent, path=f"{parent.path}{row.code}/", population=row.population,
                     valid_from=today if before else row.valid_from)
            )  # fmt: skip
        for area in Area.objects.bulk_create(fresh):
            known[area.code] = area


class OrganisationIn(PackRow):
    """One organisation, known by its unified social credit code."""

    code: str
    kind: Literal["government", "bureau", "utility", "district", "street", "centre"]
    name_zh: str = ZH
    name_en: str = EN
    short_zh: str = ZH
    short_en: str = EN
    parent: str | None = None
    area: str | None = None


def _check_organisations(pack: Pack, rows: Sequence[tuple[OrganisationIn, str, int]]) -> Iterable[Problem]:
    for row, file, line in rows:
        if not credit_code_valid(row.code):
            yield Problem(file, line, "code", f"`{row.code}` fails the check digit of GB 32100.", "Correct the code.")


def _organisations() -> Iterable[OrganisationIn]:
    for row in Organisation.objects.filter(valid_to=None).select_related("parent", "area"):
        yield OrganisationIn(
            code=row.code, kind=row.kind, name_zh=row.name.zh, name_en=row.name.en, short_zh=row.short.zh,
            short_en=row.short.en, parent=row.parent.code if row.parent else None,
            area=row.area.code if row.area and row.area.level != "city" else None,
        )  # fmt: skip


def _apply_organisations(changes: Changes[OrganisationIn]) -> None:
    today = city_now().date()
    Organisation.objects.filter(code__in=[row.code for row in changes.removed]).update(valid_to=today)
    waiting = [*changes.added, *changes.changed]
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    known = {row.code: row for row in Organisation.objects.all()}
    while waiting:
        ready = [row for row in waiting if not row.parent or all(row.parent != other.code for other in waiting)]
        if not ready:
            raise ValueError("Organisations form a circle of parents.")
        for row in ready:
            parent = known.get(row.parent or "")
            before = known.get(row.code)
            known[row.code], _ = Organisation.objects.update_or_create(
                code=row.code,
                defaults={
                    "kind": row.kind, "name": text_of(row), "short": text_of(row, "short"), "parent": parent,
                    "path": f"{parent.path if parent else ''}{row.code}/", "valid_to": None,
                    "area_id": areas.get(row.area or city_settings(Manifest).code), "valid_from": date(2020, 1, 1),
                },
            )  # fmt: skip
            if before is None or before.name != text_of(row):
                OrganisationName.objects.filter(organisation=known[row.code], valid_to=None).update(valid_to=today)
                OrganisationName.objects.create(
                    organisation=known[row.code], name=text_of(row),
                    valid_from=today if before else date(2020, 1, 1),
                )  # fmt: skip
        waiting = [row for row in waiting if row not in ready]


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


class CategoryIn(PackRow):
    """A class of components or events; the key is (kind, major, minor)."""

    kind: Literal["component", "event"]
    major: str = Field(pattern=r"^\d{2}$")
    minor: str = Field(pattern=r"^\d{2}$")
    name_zh: str = ZH
    name_en: str = EN

    @property
    def code(self) -> str:
        """`event/0506`; a major class ends in 00."""
        return f"{self.kind}/{self.major}{self.minor}"


def _categories() -> Iterable[CategoryIn]:
    for row in Category.objects.filter(valid_to=None):
        yield CategoryIn(kind=row.kind, major=row.major, minor=row.minor, name_zh=row.name.zh, name_en=row.name.en)


def _apply_categories(changes: Changes[CategoryIn]) -> None:
    moment = city_now()
    known = {row.code: row.version for row in Category.objects.order_by("version")}
    ended = [row.code for row in [*changes.removed, *changes.changed]]
    Category.objects.filter(code__in=ended, valid_to=None).update(valid_to=moment)
    Category.objects.bulk_create(
        Category(code=row.code, version=known.get(row.code, 0) + 1, kind=row.kind, major=row.major, minor=row.minor,
                 name=text_of(row), valid_from=moment if row.code in known else ALWAYS,
                 recorded_at=wall_now(), source="city pack")
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


def seed_calendar() -> None:
    """The first calendar of a city, from published plans; later ones are edits."""
    if not Calendar.objects.exists():
        wanted = city_settings(CalendarSettings)
        Calendar.objects.create(
            version=1, content=clocks.seed_content([list(slot) for slot in wanted.slots], wanted.work_day),
            source=clocks.SEED_SOURCE, recorded_at=wall_now(),
        )  # fmt: skip


declare_section(
    Section("areas", ("areas/*.geojson", "areas/*.csv", "areas.toml"), "area", AreaIn, ("code",), _areas, _apply_areas,
            check=_check_areas, export_file="areas.toml")
)  # fmt: skip
declare_section(
    Section("organisations", ("organisations.toml",), "organisation", OrganisationIn, ("code",), _organisations,
            _apply_organisations, references={"parent": "organisations", "area": "areas"}, check=_check_organisations)
)  # fmt: skip
declare_section(
    Section("roles", ("roles.toml",), "role", RoleIn, ("code",), _roles, _apply_roles,
            references={"conflicts": "roles"}, check=_check_roles)
)  # fmt: skip
declare_section(
    Section("grants", ("grants.toml",), "grant", GrantIn, ("role", "permission", "effect"), _grants, _apply_grants,
            references={"role": "roles"}, check=_check_grants)
)  # fmt: skip
declare_section(
    Section("posts", ("posts.toml",), "post", PostRow, ("code",), _posts, _apply_posts,
            references={"role": "roles", "organisation": "organisations", "area": "areas"})
)  # fmt: skip
declare_section(
    Section("accounts", ("accounts.toml",), "account", AccountIn, ("username",), _accounts, _apply_accounts,
            references={"posts": "posts"}, check=_check_accounts, normal=_normal_account)
)  # fmt: skip
declare_section(
    Section("categories", ("categories.toml",), "category", CategoryIn, ("kind", "major", "minor"), _categories,
            _apply_categories)
)  # fmt: skip
