"""The one door for change: permission, transaction, facts and the trace of what was tried."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from scoc.core import administration, audit
from scoc.core.access import actor_for, allowed, query, system_actor
from scoc.core.acting import Actor, acting, correlated, unit_of_work
from scoc.core.actions import action
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import AuditEntry, FactRow, Grant, Post, Role, Run, User
from scoc.core.now import current_run, wall_now
from scoc.core.refusals import NotAllowed, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.kit.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted(Fact):
    """A fact of these tests."""

    colour: Code


@pytest.fixture(autouse=True)
def _declared(_undeclared: None) -> None:
    fact("tests.painted", permission="tests.read")(Painted)


def paint(actor: Actor, colour: str = "red") -> None:
    """Write a row and tell of it."""
    Role.objects.create(code=f"r-{colour}", name=Text("色", "colour"), home="/")
    publish(Painted(subject=Code("tests:1"), colour=Code(colour)))


def refuse(actor: Actor) -> None:
    """Never done."""
    paint(actor)
    raise Refusal("not_now", Text("现在不行。", "Not now, call 13812345678."), subject="tests:1")


def break_down(actor: Actor) -> None:
    """Fails by a fault of ours."""
    paint(actor)
    raise ZeroDivisionError("张三 13812345678")


def test_an_action_without_permission_is_refused_and_leaves_its_trace(city: City) -> None:
    actor = make_actor()
    with pytest.raises(NotAllowed):
        administration.revoke_key(actor, "0" * 12)
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.action, entry.outcome, entry.code) == (
        "refusal", "core.revoke_key", "refused", "no_permission",
    )  # fmt: skip
    assert entry.user_id == actor.user_id
    assert entry.post_id == actor.post_id


def test_an_action_commits_its_rows_and_facts_together(city: City) -> None:
    action("tests.paint")(paint)(make_actor("tests.paint"))
    assert Role.objects.filter(code="r-red").exists()
    row = FactRow.objects.get()
    assert (row.name, row.subject, row.body, row.run_id) == (
        "tests.painted", "tests:1", '{"colour":"red","subject":"tests:1"}', city.run.pk,
    )  # fmt: skip


def test_a_refusal_undoes_rows_and_facts_but_not_its_trace(city: City) -> None:
    with pytest.raises(Refusal):
        action("tests.refuse")(refuse)(make_actor("tests.refuse"))
    assert not Role.objects.filter(code="r-red").exists()
    assert not FactRow.objects.exists()
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.code, entry.subject) == ("refusal", "not_now", "tests:1")
    assert entry.detail == "Not now, call 138****5678."


def test_a_fault_leaves_its_trace_without_its_text(city: City) -> None:
    with pytest.raises(ZeroDivisionError):
        action("tests.break")(break_down)(make_actor("tests.break"))
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.outcome, entry.code, entry.detail) == ("fault", "failed", "ZeroDivisionError", "")
    assert not FactRow.objects.exists()


def test_an_inner_action_is_a_savepoint_of_the_outer(city: City) -> None:
    refused = action("tests.refuse")(refuse)
    actor = make_actor("tests.*")

    @action("tests.outer")
    def outer(actor: Actor) -> None:
        """Does its own part although the inner one was refused."""
        with pytest.raises(Refusal):
            refused(actor)
        paint(actor, "blue")

    outer(actor)
    assert [row.body for row in FactRow.objects.all()] == ['{"colour":"blue","subject":"tests:1"}']
    assert list(Role.objects.filter(code__startswith="r-").values_list("code", flat=True)) == ["r-blue"]
    assert AuditEntry.objects.get().code == "not_now"


def test_the_actor_is_the_outer_one_again_after_an_inner_action(city: City) -> None:
    inner = action("tests.paint")(paint)
    actor = make_actor("tests.*")

    @action("tests.outer")
    def outer(actor: Actor) -> None:
        """Acts through another principal for a moment."""
        inner(system_actor("tests"), "green")
        assert acting().actor is actor
        publish(Painted(subject=Code("tests:2"), colour=Code("blue")))

    outer(actor)
    assert list(FactRow.objects.order_by("id").values_list("post_id", flat=True)) == [None, actor.post_id]


def test_an_audited_action_that_is_undone_from_outside_is_told_as_undone(city: City) -> None:
    inner = action("tests.paint", audited=True)(paint)
    actor = make_actor("tests.*")

    @action("tests.outer")
    def outer(actor: Actor) -> None:
        """Refused after its inner action was done."""
        inner(actor)
        raise Refusal("changed_my_mind", Text("算了。", "Never mind."))

    with pytest.raises(Refusal):
        outer(actor)
    found = {(entry.action, entry.outcome) for entry in AuditEntry.objects.all()}
    assert found == {("tests.paint", "undone"), ("tests.outer", "refused")}
    inner(actor)
    assert AuditEntry.objects.filter(action="tests.paint", outcome="done").count() == 1


def test_an_action_inside_a_foreign_transaction_is_refused(city: City) -> None:
    painted = action("tests.paint")(paint)
    actor = make_actor("tests.paint")
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        painted(actor)


def test_what_is_done_is_not_done_without_its_audit(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    painted = action("tests.paint", audited=True)(paint)
    actor = make_actor("tests.paint")

    def broken(entries: object) -> None:
        raise DatabaseError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", broken)
        with pytest.raises(DatabaseError):
            painted(actor)
        assert not FactRow.objects.exists()
        assert audit.overdue() == 1
        with pytest.raises(DatabaseError):  # and nothing more is done until it is written
            painted(actor)
    painted(actor)
    assert audit.overdue() == 0
    assert list(AuditEntry.objects.order_by("id").values_list("outcome", flat=True)) == ["undone", "done"]


def test_a_refusal_stays_a_refusal_when_its_audit_cannot_be_written(
    city: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refused = action("tests.refuse")(refuse)
    actor = make_actor("tests.refuse")

    def broken(entries: object) -> None:
        raise DatabaseError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", broken)
        with pytest.raises(Refusal):
            refused(actor)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert "not_now" in caplog.text
    audit.write_overdue()
    assert AuditEntry.objects.get().code == "not_now"


def test_one_request_has_one_correlation_id(city: City) -> None:
    with correlated("abc123"):
        action("tests.paint", audited=True)(paint)(make_actor("tests.paint"))
        with pytest.raises(NotAllowed):
            allowed(make_actor(), "tests.nothing")
    assert set(AuditEntry.objects.values_list("correlation", flat=True)) == {"abc123"}
    assert FactRow.objects.get().correlation == "abc123"


def test_rows_that_matter_are_written_inside_an_action_only(city: City) -> None:
    with pytest.raises(RuntimeError, match="inside an action"):
        publish(Painted(subject=Code("tests:1"), colour=Code("red")))


def test_an_actor_of_one_run_cannot_act_inside_the_work_of_another(city: City) -> None:
    other = Run.objects.create(kind="replay", name=Text("回放", "Replay"), started_at=wall_now())
    painted = action("tests.paint")(paint)
    with unit_of_work(system_actor("tests").on_run(other.pk)), pytest.raises(RuntimeError, match="run"):
        painted(system_actor("tests").on_run(city.run.pk))


def test_a_query_keeps_to_the_run_of_the_work_around_it(city: City) -> None:
    other = Run.objects.create(kind="replay", name=Text("回放", "Replay"), started_at=wall_now())

    @query("tests.read")
    def which(viewer: Actor) -> int:
        """The run it is asked in."""
        return current_run()

    with unit_of_work(system_actor("tests").on_run(other.pk)):
        assert which(system_actor("tests")) == other.pk
    assert which(system_actor("tests")) == city.run.pk


def test_a_grant_limited_to_states_holds_where_the_action_asks_with_the_state(city: City) -> None:
    actor = make_actor()
    Grant.objects.create(role=Role.objects.get(code=actor.role), permission="tests.move", states=["filed"])
    Grant.objects.create(role=Role.objects.get(code=actor.role), permission="tests.paint", states=["filed"])
    actor = actor_for(User.objects.get(pk=actor.user_id), _post_of(actor))

    @action("tests.move", by_state=("filed", "closed"))
    def move(actor: Actor, state: str) -> str:
        """Moves what is in a state."""
        allowed(actor, "tests.move", state)
        return state

    assert move(actor, "filed") == "filed"
    with pytest.raises(NotAllowed):
        move(actor, "closed")
    with pytest.raises(NotAllowed):  # its action does not look at states, so the grant gives nothing
        action("tests.paint")(paint)(actor)
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["tests.move", "tests.paint"]


def test_an_action_by_state_must_ask_with_the_state(city: City) -> None:
    actor = make_actor()
    Grant.objects.create(role=Role.objects.get(code=actor.role), permission="tests.move", states=["filed"])
    actor = actor_for(User.objects.get(pk=actor.user_id), _post_of(actor))

    @action("tests.move", by_state=("filed", "closed"))
    def move(actor: Actor) -> None:
        """Forgets to ask."""

    with pytest.raises(RuntimeError, match="limited by state"):
        move(actor)


def _post_of(actor: Actor) -> Post:
    return Post.objects.select_related("role", "organisation", "area").get(
        code=f"post{actor.role.removeprefix('role')}"
    )


def test_two_actions_cannot_share_a_name(city: City) -> None:
    action("tests.paint")(paint)
    with pytest.raises(ValueError, match="Two actions"):
        action("tests.paint")(paint)


@pytest.mark.parametrize("table", ["core_fact", "core_audit", "core_calendar"])
def test_append_only_tables_refuse_update_and_delete(city: City, table: str) -> None:
    with pytest.raises(Refusal):
        action("tests.refuse")(refuse)(make_actor("tests.refuse"))
    action("tests.paint")(paint)(make_actor("tests.paint"))
    column = {"core_fact": "body", "core_audit": "detail", "core_calendar": "note"}[table]
    for statement in (f"UPDATE {table} SET {column} = ''", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    wipe = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # deletes without asking unless triggers recurse
    if connection.vendor == "postgresql":
        wipe = f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {table} CASCADE"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(wipe)


def test_every_append_only_step_of_the_migrations_stands_in_the_database(db: None) -> None:
    from django.db.migrations.loader import MigrationLoader

    from scoc.core.append_only import AppendOnly

    wanted = {
        operation.table
        for migration in MigrationLoader(connection).disk_migrations.values()
        for operation in migration.operations
        if isinstance(operation, AppendOnly)
    }
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        triggers = {name for (name,) in cursor.fetchall()}
    assert {f"{table}_no_{kind}" for table in wanted for kind in ("update", "delete")} <= triggers
    assert {"core_fact", "core_audit", "core_calendar"} <= wanted


def test_versions_of_definitions_stand_in_append_only_tables(db: None) -> None:
    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader

    from scoc.core.append_only import AppendOnly
    from scoc.core.models import VersionRow

    kept = {
        operation.table: operation.once
        for migration in MigrationLoader(connection).disk_migrations.values()
        for operation in migration.operations
        if isinstance(operation, AppendOnly)
    }
    versions = {model._meta.db_table for model in apps.get_models() if issubclass(model, VersionRow)}
    assert {table: kept.get(table) for table in versions} == dict.fromkeys(versions, ("valid_to",))


def test_an_action_costs_no_more_statements_than_it_needs(city: City) -> None:
    painted = action("tests.paint", audited=True)(paint)
    actor = make_actor("tests.paint")
    painted(actor)
    with CaptureQueriesContext(connection) as queries:
        painted(actor, "blue")
    # In a transaction of its own the savepoint is BEGIN and COMMIT.
    assert [q["sql"].split()[0] for q in queries] == ["SAVEPOINT", "INSERT", "INSERT", "INSERT", "RELEASE"]
