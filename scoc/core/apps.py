"""The kernel as a Django app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Loads every module's declarations once all models are known."""

    name = "scoc.core"
    label = "core"

    def ready(self) -> None:
        """Import the files that declare something by being imported."""
        from scoc.core.declarations import load_declarations

        load_declarations()
