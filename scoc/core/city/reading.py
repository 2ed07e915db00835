"""Reading a pack: files into rows with their places, every mistake with file, line, field and remedy."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from scoc.core.city.sections import SECTIONS, SETTINGS, BadPack, PackRow, Problem, Section

MANIFEST = "city.toml"
_HEADER = re.compile(r"^\s*\[(\[)?\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"^\s*([\w\-]+)\s*=")
_ARRAY = re.compile(r"^([\w\-]+)\s*=\s*\[\s*(#.*)?$")
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


@dataclass(frozen=True, slots=True)
class Located:
    """A raw row and where it stands."""

    values: dict[str, Any]
    file: str
    line: int
    lines: dict[str, int] = field(default_factory=dict)

    def problem(self, name: str, message: str, remedy: str) -> Problem:
        """A problem with one field of this row."""
        return Problem(self.file, self.lines.get(name, self.line), name, message, remedy)


@dataclass(slots=True)
class Pack:
    """A pack as read: its manifest, its settings tables, and each section's rows with their places."""

    name: str
    folder: Path
    manifest: Manifest
    settings: dict[str, Any]
    rows: dict[str, list[tuple[PackRow, str, int]]]
    digest: str

    def keys(self, section: str) -> set[tuple[Any, ...]]:
        """The keys of one section's rows."""
        kind = SECTIONS[section]
        return {kind.key_of(row) for row, _, _ in self.rows.get(section, ())}


def _toml_places(text: str) -> dict[tuple[str, int], tuple[int, dict[str, int]]]:
    """Line of each table header and of each key in it; arrays of tables are counted from 0.

    An array may be written as `[[name]]` tables or as `name = [` with one inline table a line.
    """
    places: dict[tuple[str, int], tuple[int, dict[str, int]]] = {("", 0): (1, {})}
    counts: dict[str, int] = {}
    current = places["", 0][1]
    array = ""
    for number, line in enumerate(text.splitlines(), 1):
        if array and (start := line.lstrip()[:1]) in ("{", "]"):
            if start == "]":
                array = ""
                continue
            places[array, counts.get(array, 0)] = (number, {})
            counts[array] = counts.get(array, 0) + 1
            continue
        if opened := _ARRAY.match(line):
            array = opened[1]
        header = _HEADER.match(line)
        if header:
            name = header[2]
            index = counts.get(name, 0)
            counts[name] = index + 1
            current = {}
            places[name, index] = (number, current)
        elif key := _KEY.match(line):
            current.setdefault(key[1], number)
    return places


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadPack([Problem(shown, 0, "file", "It is not UTF-8 text.", "Save it as UTF-8.")]) from error


def _read_toml(path: Path, shown: str) -> tuple[dict[str, Any], dict[tuple[str, int], tuple[int, dict[str, int]]]]:
    text = _text(path, shown)
    try:
        return tomllib.loads(text), _toml_places(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        raise BadPack([Problem(shown, line, "syntax", f"{error}.", "Correct the TOML.")]) from error


def _toml_rows(path: Path, shown: str, table: str) -> Iterator[Located]:
    content, places = _read_toml(path, shown)
    for other in content.keys() - {table}:
        line = places.get((other, 0), (0, {}))[0] or places["", 0][1].get(other, 1)
        raise BadPack([Problem(shown, line, other, f"This file holds [[{table}]] only.", "Move or rename it.")])
    rows = content.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(values, dict) for values in rows):
        at = places.get((table, 0), (0, {}))[0] or places["", 0][1].get(table, 1)
        raise BadPack([Problem(shown, at, table, "It is not a list of tables.", f"Write [[{table}]].")])
    for index, values in enumerate(rows):
        line, lines = places.get((table, index), (0, {}))
        yield Located(values, shown, line, lines)


def _csv_rows(path: Path, shown: str) -> Iterator[Located]:
    reader = csv.DictReader(io.StringIO(_text(path, shown)))
    for values in reader:
        if None in values or None in values.values():
            raise BadPack(
                [Problem(shown, reader.line_num, "columns", "It has more or fewer cells than the header.",
                         "Give each column one cell.")]
            )  # fmt: skip
        yield Located({k: v for k, v in values.items() if v != ""}, shown, reader.line_num)


def _geojson_rows(path: Path, shown: str) -> Iterator[Located]:
    text = _text(path, shown)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadPack([Problem(shown, error.lineno, "syntax", f"{error.msg}.", "Correct the JSON.")]) from error
    features = content.get("features") if isinstance(content, dict) else None
    if (
        not isinstance(content, dict)
        or content.get("type") != "FeatureCollection"
        or not isinstance(features, list)
        or not all(isinstance(feature, dict) and isinstance(feature.get("properties"), dict) for feature in features)
    ):
        raise BadPack(
            [
                Problem(
                    shown,
                    1,
                    "type",
                    "It is not a FeatureCollection of features with properties.",
                    "Save it as GeoJSON.",
                )
            ]
        )
    lines = [n for n, line in enumerate(text.splitlines(), 1) for _ in re.findall(r'"type"\s*:\s*"Feature"', line)]
    datum = content.get("datum")
    if datum is None:
        raise BadPack(
            [Problem(shown, 1, "datum", "The file does not say its datum.",
                     'Add "datum": "WGS84", "CGCS2000", "GCJ-02" or "BD-09" at the top.')]
        )  # fmt: skip
    for index, feature in enumerate(features):
        line = lines[index] if index < len(lines) else 0
        yield Located({**feature["properties"], "geometry": feature.get("geometry"), "datum": datum}, shown, line)


def _rows_of_file(path: Path, shown: str, table: str) -> Iterator[Located]:
    match path.suffix:
        case ".toml":
            yield from _toml_rows(path, shown, table)
        case ".csv":
            yield from _csv_rows(path, shown)
        case _:
            yield from _geojson_rows(path, shown)


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
    for row in _toml_rows(path, shown, "outside"):
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
        for outside in _outside_rows(folder / source.file, source):
            values = {
                name: outside[column] for name, column in source.map.items() if outside.get(column) not in (None, "")
            }
            key = str(values.pop(section.key[0], ""))
            rows.setdefault(key, {}).update(values)
    return found


def _outside_rows(path: Path, source: Outside) -> Iterator[dict[str, Any]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
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
                    located = list(_rows_of_file(path, shown, section.table))
                except BadPack as bad:
                    problems.extend(bad.problems)
                    continue
                for raw in located:
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


def _manifest(folders: list[tuple[Path, str]], problems: list[Problem]) -> tuple[Manifest | None, dict[str, Any]]:
    merged: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    where: dict[str, tuple[str, int]] = {}
    for folder, name in folders:
        path = folder / MANIFEST
        if not path.exists():
            continue
        content, places = _read_toml(path, f"{name}/{MANIFEST}")
        for key, value in content.items():
            line = places.get((key, 0), (0, {}))[0] or places["", 0][1].get(key, 1)
            where[key] = (f"{name}/{MANIFEST}", line)
            if isinstance(value, dict):
                tables[key] = {**tables.get(key, {}), **value}
            else:
                merged[key] = value
    shown = f"{folders[-1][1]}/{MANIFEST}"
    known = f"Known: {', '.join(SETTINGS)}."
    problems.extend(
        Problem(*where[key], key, "No module has such a table.", known) for key in tables.keys() - SETTINGS.keys()
    )
    for key, table in tables.items():
        if key in SETTINGS:
            try:
                SETTINGS[key].shape.model_validate(table)
            except ValidationError as error:
                problems.extend(_problems_of(error, Located(table, *where[key])))
    try:
        return Manifest.model_validate(merged), tables
    except ValidationError as error:
        lines = {key: line for key, (_, line) in where.items()}
        problems.extend(_problems_of(error, Located(merged, shown, 1, lines)))
        return None, tables


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
    head, places = _read_toml(folder / MANIFEST, shown)
    included = head.get("include", [])
    folders = [(folder.parent / str(other), str(other)) for other in included] if isinstance(included, list) else []
    problems = [
        Problem(shown, places["", 0][1].get("include", 0), "include", f"{other} is not there.", "Correct the name.")
        for path, other in folders
        if not path.is_dir()
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
    for section in SECTIONS.values():
        if section.check is not None:
            problems.extend(section.check(pack, pack.rows[section.name]))
    if problems:
        raise BadPack(problems)
    return pack
