"""Migration steps for one of the two databases only."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class _OnVendor(Operation):
    """Run SQL statements on one vendor; nothing on the other. Not reversible: such a step is followed by another."""

    reduces_to_sql = True
    reversible = False
    vendor = ""

    def __init__(self, *statements: str) -> None:
        self.statements = statements

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """How a migration file writes this step."""
        return (type(self).__name__, list(self.statements), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Run the statements."""
        if schema_editor.connection.vendor == self.vendor:
            for statement in self.statements:
                schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        """What this step does."""
        return f"SQL for {self.vendor}"


class OnPostgres(_OnVendor):
    """SQL for PostgreSQL only."""

    vendor = "postgresql"


class OnSqlite(_OnVendor):
    """SQL for SQLite only."""

    vendor = "sqlite"
