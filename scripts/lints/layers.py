"""Which modules there are and which stands on which, read from the one list in pyproject.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

PUBLIC_FILES = ("actions", "queries", "schemas", "facts")
"""The files of a module that others may import (ARCHITECTURE.md, section 2)."""
OPEN_MODULES = ("scoc.core", "scoc.kit")
"""Modules whose every file is public: what all others stand on."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The modules from the top down; those of one row do not know each other."""

    rows: tuple[tuple[str, ...], ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """All modules, from the top down."""
        return tuple(module for row in self.rows for module in row)

    def height(self, module: str) -> int:
        """How far above the ground a module stands: a higher one may import a lower one."""
        for index, row in enumerate(reversed(self.rows)):
            if module in row:
                return index
        raise KeyError(module)

    def module_of(self, dotted: str) -> str | None:
        """The module that a dotted Python name belongs to; None where it belongs to none."""
        found = [m for m in self.modules if dotted == m or dotted.startswith(f"{m}.")]
        return max(found, key=len) if found else None

    def may_import(self, importer: str, imported: str) -> bool:
        """Whether the list lets one module stand on another."""
        return self.height(importer) > self.height(imported)


def read_layers(root: Path) -> Layers:
    """The list of the contract `layers` in pyproject.toml. Raises LookupError when there is not exactly one."""
    with (root / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    lists = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    if len(lists) != 1:
        raise LookupError("pyproject.toml must hold exactly one import-linter contract of type `layers`.")
    return Layers(tuple(tuple(name.strip(" ()") for name in row.split("|")) for row in lists[0]))
