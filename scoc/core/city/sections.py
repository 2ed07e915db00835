"""What modules declare that a city pack may configure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from scoc.core.remembered import forgettable
from scoc.kit.text import Text

if TYPE_CHECKING:
    from scoc.core.city.reading import Pack


class PackRow(BaseModel):
    """One row of a section; unknown fields are refused, so that a misspelt one is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)


R = TypeVar("R", bound=PackRow)
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a pack: where it is, what is wrong, what to do."""

    file: str
    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message} {self.remedy}".strip()


class BadPack(Exception):
    """A pack cannot be used; carries every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Changes(Generic[R]):
    """What applying a pack does to one section."""

    added: list[R]
    changed: list[R]
    removed: list[R]
    rows: list[R]
    """All rows of the pack."""


@dataclass(frozen=True, slots=True)
class Section(Generic[R]):
    """Rows of one kind. `files` are globs in the pack: .toml (arrays of `table`), .csv or .geojson."""

    name: str
    files: tuple[str, ...]
    table: str
    row: type[R]
    key: tuple[str, ...]
    current: Callable[[], Iterable[R]]
    """The rows as they run now."""
    apply: Callable[[Changes[R]], None]
    """Make the changes, inside the one transaction of the whole pack."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Field → section whose key it must name; lists are checked item by item, None and "" mean no reference."""
    check: Callable[[Pack, Sequence[tuple[R, str, int]]], Iterable[Problem]] | None = None
    """Further checks on (row, file, line)."""
    export_file: str = ""
    """File that `export` writes; empty means the first of `files`."""
    exported: bool = True
    exported_with: str = ""
    """Section with the same key in whose rows, and then in this section's export file, these rows are exported."""
    normal: Callable[[R, R | None], R | None] | None = None
    """A pack's row as it would be read back once applied (None: it makes no row), so that no change is seen as none.
    It is given the running row with the same key, if there is one."""

    def key_of(self, row: PackRow) -> tuple[Any, ...]:
        """The row's key."""
        return tuple(getattr(row, name) for name in self.key)


@dataclass(frozen=True, slots=True)
class SettingsTable(Generic[S]):
    """One table of `city.toml`, e.g. `[intake]`, with its shape and defaults."""

    name: str
    shape: type[S]
    roles: Callable[[S], Mapping[str, Iterable[str]]] | None = None
    """Field → the roles that it names: they must be among the pack's, where the pack sets the field."""


SECTIONS: dict[str, Section[Any]] = {}
SETTINGS: dict[str, SettingsTable[Any]] = {}


def declare_section(section: Section[Any]) -> None:
    """Let packs have this section; sections are applied in the order of declaration."""
    if section.name in SECTIONS:
        raise ValueError(f"Two sections are called {section.name}.")
    SECTIONS[section.name] = section


def declare_settings(table: SettingsTable[Any]) -> None:
    """Let `city.toml` have this table."""
    if table.name in SETTINGS:
        raise ValueError(f"Two settings tables are called {table.name}.")
    SETTINGS[table.name] = table


_known: dict[str, Any] = {}
_until = 0.0


@forgettable
def forget_settings() -> None:
    """Read the settings anew at the next question."""
    global _until
    _until = 0.0


def city_settings(shape: type[S]) -> S:
    """A settings table as the city runs it; its defaults before a city is applied. Cached for a second."""
    global _until, _known
    if time.monotonic() > _until:
        from scoc.core.models import Installation

        installation = Installation.objects.only("settings").first()
        _known = dict(installation.settings) if installation else {}
        _until = time.monotonic() + 1.0
    name = next(table.name for table in SETTINGS.values() if table.shape is shape)
    value = _known.get(name, {})
    if not isinstance(value, shape):
        value = _known[name] = shape.model_validate(value)
    return value


def text_of(row: Any, prefix: str = "name") -> Text:
    """The Text of a row's `<prefix>_zh` and `<prefix>_en`."""
    return Text(getattr(row, f"{prefix}_zh"), getattr(row, f"{prefix}_en"))
