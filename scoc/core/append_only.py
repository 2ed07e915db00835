"""A migration step that makes a table append-only by trigger, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AppendOnly(Operation):
    """Refuse every update and delete of `table`; columns in `once` may be set one time, from empty, all else equal.

    SQLite drops triggers with a table that it makes anew: a migration that alters the table repeats this step.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, once: tuple[str, ...] = (), columns: tuple[str, ...] = ()) -> None:
        """`columns` is taken for older steps and not used: the migration's own state knows them."""
        self.table = table
        self.once = once

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How a migration file writes this step."""
        return (type(self).__name__, [self.table], {"once": self.once} if self.once else {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers do not change the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Create the triggers, in place of those that an earlier step made for fewer columns."""
        self.database_backwards(app_label, schema_editor, from_state, to_state)
        for statement in self.statements(schema_editor.connection.vendor, self._columns(to_state)):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the triggers."""
        for kind in ("update", "delete", "truncate"):
            name = f"{self.table}_no_{kind}"
            on_table = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}", params=None)

    def describe(self) -> str:
        """What this step does."""
        return f"Make {self.table} append-only"

    def _columns(self, state: ProjectState) -> list[str]:
        """The table's columns as the migrations have made them so far."""
        model = next(model for model in state.apps.get_models() if model._meta.db_table == self.table)
        return [field.column for field in model._meta.concrete_fields if field.column]

    def _permitted(self, columns: list[str], same: str) -> str:
        """SQL that is true for the one update that is allowed: an empty `once` column gets its value."""
        if not self.once:
            return ""
        kept = [f'OLD."{column}" {same} NEW."{column}"' for column in columns if column not in self.once]
        empty = [f'(OLD."{column}" IS NULL OR OLD."{column}" {same} NEW."{column}")' for column in self.once]
        return " AND ".join([*kept, *empty])

    def statements(self, vendor: str, columns: list[str]) -> list[str]:
        """The SQL for one database."""
        message = f"{self.table} is append-only"
        if vendor == "sqlite":
            permitted = self._permitted(columns, "IS")
            when = f" WHEN NOT ({permitted})" if permitted else ""
            return [
                f"CREATE TRIGGER {self.table}_no_update BEFORE UPDATE ON {self.table}{when} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"CREATE TRIGGER {self.table}_no_delete BEFORE DELETE ON {self.table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
            ]
        permitted = self._permitted(columns, "IS NOT DISTINCT FROM")
        when = f" WHEN (NOT ({permitted}))" if permitted else ""
        return [
            "CREATE OR REPLACE FUNCTION scoc_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER {self.table}_no_update BEFORE UPDATE ON {self.table} FOR EACH ROW{when} "
            "EXECUTE FUNCTION scoc_append_only()",
            f"CREATE TRIGGER {self.table}_no_delete BEFORE DELETE ON {self.table} FOR EACH ROW "
            "EXECUTE FUNCTION scoc_append_only()",
            f"CREATE TRIGGER {self.table}_no_truncate BEFORE TRUNCATE ON {self.table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION scoc_append_only()",
        ]
