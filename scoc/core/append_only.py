"""A migration step that makes a table append-only by trigger, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AppendOnly(Operation):
    """Refuse every update and delete of `table`; columns in `once` may be set one time, from empty."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, table: str, once: tuple[str, ...] = (), columns: tuple[str, ...] = ()) -> None:
        self.table = table
        self.once = once
        self.columns = columns

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How a migration file writes this step."""
        return (type(self).__name__, [self.table], {"once": self.once, "columns": self.columns})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers do not change the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Create the triggers."""
        for statement in self.statements(schema_editor.connection.vendor):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the triggers."""
        for kind in ("update", "delete"):
            name = f"{self.table}_no_{kind}"
            on_table = f" ON {self.table}" if schema_editor.connection.vendor == "postgresql" else ""
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}", params=None)

    def describe(self) -> str:
        """What this step does."""
        return f"Make {self.table} append-only"

    def _permitted(self, old: str = "OLD", new: str = "NEW") -> str:
        """SQL that is true for the one update that is allowed: an empty `once` column gets its value."""
        if not self.once:
            return ""
        same = [f"{old}.{column} IS NOT DISTINCT FROM {new}.{column}" for column in self.columns]
        set_once = [f"{old}.{column} IS NULL" for column in self.once]
        return " AND ".join([*same, *set_once])

    def statements(self, vendor: str) -> list[str]:
        """The SQL for one database."""
        permitted = self._permitted()
        message = f"{self.table} is append-only"
        if vendor == "sqlite":
            permitted = permitted.replace(" IS NOT DISTINCT FROM ", " IS ")
            when = f" WHEN NOT ({permitted})" if permitted else ""
            return [
                f"CREATE TRIGGER {self.table}_no_update BEFORE UPDATE ON {self.table}{when} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
                f"CREATE TRIGGER {self.table}_no_delete BEFORE DELETE ON {self.table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
            ]
        when = f" WHEN (NOT ({permitted}))" if permitted else ""
        return [
            "CREATE OR REPLACE FUNCTION scoc_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
            "USING ERRCODE = 'integrity_constraint_violation'; END $$",
            f"CREATE TRIGGER {self.table}_no_update BEFORE UPDATE ON {self.table} FOR EACH ROW{when} "
            "EXECUTE FUNCTION scoc_append_only()",
            f"CREATE TRIGGER {self.table}_no_delete BEFORE DELETE ON {self.table} FOR EACH ROW "
            "EXECUTE FUNCTION scoc_append_only()",
        ]
