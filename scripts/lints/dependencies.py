"""Checks of what SCOC stands on: each dependency has its reason and its place in the locks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from scripts.lints.house import Finding, House, check

GUIDE = Path("docs/guide/dependencies.md")
LOCKS = {"requirements.lock": ("build",), "requirements-dev.lock": ("build", "dev"), "requirements-web.lock": ("web",)}
"""The locks and the groups of pyproject.toml that each holds; the web's holds nothing of the project itself."""


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", line, maxsplit=1)[0].lower().replace("_", "-") for line in requirements}


@check("dependencies")
def dependencies(house: House) -> Iterator[Finding]:
    """Every dependency has its reason in the guide and its hashes in the lock; no lock names an address."""
    pyproject = tomllib.loads(house.text(Path("pyproject.toml")))
    own, groups = _names(pyproject["project"]["dependencies"]), pyproject["dependency-groups"]
    guide = house.text(GUIDE)
    for name in sorted(own.union(*(_names(group) for group in groups.values()))):
        if not re.search(rf"(^\||,)\s*([\w-]+, )*{re.escape(name)}\b[^|]*\|", guide, re.MULTILINE):
            yield Finding(str(GUIDE), f"gives no reason for `{name}`.", "Add its row: what it does that we do not.")
    for lock, held in LOCKS.items():
        text = house.text(Path(lock))
        locked = set(re.findall(r"^([a-z0-9][a-z0-9.-]*)==", text, re.MULTILINE))
        wanted = set().union(*(_names(groups[group]) for group in held)) | (
            own if lock != "requirements-web.lock" else set()
        )
        for name in sorted(wanted - locked):
            yield Finding(lock, f"does not hold `{name}`.", "Run `make lock`.")
        if re.search(r"://|--(extra-)?index-url|--find-links", text):
            yield Finding(lock, "names an address.", "Run `make lock`: the locks hold names, versions and hashes only.")
        for entry in re.split(r"\n(?=[a-z0-9])", text):
            if "==" in entry.split("\n", 1)[0] and "--hash=sha256:" not in entry:
                yield Finding(lock, f"holds `{entry.split()[0]}` without a hash.", "Run `make lock`.")
