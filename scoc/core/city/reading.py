"""Reading a pack: files into rows with their places, every mistake with file, line, field and remedy."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from scoc.core.city.files import Located, read_toml, rows_of_file, toml_rows, unreadable
from scoc.core.city.sections import SECTIONS, SETTINGS, BadPack, PackRow, Problem, Section

MANIFEST = "city.toml"
HEAD = "city"
"""Under this name the head of `city.toml` runs; no table of a pack is called so."""
_REMEDIES = {
    "missing": "Add this field.",
    "extra_forbidden": "Remove it or correct its name.",
    "int_parsing": "Give a whole number.",
    "float_parsing": "Give a number.",
    "enum": "Use one of the values named.",
    "literal_error": "Use one of the values named.",
    "date_from_datetime_parsing": "Give a date like 2026-01-31.",
}


class Manifest(BaseModel):
    """The head of `city.toml`."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=6, max_length=12, pattern=r"^\d+$")
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    timezone: str = Field(max_length=40)
    include: list[str] = []
    center: tuple[float, float]
    """Longitude and latitude where maps open."""
    bbox: tuple[float, float, float, float]
    """West, south, east, north: whatever lies outside is a mistake."""
    seed: int = Field(0, ge=0, le=2**53)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {value}") from error
        return value

    @model_validator(mode="after")
    def _middle_in_box(self) -> Manifest:
        west, south, east, north = self.bbox
        if not (-180 <= west < self.center[0] < east <= 180 and -90 <= south < self.center[1] < north <= 90):
            raise ValueError("bbox is west, south, east, north in degrees, and the center lies in it")
        return self


class Outside(BaseModel):
    """Fields that a data file outside the pack gives to rows named by their key (`outside.toml`)."""

    model_config = ConfigDict(extra="forbid")
    section: str
    file: str
    datum: str | None = None
    map: dict[str, str]
    """Row field → column or property of the outside file."""


@dataclass(slots=True)
class Pack:
    """A pack as read: its manifest, its settings tables, and each section's rows with their places."""

    name: str
    folder: Path
    manifest: Manifest
    tables: dict[str, Located]
    """The tables of `city.toml` with where they stand."""
    rows: dict[str, list[tuple[PackRow, str, int]]]
    digest: str

    @property
    def settings(self) -> dict[str, Any]:
        """The tables of `city.toml`."""
        return {name: table.values for name, table in self.tables.items()}

    def keys(self, section: str) -> set[tuple[Any, ...]]:
        """The keys of one section's rows."""
        kind = SECTIONS[section]
        return {kind.key_of(row) for row, _, _ in self.rows.get(section, ())}


def _problems_of(error: ValidationError, row: Located) -> list[Problem]:
    found = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "row"
        first = str(item["loc"][0]) if item["loc"] else "row"
        found.append(
            Problem(row.file, row.lines.get(first, row.line), name, f"{item['msg']}.",
                    _REMEDIES.get(item["type"], "Correct the value."))
        )  # fmt: skip
    return found


def _outside_values(pack: Path, shown: str, problems: list[Problem]) -> dict[str, dict[str, dict[str, Any]]]:
    """Section → key → fields, from the files outside that `outside.toml` names."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    path = pack / "outside.toml"
    if not path.exists():
        return found
    for row in toml_rows(path, shown, "outside"):
        try:
            source = Outside.model_validate(row.values)
        except ValidationError as error:
            problems.extend(_problems_of(error, row))
            continue
        section = SECTIONS.get(source.section)
        folder = settings.ENVIRONMENT.data_dir
        if section is None or len(section.key) != 1 or section.key[0] not in source.map:
            problems.append(row.problem("section", f"`{source.section}` cannot be filled from outside.",
                                        f"Name one of {', '.join(SECTIONS)} and map its key."))  # fmt: skip
            continue
        if folder is None or not (folder / source.file).is_file():
            problems.append(row.problem("file", f"{source.file} is not there.",
                                        "Set SCOC_DATA_DIR to the folder with the outside data."))  # fmt: skip
            continue
        rows = found.setdefault(source.section, {})
        try:
            rows_outside = list(_outside_rows(folder / source.file, source))
        except (OSError, ValueError, LookupError, TypeError, RecursionError, csv.Error) as error:
            problems.append(row.problem("file", f"{source.file} is no such table or GeoJSON ({error}).",
                                        "Take the file anew from where it came."))  # fmt: skip
            continue
        for outside in rows_outside:
            values = {
                name: outside[column] for name, column in source.map.items() if outside.get(column) not in (None, "")
            }
            key = str(values.pop(section.key[0], ""))
            rows.setdefault(key, {}).update(values)
    return found


def _outside_rows(path: Path, source: Outside) -> Iterator[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lacking = sorted(set(source.map.values()) - set(reader.fieldnames or ()))
            if lacking:
                raise LookupError(f"it has no column {lacking[0]}")
            yield from reader
        return
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        yield {**feature["properties"], "geometry": feature["geometry"], "datum": source.datum}


def _section_rows(
    section: Section[Any], folders: list[tuple[Path, str]], outside: dict[str, dict[str, Any]], problems: list[Problem]
) -> list[tuple[PackRow, str, int]]:
    """The rows of one section; a row of the pack itself replaces an included row with the same key."""
    rows: dict[tuple[Any, ...], tuple[PackRow, str, int]] = {}
    known = section.row.model_fields.keys()
    for folder, name in folders:
        here: set[tuple[Any, ...]] = set()
        for pattern in section.files:
            for path in sorted(folder.glob(pattern)):
                shown = f"{name}/{path.relative_to(folder)}"
                try:
                    located = list(rows_of_file(path, shown, section.table))
                except BadPack as bad:
                    problems.extend(bad.problems)
                    continue
                for raw in located:
                    if no_text := unreadable(raw):
                        problems.append(no_text)
                        continue
                    values = {**raw.values, **outside.get(str(raw.values.get(section.key[0])), {})}
                    values = {k: v for k, v in values.items() if k in known or k not in ("geometry", "datum")}
                    try:
                        row = section.row.model_validate(values)
                    except ValidationError as error:
                        problems.extend(_problems_of(error, raw))
                        continue
                    key = section.key_of(row)
                    if key in here:
                        problems.append(raw.problem(section.key[-1], f"{'/'.join(map(str, key))} stands twice.",
                                                    "Remove or rename one."))  # fmt: skip
                        continue
                    here.add(key)
                    rows[key] = (row, raw.file, raw.line)
    return list(rows.values())


def _manifest(folders: list[tuple[Path, str]], problems: list[Problem]) -> tuple[Manifest | None, dict[str, Located]]:
    """The head of `city.toml` and its tables, those of the pack itself over included ones."""
    merged: dict[str, Any] = {}
    lines: dict[str, int] = {}
    tables: dict[str, Located] = {}
    for folder, name in folders:
        path, shown = folder / MANIFEST, f"{name}/{MANIFEST}"
        if not path.exists():
            continue
        content, places = read_toml(path, shown)
        for key, value in content.items():
            line, inside = places.get((key, 0), (places["", 0][1].get(key, 1), {}))
            if isinstance(value, dict):
                before = tables[key].values if key in tables else {}
                tables[key] = Located({**before, **value}, shown, line, inside)
            else:
                merged[key], lines[key] = value, line
    known = f"Known: {', '.join(SETTINGS.keys() - {HEAD})}."
    for key, table in tables.items():
        if key not in SETTINGS or key == HEAD:
            problems.append(Problem(table.file, table.line, key, "No module has such a table.", known))
            continue
        try:
            SETTINGS[key].shape.model_validate(table.values)
        except ValidationError as error:
            problems.extend(_problems_of(error, table))
    problems.extend(
        problem for row in [Located(merged, f"{folders[-1][1]}/{MANIFEST}", 1, lines), *tables.values()]
        if (problem := unreadable(row))
    )  # fmt: skip
    try:
        return Manifest.model_validate(merged), tables
    except ValidationError as error:
        problems.extend(_problems_of(error, Located(merged, f"{folders[-1][1]}/{MANIFEST}", 1, lines)))
        return None, tables


def _roles_of_settings(pack: Pack) -> Iterator[Problem]:
    """Settings that name a role which is none: whom it means would never be told."""
    roles = {str(key[0]) for key in pack.keys("roles")}
    for name, table in pack.tables.items():
        shape = SETTINGS[name]
        if shape.roles is None:
            continue
        for field_, named in shape.roles(shape.shape.model_validate(table.values)).items():
            if field_ not in table.values:
                continue
            for role in sorted(set(named) - roles):
                yield table.problem(field_, f"`{role}` is not among the roles.",
                                    f"Add it to {SECTIONS['roles'].files[0]} or correct it.")  # fmt: skip


def _references(pack: Pack) -> Iterator[Problem]:
    for section in SECTIONS.values():
        for name, target in section.references.items():
            keys = {str(key[0]) if len(key) == 1 else "/".join(map(str, key)) for key in pack.keys(target)}
            for row, file, line in pack.rows[section.name]:
                value = getattr(row, name)
                for item in value if isinstance(value, list | tuple) else [value]:
                    if item not in (None, "") and str(item) not in keys:
                        yield Problem(file, line, name, f"`{item}` is not among the {target}.",
                                      f"Add it to {SECTIONS[target].files[0]} or correct it.")  # fmt: skip


def _unread(folder: Path) -> Iterator[Problem]:
    """Files that no section reads: a misspelt name must not pass in silence."""
    patterns = {MANIFEST, "outside.toml", *(pattern for section in SECTIONS.values() for pattern in section.files)}
    read = {path for pattern in patterns for path in folder.glob(pattern)}
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".toml", ".csv", ".geojson"} and path not in read:
            yield Problem(f"{folder.name}/{path.relative_to(folder).as_posix()}", 0, "file", "Nothing reads this file.",
                          f"Known names: {', '.join(sorted(patterns))}.")  # fmt: skip


def pack_folder(name: str) -> Path:
    """The folder of a pack by name, or by path. Raises BadPack when there is none."""
    for folder in (Path(name), Path(settings.SCOC_CITIES) / name):
        if (folder / MANIFEST).is_file():
            return folder
    raise BadPack(
        [Problem(name, 0, "pack", f"There is no {MANIFEST} in it.", "Name a folder under cities/ or a path.")]
    )


def read_pack(name: str) -> Pack:
    """Read and check a pack. Raises BadPack with every problem found."""
    folder = pack_folder(name)
    shown = f"{folder.name}/{MANIFEST}"
    head, places = read_toml(folder / MANIFEST, shown)
    included = head.get("include", [])
    folders = [(folder.parent / str(other), str(other)) for other in included] if isinstance(included, list) else []
    problems = [
        Problem(
            shown,
            places["", 0][1].get("include", 0),
            "include",
            f"{other} is not there, or is the pack itself.",
            "Correct the name.",
        )
        for path, other in folders
        if not path.is_dir() or path.resolve() == folder.resolve()
    ]
    folders.append((folder, folder.name))
    manifest, tables = _manifest(folders, problems)
    outside = _outside_values(folder, f"{folder.name}/outside.toml", problems)
    rows = {
        section.name: _section_rows(section, folders, outside.get(section.name, {}), problems)
        for section in SECTIONS.values()
    }
    problems.extend(_unread(folder))
    if problems or manifest is None:
        raise BadPack(problems)
    digest = hashlib.sha256()
    for path, _ in folders:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                digest.update(file.relative_to(path).as_posix().encode() + b"\0" + file.read_bytes())
    pack = Pack(folder.name, folder, manifest, tables, rows, digest.hexdigest())
    problems.extend(_references(pack))
    problems.extend(_roles_of_settings(pack))
    for section in SECTIONS.values():
        if section.check is not None:
            problems.extend(section.check(pack, pack.rows[section.name]))
    if problems:
        raise BadPack(problems)
    return pack
