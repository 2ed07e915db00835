"""The files of a pack as rows with their places: TOML, CSV, GeoJSON."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoc.core.city.sections import BadPack, Problem

_HEADER = re.compile(r"^\s*\[(\[)?\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"^\s*([\w\-]+)\s*=")
_ARRAY = re.compile(r"^([\w\-]+)\s*=\s*\[\s*(#.*)?$")
Places = dict[tuple[str, int], tuple[int, dict[str, int]]]
"""Line of each table header and of each key in it; arrays of tables are counted from 0."""
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


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


def _toml_places(text: str) -> Places:
    """Line of each table header and of each key in it; arrays of tables are counted from 0.

    An array may be written as `[[name]]` tables or as `name = [` with one inline table a line.
    """
    places: Places = {("", 0): (1, {})}
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
    except OSError as error:
        remedy = "Make it a file that this user may read."
        raise BadPack([Problem(shown, 0, "file", f"It cannot be read: {error.strerror}.", remedy)]) from error


def read_toml(path: Path, shown: str) -> tuple[dict[str, Any], Places]:
    """The content of a TOML file, and where everything stands. Raises BadPack for what is none."""
    text = _text(path, shown)
    try:
        return tomllib.loads(text), _toml_places(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else text.count("\n") + 1
        raise BadPack([Problem(shown, line, "syntax", f"{error}.", "Correct the TOML.")]) from error


def toml_rows(path: Path, shown: str, table: str) -> Iterator[Located]:
    """The rows of one array of tables, the only one of the file."""
    content, places = read_toml(path, shown)
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


def _columns(reader: csv.DictReader[str], shown: str) -> list[str]:
    try:
        return list(reader.fieldnames or ())
    except csv.Error as error:
        raise BadPack([Problem(shown, 1, "syntax", f"{error}.", "Correct the CSV: quotes come in pairs.")]) from error


def _csv_rows(path: Path, shown: str) -> Iterator[Located]:
    reader = csv.DictReader(io.StringIO(_text(path, shown)), strict=True)
    rows = iter(reader)
    columns = _columns(reader, shown)
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise BadPack([Problem(shown, 1, twice[0], "Two columns have this name.", "Remove or rename one.")])
    while True:
        try:
            values = next(rows, None)
        except csv.Error as error:
            problem = Problem(shown, reader.line_num, "syntax", f"{error}.", "Correct the CSV: quotes come in pairs.")
            raise BadPack([problem]) from error
        if values is None:
            return
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
    except RecursionError as error:
        raise BadPack([Problem(shown, 1, "syntax", "It is nested too deeply.", "Correct the JSON.")]) from error
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


def rows_of_file(path: Path, shown: str, table: str) -> Iterator[Located]:
    """The rows of a .toml, .csv or .geojson file. Raises BadPack when it cannot be read as such."""
    match path.suffix:
        case ".toml":
            yield from toml_rows(path, shown, table)
        case ".csv":
            yield from _csv_rows(path, shown)
        case _:
            yield from _geojson_rows(path, shown)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def unreadable(row: Located) -> Problem | None:
    """What is wrong with a row that holds characters which no database keeps."""
    for name, value in row.values.items():
        if any(_NO_TEXT.search(text) for text in _strings(value)):
            return row.problem(name, "It holds a character that is no text.", "Remove it.")
    return None
