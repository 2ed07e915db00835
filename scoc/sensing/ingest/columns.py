"""Accepted readings as columns, and what was refused of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scoc.sensing.ingest.directory import Stream

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """Accepted readings in the order of their arrival."""

    datastream: Ints
    at: Ints
    """Microseconds since 1970 UTC."""
    value: Floats
    scale: Floats
    """10^places of the datastream."""
    dedup: list[str | None] | None
    """The dedup key of each; None where every datastream ignores repeats and all keys are the empty text."""
    streams: dict[int, Stream]
    """The datastreams that stand in it, by id."""
    more: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By row what else an observation says: columns of its table with their values. The value of a row whose result is
    no number is NaN, and its result stands here as `other`."""

    def __len__(self) -> int:
        return len(self.datastream)

    def pick(self, which: Ints | Flags) -> Columns:
        """Some of the rows, in the order of `which`."""
        rows = np.nonzero(which)[0] if which.dtype == np.bool_ else which
        dedup, more = self.dedup, self.more
        return Columns(
            self.datastream[rows], self.at[rows], self.value[rows], self.scale[rows],
            None if dedup is None else [dedup[i] for i in rows.tolist()], self.streams,
            {n: more[i] for n, i in enumerate(rows.tolist()) if i in more} if more else {},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that is not taken. `raw` is what came, cut short."""

    device_key: str
    property: str
    reason: str
    detail: str
    raw: str
    known: bool
    """Whether the device exists; readings of unknown ones are counted together."""


def no_columns() -> Columns:
    """No reading at all."""
    none = np.empty(0, np.int64)
    return Columns(none, none, np.empty(0), np.empty(0), None, {})


def joined(parts: list[Columns]) -> Columns:
    """Several batches as one."""
    if len(parts) == 1:
        return parts[0]
    dedup: list[str | None] | None = None
    if any(part.dedup is not None for part in parts):
        dedup = [key for part in parts for key in (part.dedup if part.dedup is not None else [""] * len(part))]
    return Columns(
        np.concatenate([part.datastream for part in parts]), np.concatenate([part.at for part in parts]),
        np.concatenate([part.value for part in parts]), np.concatenate([part.scale for part in parts]), dedup,
        {key: stream for part in parts for key, stream in part.streams.items()}, _more(parts),
    )  # fmt: skip


def _more(parts: list[Columns]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    start = 0
    for part in parts:
        found |= {start + n: more for n, more in part.more.items()}
        start += len(part)
    return found
