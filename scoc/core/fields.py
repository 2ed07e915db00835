"""Columns that Django lacks: texts in two languages, exact scaled numbers, times as microseconds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from scoc.kit.scaled import from_scaled, to_scaled
from scoc.kit.text import Text

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:
    # The private names tell the type checker what a column takes and gives; it adds None where the column is nullable.
    class _TextColumn(models.Field[_Set, _Get]):
        _pyi_private_set_type: Text | dict[str, str]
        _pyi_private_get_type: Text

    class _ExactColumn(models.Field[_Set, _Get]):
        _pyi_private_set_type: Decimal | int | str
        _pyi_private_get_type: Decimal

    class _TimeColumn(models.Field[_Set, _Get]):
        _pyi_private_set_type: datetime
        _pyi_private_get_type: datetime
else:  # Django's Field is generic for the type checker only

    class _TextColumn(models.Field):
        def __class_getitem__(cls, _):
            return cls

    _ExactColumn = _TimeColumn = _TextColumn

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC; `moment` must know its zone."""
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC time `micros` microseconds after 1970-01-01."""
    return EPOCH + timedelta(microseconds=micros)


class BilingualField(_TextColumn[_Set, _Get]):
    """A text that people read, as `Text(zh, en)`; stored as one JSON object."""

    def get_internal_type(self) -> str:
        """Stored like a text of any length."""
        return "TextField"

    def from_db_value(self, value: str | None, *_: object) -> Text | None:
        """Text from its stored form."""
        return None if value is None else Text.from_dict(json.loads(value))

    def to_python(self, value: Any) -> Text | None:
        """Accept a Text, its dict or its stored form."""
        if value is None or isinstance(value, Text):
            return value
        return Text.from_dict(value if isinstance(value, dict) else json.loads(value))

    def get_prep_value(self, value: Any) -> str | None:
        """The stored form: keys in fixed order, Chinese readable."""
        text = self.to_python(value)
        return None if text is None else json.dumps({"zh": text.zh, "en": text.en}, ensure_ascii=False)


class ScaledField(_ExactColumn[_Set, _Get]):
    """An exact decimal number with a fixed number of places, stored as a scaled 64-bit integer."""

    def __init__(self, *args: Any, places: int = 6, **kwargs: Any) -> None:
        self.places = places
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Name the places in migrations."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "places": self.places}

    def get_internal_type(self) -> str:
        """Stored as a 64-bit integer."""
        return "BigIntegerField"

    def from_db_value(self, value: int | None, *_: object) -> Decimal | None:
        """Decimal from its stored form."""
        return None if value is None else from_scaled(value, self.places)

    def to_python(self, value: Any) -> Decimal | None:
        """Accept Decimal, int or decimal text."""
        return None if value is None else Decimal(value)

    def get_prep_value(self, value: Any) -> int | None:
        """The scaled integer. Raises ValueError when it does not fit into 63 bits."""
        return None if value is None else to_scaled(value, self.places)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Prepare once only: a scaled value must not be scaled again."""
        return value if prepared else self.get_prep_value(value)


class MicrosField(_TimeColumn[_Set, _Get]):
    """A UTC time as microseconds since 1970, for tables with very many rows (8 bytes on both databases)."""

    def get_internal_type(self) -> str:
        """Stored as a 64-bit integer."""
        return "BigIntegerField"

    def from_db_value(self, value: int | None, *_: object) -> datetime | None:
        """Time from its stored form."""
        return None if value is None else from_micros(value)

    def to_python(self, value: Any) -> datetime | None:
        """Accept datetimes with a zone."""
        if value is None or isinstance(value, datetime):
            return value
        return from_micros(int(value))

    def get_prep_value(self, value: Any) -> int | None:
        """The stored form."""
        if value is None or isinstance(value, int):
            return value
        return to_micros(value)
