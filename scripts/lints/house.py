"""What the checks look at, how they say what they found, and the list of them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.lints.layers import Layers, read_layers

_NOT_OURS = {".git", ".venv", "var", "node_modules", "dist", "__pycache__", "build", "shared"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: where, what is wrong, what to do."""

    place: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.wrong} {self.remedy}"


class House:
    """The tree under check."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def layers(self) -> Layers:
        """The list of modules."""
        return read_layers(self.root)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files that are or would be tracked, relative to the root."""
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.root, capture_output=True, text=True, check=True,
            ).stdout.split("\0")  # fmt: skip
            found = [Path(name) for name in listed if name and (self.root / name).is_file()]
        else:
            found = [
                path.relative_to(self.root)
                for path in self.root.rglob("*")
                if path.is_file() and not _NOT_OURS & set(path.relative_to(self.root).parts)
            ]
        return tuple(sorted(set(found)))

    def python(self, *folders: str) -> Iterator[Path]:
        """The Python files below these folders, without migrations."""
        for path in self.files:
            if path.suffix == ".py" and path.parts[0] in folders and "migrations" not in path.parts:
                yield path

    def text(self, path: Path) -> str:
        """A file's text; empty for what is no text."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    def tree(self, path: Path) -> ast.Module:
        """A Python file as a syntax tree."""
        return ast.parse(self.text(path), filename=str(path))

    def folder_of(self, module: str) -> Path:
        """The folder of a module, relative to the root."""
        return Path(*module.split("."))


Check = Callable[[House], Iterable[Finding]]
CHECKS: dict[str, Check] = {}
"""Every own check by its name; its docstring is what `--list` prints."""
NEEDS_DJANGO: set[str] = set()


def check(name: str, *, django: bool = False) -> Callable[[Check], Check]:
    """Make a function the check `name`; with `django` it sees the loaded registries of the tree under check."""

    def make(function: Check) -> Check:
        CHECKS[name] = function
        if django:
            NEEDS_DJANGO.add(name)
        return function

    return make


def dotted(path: Path) -> str:
    """`scoc/core/now.py` → `scoc.core.now`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_test(path: Path) -> bool:
    """Whether a file belongs to tests."""
    return "tests" in path.parts
