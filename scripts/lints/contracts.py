"""The import-linter contract `public_files`: modules meet at four files only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

from scripts.lints.layers import OPEN_MODULES, PUBLIC_FILES, Layers, read_layers


class PublicFilesContract(Contract):
    """From another module only its actions, queries, schemas and facts; tests may also take its tests' factories."""

    type_name = "public_files"
    root = fields.StringField(required=False, default=".")

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Every import between modules that reaches a private file."""
        layers = read_layers(Path(str(self.root)))
        wrong = [
            (importer, imported, line)
            for importer in sorted(graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _is_public(layers, importer, imported)
            for line in _lines(graph, importer, imported)
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say where, and what to do instead."""
        for importer, imported, line in check.metadata["wrong"]:
            output.print_error(f"{importer}:{line} imports {imported}, a private file of another module.", bold=False)
        output.new_line()
        output.print_error(
            f"From another module import only its {', '.join(PUBLIC_FILES)}. Move what you need into one of these "
            "(a query for what you read, an action for what you change, a schema for a shape), or publish a fact.",
            bold=False,
        )


def _lines(graph: ImportGraph, importer: str, imported: str) -> list[Any]:
    details = graph.get_import_details(importer=importer, imported=imported)
    return [detail["line_number"] for detail in details] or ["?"]


def _is_public(layers: Layers, importer: str, imported: str) -> bool:
    mine, other = layers.module_of(importer), layers.module_of(imported)
    if other is None or mine == other or other in OPEN_MODULES:
        return True
    parts = imported.removeprefix(other).strip(".").split(".")
    if parts[0] in PUBLIC_FILES:
        return True
    return ".tests." in f"{importer}." and parts == ["tests", "factories"]
