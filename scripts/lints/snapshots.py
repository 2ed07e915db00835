"""The promises kept in tests/snapshots: the API, and the public signatures of each module."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts.lints.house import Finding, House, check
from scripts.lints.layers import PUBLIC_FILES

FOLDER = Path("tests/snapshots")
_REMEDY = "Run `make snapshots`, look at the difference, and say in changes/<what>.contract.md what others must do."


def _openapi() -> str:
    from scoc.site.urls import api

    schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _public(module: ModuleType, package: str) -> Iterator[tuple[str, Any]]:
    for name, thing in vars(module).items():
        # pydantic leaves its parametrised generics in the module, whenever they happen to be made
        if name.startswith("_") or not name.isidentifier() or not callable(thing):
            continue
        if (getattr(inspect.unwrap(thing), "__module__", "") or "").startswith(package):
            yield name, thing


def _written(cls: type, name: str) -> str:
    """A field's type as its class says it."""
    for owner in cls.__mro__:
        kind = inspect.get_annotations(owner).get(name)
        if kind is not None:
            return kind if isinstance(kind, str) else inspect.formatannotation(kind)
    raise KeyError(name)


def _shape(cls: type) -> Iterator[str]:
    fields = getattr(cls, "model_fields", None)
    if fields is not None:
        for name, field in fields.items():
            bounds = re.sub(r" at 0x[0-9a-f]+", "", ", ".join(str(item) for item in field.metadata))
            default = "" if field.is_required() else f" = {field.get_default(call_default_factory=False)!r}"
            yield f"    {name}: {_written(cls, name)}{f' [{bounds}]' if bounds else ''}{default}"
    elif dataclasses.is_dataclass(cls):
        for part in dataclasses.fields(cls):
            missing = part.default is dataclasses.MISSING
            default = "" if missing else f" = {part.default!r}"
            yield f"    {part.name}: {_written(cls, part.name)}{default}"


def _signatures(module: str) -> str:
    lines: list[str] = []
    for file in PUBLIC_FILES:
        name = f"{module}.{file}"
        if find_spec(name) is None:
            continue
        lines.append(f"# {file}")
        for public, thing in sorted(_public(importlib.import_module(name), name), key=lambda pair: pair[0]):
            if inspect.isclass(thing):
                lines += [f"class {public}", *_shape(thing)]
            elif inspect.isroutine(thing):
                lines.append(f"{public}{inspect.signature(inspect.unwrap(thing))}")
        lines.append("")
    return "\n".join(lines)


def current(house: House) -> dict[Path, str]:
    """Every snapshot as the code gives it now."""
    found = {FOLDER / "openapi.json": _openapi()}
    for module in house.layers.modules:
        if module != "scoc.kit" and find_spec(module) is not None:
            text = _signatures(module)
            if text:
                found[FOLDER / "signatures" / f"{module.removeprefix('scoc.')}.txt"] = text
    return found


def _kept(house: House) -> set[Path]:
    folder = house.root / FOLDER
    names = [folder / "openapi.json", *folder.glob("signatures/*.txt")]
    return {path.relative_to(house.root) for path in names if path.exists()}


def renew(house: House) -> list[Path]:
    """Write every snapshot anew; gives those that changed."""
    wanted, changed = current(house), []
    for path, text in wanted.items():
        file = house.root / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed.append(path)
    for path in _kept(house) - set(wanted):
        (house.root / path).unlink()
        changed.append(path)
    return changed


@check("snapshots", django=True)
def snapshots(house: House) -> Iterator[Finding]:
    """The API and the public signatures are what tests/snapshots promises."""
    wanted = current(house)
    for path, text in wanted.items():
        file = house.root / path
        before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        after = text.splitlines()
        if before != after:
            new = [line.strip() for line in after if line not in set(before)]
            old = [line.strip() for line in before if line not in set(after)]
            shown = "; ".join([f"+ {line}" for line in new[:3]] + [f"- {line}" for line in old[:3]]) or "another order"
            yield Finding(str(path), f"is not what the code promises now ({shown}).", _REMEDY)
    for path in sorted(_kept(house) - set(wanted)):
        yield Finding(str(path), "promises a module that is gone.", _REMEDY)


def _git(house: House, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=house.root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@check("contract-fragment")
def contract_fragment(house: House) -> Iterator[Finding]:
    """A changed snapshot comes with a fragment: a new word on a branch, on main any that is not released yet."""
    if not (house.root / ".git").exists():
        return
    head = _git(house, "rev-parse", "HEAD")
    bases = [_git(house, "merge-base", "HEAD", main) for main in ("main", "origin/main")]
    branched = next((b for b in bases if b and b != head), "")
    base = branched or _git(house, "rev-parse", "-q", "--verify", "HEAD~1") or head
    changed = _git(house, "diff", "--name-only", base).splitlines()
    changed += _git(house, "ls-files", "--others", "--exclude-standard").splitlines()
    touched = [name for name in changed if name.startswith(f"{FOLDER}/")]
    told = changed if branched else [str(path) for path in house.files]
    if touched and not any(name.startswith("changes/") and name.endswith(".contract.md") for name in told):
        yield Finding(touched[0], "changed since main without a word in changes/.",
                      "Add changes/<what>.contract.md: one or two sentences on what others must do.")  # fmt: skip
