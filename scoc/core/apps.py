"""The kernel as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


def _add_functions(connection: Any, **_: Any) -> None:
    from scoc.core.text_index import add_functions

    add_functions(connection)


def _ensure_text_indexes(using: str, **_: Any) -> None:
    from scoc.core.text_index import ensure_all

    ensure_all(connections[using])


class CoreConfig(AppConfig):
    """Loads every module's declarations once all models are known."""

    name = "scoc.core"
    label = "core"

    def ready(self) -> None:
        """Import the files that declare something by being imported; keep the indexes of texts with the tables."""
        from scoc.core.declarations import load_declarations

        load_declarations()
        connection_created.connect(_add_functions, dispatch_uid="scoc_functions")
        post_migrate.connect(_ensure_text_indexes, sender=self, dispatch_uid="scoc_text_indexes")
