"""Whether a reading can be true: known device and property, possible time, possible value. Nothing is mended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import Any

import numpy as np

from scoc.core.city.sections import city_settings
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now
from scoc.sensing.ingest.columns import Columns, Refused
from scoc.sensing.ingest.directory import KnownDevice, Stream
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Device

REASONS = (
    "wrong_type", "unknown_device", "other_device", "retired_device", "unknown_property", "bad_time", "in_future",
    "too_old", "not_finite", "out_of_range", "bad_key", "malformed", "too_large", "wrong_credential", "fault",
)  # fmt: skip
"""Every reason for which sensing refuses a reading, or a whole request of readings; who reads files may have others."""
EARLIEST_MICROS = 0
"""Nothing was measured by a connected device before 1970."""
MOST_RAW = 300
MOST_KEY = 120
Row = tuple[Any, Any, Any, Any, Any]
"""Device key, property, time, value and dedup key, as somebody sent them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which times a reading is taken, in microseconds."""

    earliest: int
    latest: int


def bounds(*, history: bool) -> Bounds:
    """The times that are taken now in the current run; imports of history reach further back."""
    found = bounds_at(city_now(), city_settings(SensingSettings))
    return Bounds(EARLIEST_MICROS, found.latest) if history else found


def bounds_at(moment: datetime, limits: SensingSettings) -> Bounds:
    """The times that are taken live at a moment of the city."""
    return Bounds(
        to_micros(moment - timedelta(days=limits.oldest_days)),
        to_micros(moment + timedelta(seconds=limits.future_seconds)),
    )


def clean(text: str, most: int) -> str:
    """A text as both databases can store it, cut short."""
    return text[:most].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _readable(part: Any) -> str:
    if isinstance(part, int) and part.bit_length() > 200:  # Python refuses to write very long numbers
        return f"an integer of {part.bit_length()} bits"
    return str(part)[:120]


def shown(row: Row) -> str:
    """What came, for people to look at."""
    return clean(", ".join(_readable(part) for part in row if part is not None), MOST_RAW)


def micros_of(at: Any) -> int | None:
    """A time as microseconds; None where it is none, or does not know its zone."""
    if type(at) is int:
        return at if abs(at) < 2**62 else None
    if isinstance(at, str):
        if not 16 <= len(at) <= 40:
            return None
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return None
    if not isinstance(at, datetime) or at.tzinfo is None:
        return None
    try:
        return to_micros(at)
    except OverflowError:
        return None


def _time_told(micros: int) -> str:
    try:
        return from_micros(micros).astimezone(UTC).isoformat()
    except (OverflowError, ValueError):
        return f"{micros} µs since 1970"


def _value_fault(value: Any, stream: Stream) -> tuple[str, str] | None:
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Real)):
        return "wrong_type", f"the value is a {type(value).__name__}, not a number"
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return "not_finite", "the value is not a finite number"
    if not stream.minimum <= number <= stream.maximum:
        return "out_of_range", f"{number:g} is outside of the possible {stream.minimum:g} to {stream.maximum:g}"
    return None


def _time_fault(micros: int | None, span: Bounds) -> tuple[str, str] | None:
    if micros is None:
        return "bad_time", "it is no time with a zone, such as 2026-06-15T09:00:00+08:00"
    if micros > span.latest:
        return "in_future", f"{_time_told(micros)} is ahead of the city's clock"
    if micros < span.earliest:
        return "too_old", f"{_time_told(micros)} is too long ago"
    return None


def _device_fault(key: Any, name: Any, device: KnownDevice | None) -> tuple[str, str] | None:
    if not isinstance(key, str) or not isinstance(name, str):
        return "wrong_type", "device and property are texts"
    if device is None:
        return "unknown_device", "no device has this key"
    if device.state == Device.State.RETIRED:
        return "retired_device", "the device is retired"
    if name not in device.streams:
        return "unknown_property", "the device does not observe this property"
    return None


def key_fault(dedup: Any) -> tuple[str, str] | None:
    """What is wrong with a sender's key."""
    if dedup is None or (isinstance(dedup, str) and 1 <= len(dedup) <= MOST_KEY and dedup.isprintable()):
        return None
    return "bad_key", f"dedup_key is a printable text of 1 to {MOST_KEY} characters"


class Checked:
    """The rows of a batch, checked one by one: accepted ones as columns, refused ones with their reason."""

    def __init__(self, span: Bounds) -> None:
        self.span = span
        self.positions: list[int] = []
        """Where in the batch each accepted row stood."""
        self.refused: list[tuple[int, Refused]] = []
        self._datastream: list[int] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._scale: list[float] = []
        self._dedup: list[str | None] = []
        self._any_kept = False
        self._streams: dict[int, Stream] = {}

    def add(self, position: int, row: Row, device: KnownDevice | None) -> None:
        """Check one row."""
        key, name, at, value, dedup = row
        fault = _device_fault(key, name, device)
        micros = 0
        if fault is None:
            assert device is not None
            stream = device.streams[name]
            micros = micros_of(at)  # type: ignore[assignment]  # None is a fault and goes no further
            fault = _time_fault(micros, self.span) or _value_fault(value, stream) or key_fault(dedup)
        if fault is not None:
            self.refuse(position, row, *fault, known=device is not None)
            return
        self.positions.append(position)
        self._datastream.append(stream.id)
        self._at.append(micros)
        self._value.append(float(value))
        self._scale.append(stream.scale)
        self._dedup.append(dedup if stream.keep else "")
        self._any_kept = self._any_kept or stream.keep
        self._streams[stream.id] = stream

    def refuse(
        self, position: int, row: Row, reason: str, detail: str, *, known: bool = True, raw: str | None = None
    ) -> None:
        """Do not take one row."""
        key, name = (clean(part, most) if isinstance(part, str) else "" for part, most in ((row[0], 60), (row[1], 40)))
        told = shown(row) if raw is None else clean(raw, MOST_RAW)
        self.refused.append((position, Refused(key, name, reason, clean(detail, 200), told, known)))

    def columns(self) -> Columns:
        """The accepted rows."""
        return Columns(
            np.array(self._datastream, np.int64), np.array(self._at, np.int64), np.array(self._value, np.float64),
            np.array(self._scale, np.float64), self._dedup if self._any_kept else None, self._streams,
        )  # fmt: skip


def check_rows(rows: Sequence[Row], known: dict[str, KnownDevice], span: Bounds) -> Checked:
    """Check a batch against the devices that it names."""
    checked = Checked(span)
    for position, row in enumerate(rows):
        checked.add(position, row, known.get(row[0]) if isinstance(row[0], str) else None)
    return checked
