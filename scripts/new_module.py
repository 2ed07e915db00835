"""`make new-module NAME=command.appraisal TITLE="Appraisal (KPI 考核): scores and reviews"`: a module's first files.

It takes the place that the list of layers keeps for it, and is installed. Files that would be empty are left out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from scripts.lints.layers import read_layers

SETTINGS = Path("scoc/site/settings.py")
_NEXT = """Made {folder}. Next:
  models.py            the rows and their states, then: python -m scoc makemigrations {short}
  actions.py           every change: @action("{short}.<verb>"), actor first
  queries.py           every read: @query("{short}.read_<things>"), viewer first
  schemas.py facts.py  shapes that leave the module; what happened
  http.py              routes; handlers.py tasks.py pack.py measures.py where there is something to say
  tests/               test_actions.py test_queries.py test_http.py, factories.py
Then `make snapshots`, the README's lists, a fragment in changes/, `make check`.
"""


class Refused(Exception):
    """The module cannot be made; the message says what to do."""


def make_module(root: Path, name: str, title: str) -> str:
    """Write the first files of the module `name` (without `scoc.`); gives what to do next. Raises Refused."""
    if not re.fullmatch(r"[a-z][a-z_]*(\.[a-z][a-z_]*)?", name):
        raise Refused("Name it like `command.appraisal`: small letters, at most one dot.")
    module, short = f"scoc.{name}", name.rsplit(".", 1)[-1]
    layers = read_layers(root)
    if module not in layers.modules:
        raise Refused(
            f"{module} has no place in the list of layers. Where it stands decides what it may know: put it into the "
            "contract `layers` in pyproject.toml and into docs/guide/architecture.md first."
        )
    folder = root / Path(*module.split("."))
    if folder.exists():
        raise Refused(f"{folder.relative_to(root)} exists already.")
    title = title or short.capitalize()
    files = {
        "__init__.py": f'"""{title.rstrip(".")}."""\n',
        "apps.py": f'"""{short.capitalize()} as a Django app."""\n\nfrom django.apps import AppConfig\n\n\n'
        f'class {short.title().replace("_", "")}Config(AppConfig):\n    """{title.rstrip(".")}."""\n\n'
        f'    name = "{module}"\n    label = "{short}"\n',
        "README.md": f"# {short}\n\n{title.rstrip('.')}.\n\n"
        "## Facts\n\nNone yet.\n\n## Actions\n\nNone yet.\n\n## Neighbours\n\nStands on `core` alone.\n",
        "migrations/__init__.py": "",
        "tests/__init__.py": "",
    }
    for parent in folder.relative_to(root / "scoc").parents:
        shelf = root / "scoc" / parent / "__init__.py"
        if not shelf.exists():
            shelf.parent.mkdir(parents=True, exist_ok=True)
            shelf.write_text(f'"""The centre `{parent}`; its modules lie beside this file."""\n', encoding="utf-8")
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    _take_place(root, module)
    _install(root, module)
    return _NEXT.format(folder=folder.relative_to(root), short=short)


def _take_place(root: Path, module: str) -> None:
    """Take off the brackets that mark a module to come."""
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace(f"({module})", module), encoding="utf-8")


def _install(root: Path, module: str) -> None:
    """Add the module to INSTALLED_APPS, below the modules that stand on it."""
    layers, settings = read_layers(root), root / SETTINGS
    lines = settings.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [
        (index, found[1])
        for index, line in enumerate(lines)
        if (found := re.match(r'\s+"(scoc\.[\w.]+)",$', line)) and found[1] in layers.modules
    ]
    after = max(index for index, other in places if layers.height(other) <= layers.height(module))
    lines.insert(after + 1, f'    "{module}",\n')
    settings.write_text("".join(lines), encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if not arguments or len(arguments) > 2:
        raise SystemExit('make new-module NAME=command.appraisal TITLE="Appraisal (KPI 考核)"')
    try:
        print(make_module(Path.cwd(), arguments[0], arguments[1] if len(arguments) > 1 else ""))
    except Refused as reason:
        raise SystemExit(str(reason)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
