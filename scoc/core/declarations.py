"""How modules offer things to the modules below them: files with fixed names, found through the app registry."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from django.apps import apps

DECLARING = (
    "facts", "actions", "administration", "queries", "inventory", "handlers", "tasks", "pack", "measures", "search",
    "live_source",
)  # fmt: skip
"""Files that register actions, queries, facts, handlers, tasks, pack sections, measures or finders on import."""


def module_names() -> list[str]:
    """Dotted names of the installed SCOC modules, in the order of the settings."""
    return [config.name for config in apps.get_app_configs() if config.name.startswith("scoc.")]


def declared(file: str) -> list[ModuleType]:
    """The file `file` of every installed module that has it, imported."""
    return [import_module(f"{name}.{file}") for name in module_names() if find_spec(f"{name}.{file}")]


@lru_cache(maxsize=1)
def load_declarations() -> None:
    """Import every declaring file of every module once."""
    for file in DECLARING:
        declared(file)
