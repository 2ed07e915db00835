"""Checks of where things stand: modules in the list, files of one size, true READMEs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.lints.house import Finding, House, check, dotted
from scripts.lints.layers import OPEN_MODULES

MOST_LINES = 500
"""About 400 is the aim; then a file becomes a package named by nouns, and past this at the latest."""
_LIST_IN_GUIDE = Path("docs/guide/architecture.md")
_NO_README = {"scoc.site"}


@check("modules-in-list")
def modules_in_list(house: House) -> Iterator[Finding]:
    """Every folder of code and every app under scoc stands in the list of layers exactly once."""
    names = house.layers.modules
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding("pyproject.toml", f"{name} stands in the list of layers twice.", "Keep one of its places.")
    rogues: set[str] = set()
    for path in house.files:
        if path.parts[0] != "scoc" or path.suffix != ".py" or len(path.parts) < 3:
            continue
        module = house.layers.module_of(dotted(path))
        is_shelf = path.name == "__init__.py" and any(n.startswith(f"{dotted(path)}.") for n in names)
        if module is None and not is_shelf:
            rogues.add(".".join(path.parts[: 3 if path.parts[1] in {"command", "service"} else 2]).removesuffix(".py"))
        if is_shelf and module is None and any(not isinstance(node, ast.Expr) for node in house.tree(path).body):
            yield Finding(str(path), "holds code, but is only the name of a centre.", "Move the code into a module.")
        if path.name == "apps.py" and module is not None and dotted(path) != f"{module}.apps":
            yield Finding(
                str(path), f"is an app inside the module {module}.",
                "A module is one app: give it its own place in the list of layers, beside its parent.",
            )  # fmt: skip
    for rogue in sorted(rogues):
        yield Finding(
            rogue.replace(".", "/"), f"{rogue} does not stand in the list of layers.",
            "Put it into the contract `layers` in pyproject.toml (and docs/guide/architecture.md), or move its code "
            "into a module that does.",
        )  # fmt: skip


@check("list-in-guide")
def list_in_guide(house: House) -> Iterator[Finding]:
    """The guide shows the list of layers that is checked; brackets mark the modules to come."""
    wanted = "\n".join(" | ".join(name.removeprefix("scoc.") for name in row) for row in house.layers.rows)
    if f"```\n{wanted}\n```" not in house.text(_LIST_IN_GUIDE):
        yield Finding(str(_LIST_IN_GUIDE), "shows another list than pyproject.toml.", f"Write:\n{wanted}")
    pyproject = house.text(Path("pyproject.toml"))
    for name in house.layers.modules:
        exists = any((house.root / house.folder_of(name)).glob("*.py"))
        if exists and f"({name})" in pyproject:
            yield Finding("pyproject.toml", f"{name} is in brackets, but exists.", "Take the brackets off.")


@check("file-length")
def file_length(house: House) -> Iterator[Finding]:
    """A Python file that no longer fits in one head becomes a package of nouns (ESLint counts the front end's)."""
    for path in house.files:
        if path.suffix != ".py" or "migrations" in path.parts:
            continue
        lines = house.text(path).count("\n")
        if lines > MOST_LINES:
            yield Finding(
                str(path), f"has {lines} lines, more than {MOST_LINES}: nobody reads that whole.",
                "Split it by noun into a package whose __init__ names its parts.",
            )  # fmt: skip


def _imports(house: House, folder: Path) -> set[str]:
    """The modules that a module's own code imports, tests aside."""
    found: set[str] = set()
    for path in house.python("scoc"):
        if folder not in path.parents or "tests" in path.parts:
            continue
        for node in ast.walk(house.tree(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            found |= {module for name in names if (module := house.layers.module_of(name))}
    return found


@check("module-readme")
def module_readme(house: House) -> Iterator[Finding]:
    """Every module has a README of a screen that names each module it stands on, and no other."""
    imports = {
        name: _imports(house, house.folder_of(name)) - {name}
        for name in house.layers.modules
        if (house.root / house.folder_of(name) / "__init__.py").exists()
    }
    short = {name.rsplit(".", 1)[-1]: name for name in house.layers.modules}
    for name, used in imports.items():
        if name in _NO_README:
            continue
        path = house.folder_of(name) / "README.md"
        if path not in house.files:
            yield Finding(str(path), "is missing.", "Write twenty lines: what it owns, its facts, actions, neighbours.")
            continue
        text = house.text(path)
        if text.count("\n") > 60:
            yield Finding(str(path), "is longer than a screen.", "Keep what a newcomer needs; the rest goes to docs/.")
        part = re.search(r"(?ims)^[^\n]*\bneighbours?\b.*?(?=^#|^- \*\*|\Z)", text)
        if part is None:
            yield Finding(str(path), "does not name its neighbours.", "Add a part that begins with `Neighbours`.")
            continue
        named = {short[word] for word in re.findall(r"\w+", part[0]) if short.get(word) in imports}
        for missing in sorted(used - named - set(OPEN_MODULES)):
            yield Finding(str(path), f"does not name its neighbour `{missing.removeprefix('scoc.')}`.",
                          "Say in the part `Neighbours` what it takes from there.")  # fmt: skip
        for false in sorted(named - used - {name} - set(OPEN_MODULES)):
            if name not in imports[false]:
                yield Finding(str(path), f"names `{false.removeprefix('scoc.')}` as a neighbour.",
                              "Take it out: neither imports the other.")  # fmt: skip
