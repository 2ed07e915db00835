"""Rows for tests: a small made-up city, organisations, posts and actors with exactly the permissions a test names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count

from django.apps import apps
from django.db import connection, connections, transaction
from django.test import Client

from scoc.core import clocks
from scoc.core.access import actor_for
from scoc.core.acting import Actor
from scoc.core.http.identity import BACKEND, POST_KEY
from scoc.core.models import (
    Area,
    Calendar,
    Grant,
    Installation,
    Organisation,
    Post,
    PostHolding,
    Role,
    Run,
    User,
)
from scoc.core.remembered import forget_all
from scoc.kit.identifiers import credit_code_with_check
from scoc.kit.text import Text

_numbers = count(1)
SINCE = date(2020, 1, 1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CITY_CODE = "990100"
SETTINGS = {
    "city": {
        "code": CITY_CODE,
        "name_zh": "试城",
        "name_en": "Testville",
        "timezone": "Asia/Shanghai",
        "include": [],
        "center": [121.5, 30.0],
        "bbox": [121.0, 29.5, 122.0, 30.5],
        "seed": 1,
    }
}


def empty_database() -> None:
    """Remove every row of every model, also from append-only tables; for tests that really commit."""
    connections.close_all()
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in tables))
        filled = [table for (table,) in cursor.fetchall()]
        if connection.vendor == "postgresql":
            cursor.execute("SELECT DISTINCT event_object_table FROM information_schema.triggers")
            guarded = [table for (table,) in cursor.fetchall() if table in filled]
            off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guarded]
            on = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in guarded]
            on = ["SET CONSTRAINTS ALL IMMEDIATE", *on]  # a table that has checks pending cannot be altered
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = [(name, sql) for name, sql in cursor.fetchall() if "_no_" in name]  # those that guard
            off = ["PRAGMA defer_foreign_keys = ON", *(f"DROP TRIGGER {name}" for name, _ in triggers)]
            on = [sql for _, sql in triggers]
        for statement in (*off, *(f"DELETE FROM {table}" for table in filled), *on):
            cursor.execute(statement)


@dataclass(frozen=True, slots=True)
class City:
    """The made-up city of tests."""

    run: Run
    area: Area
    east: Area
    west: Area
    centre: Organisation
    bureau: Organisation
    utility: Organisation


def make_area(code: str, level: str, name: str, parent: Area | None = None) -> Area:
    """An area below `parent`."""
    path = f"{parent.path if parent else ''}{code}/"
    return Area.objects.create(
        code=code, level=level, name=Text(name, name), parent=parent, path=path, valid_from=SINCE
    )


def make_organisation(name: str, kind: str = "bureau", parent: Organisation | None = None) -> Organisation:
    """An organisation with a valid social credit code."""
    code = credit_code_with_check(f"11990100MB{next(_numbers):07d}")
    return Organisation.objects.create(
        code=code, kind=kind, name=Text(name, name), short=Text(name, name), parent=parent,
        path=f"{parent.path if parent else ''}{code}/", valid_from=SINCE,
    )  # fmt: skip


def make_city(slots: tuple[tuple[str, str], ...] = (("08:00", "12:00"), ("14:00", "18:00"))) -> City:
    """The installation with a normal run, the seeded calendar, two districts and three organisations."""
    run = Run.objects.create(kind=Run.Kind.NORMAL, name=Text("常态运行", "Normal operation"), started_at=LONG_AGO)
    Installation.objects.create(
        code=CITY_CODE, pack="test", name=Text("试城", "Testville"), timezone="Asia/Shanghai", settings=SETTINGS,
        active_run=run, applied_at=LONG_AGO, digest="",
    )  # fmt: skip
    Calendar.objects.create(
        version=1, content=clocks.seed_content([list(slot) for slot in slots], "rolling"), source="test",
        recorded_at=LONG_AGO,
    )  # fmt: skip
    forget_all()
    area = make_area(CITY_CODE, "city", "试城")
    return City(
        run=run,
        area=area,
        east=make_area("990102", "district", "东区", area),
        west=make_area("990103", "district", "西区", area),
        centre=make_organisation("运行中心", "centre"),
        bureau=make_organisation("水务局"),
        utility=make_organisation("水务集团", "utility"),
    )


def make_actor(
    *permissions: str,
    organisation: Organisation | None = None,
    area: Area | None = None,
    scope: str = "city",
    persons: str = "masked",
    role: str = "",
    username: str = "",
    machines: bool = False,
) -> Actor:
    """A person in a post whose role has these permissions, all with one scope; with `machines` keys may have it too."""
    number = next(_numbers)
    made, fresh = Role.objects.get_or_create(
        code=role or f"role{number}", defaults={"name": Text("角色", "Role"), "home": "/", "machines": machines}
    )
    if fresh or permissions:
        Grant.objects.bulk_create(
            Grant(role=made, permission=permission, scope=scope, persons=persons) for permission in permissions
        )
    organisation = organisation or Organisation.objects.order_by("id").first() or make_organisation("运行中心")
    post = Post.objects.create(
        code=f"post{number}", role=made, organisation=organisation, area=area, title=Text("岗位", "Post"),
        valid_from=SINCE,
    )  # fmt: skip
    user = User.objects.create(username=username or f"user{number}", password="!")
    PostHolding.objects.create(user=user, post=post, valid_from=LONG_AGO)
    return actor_for(user, post)


def browser(actor: Actor, *, csrf: bool = False) -> Client:
    """A browser in which the actor is signed in, in the actor's post; with `csrf` the page's token is asked for."""
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(User.objects.get(pk=actor.user_id), backend=BACKEND)
    session = client.session
    session[POST_KEY] = actor.post_id
    session.save()
    return client
