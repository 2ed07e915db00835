"""The difference between a pack and what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from scoc.core.city.reading import Pack
from scoc.core.city.sections import SECTIONS, SETTINGS, Changes, Section
from scoc.core.models import Installation


@dataclass(frozen=True, slots=True)
class Change:
    """One row that applying the pack would add, change or remove."""

    section: str
    kind: str
    key: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = {"add": "+", "change": "~", "remove": "-"}[self.kind]
        return f"{mark} {self.section} {self.key}" + (f" ({', '.join(self.fields)})" if self.fields else "")


def differences(section: Section[Any], pack: Pack) -> tuple[Changes[Any], list[Change]]:
    """What applying the pack does to one section, as rows and as lines to read."""
    current = {section.key_of(row): row for row in section.current()}
    wanted: dict[Any, Any] = {}
    normal: dict[Any, Any] = {}
    for row, _, _ in pack.rows[section.name]:
        made = section.normal(row, current.get(section.key_of(row))) if section.normal else row
        if made is not None:
            wanted[section.key_of(row)], normal[section.key_of(row)] = row, made
    added = [row for key, row in wanted.items() if key not in current]
    removed = [row for key, row in current.items() if key not in wanted]
    changed = [row for key, row in wanted.items() if key in current and normal[key] != current[key]]
    lines = [Change(section.name, "add", _shown(section, row)) for row in added]
    for row in changed:
        key = section.key_of(row)
        before, after = current[key], normal[key]
        names = tuple(name for name in section.row.model_fields if getattr(after, name) != getattr(before, name))
        lines.append(Change(section.name, "change", _shown(section, row), names))
    lines += [Change(section.name, "remove", _shown(section, row)) for row in removed]
    return Changes(added, changed, removed, list(wanted.values())), lines


def _shown(section: Section[Any], row: Any) -> str:
    parts = (",".join(part) if isinstance(part, tuple) else str(part) for part in section.key_of(row))
    return "/".join(parts).rstrip("/")


def _valid(shape: type[BaseModel], values: object) -> BaseModel | None:
    try:
        return shape.model_validate(values)
    except ValidationError:  # what runs was made for another form of this table
        return None


def settings_differences(pack: Pack) -> list[Change]:
    """The tables of `city.toml` that would change, with their fields; a table left out has its defaults."""
    installation = Installation.objects.only("settings").first()
    running = installation.settings if installation else {}
    wanted = {**pack.settings, "city": pack.manifest.model_dump(mode="json")}
    if not running:
        return [Change("settings", "add", name) for name in SETTINGS if name in wanted]
    lines = []
    for name, table in SETTINGS.items():
        before, after = (_valid(table.shape, values.get(name, {})) for values in (running, wanted))
        names = tuple(
            field for field in table.shape.model_fields
            if field != "include" and getattr(before, field, None) != getattr(after, field, None)
        )  # fmt: skip
        if names:
            lines.append(Change("settings", "change", name, names))
    return lines


def plan_pack(pack: Pack) -> list[Change]:
    """Every change that applying the pack would make, in the order it would be made."""
    sections = [change for section in SECTIONS.values() for change in differences(section, pack)[1]]
    return [*settings_differences(pack), *sections]
