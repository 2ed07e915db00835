"""Counting rows so that nothing can be lost, doubled or changed unseen: counts, exact sums, a digest of every value.

The digest of a row mixes all its values in the order of the declared columns; the digest of many rows is the sum of
theirs modulo 2^64. So it does not depend on the order of rows or the files they lie in, and what versions add and
remove adds up. It finds faults, not forgers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scoc.lake.schemas import Tally

Words = npt.NDArray[np.uint64]
_NULL = np.uint64(0x6C62272E07BB0142)
_GOLDEN = 0x9E3779B97F4A7C15
_FULL = 2**64
_EXACT = Context(prec=120)
"""Sums of many numbers of 38 digits; Python's own context would round them."""


def _mixed(words: Words) -> Words:
    """The finaliser of splitmix64: each bit of the input moves about half of the output's."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def _text_words(column: Any) -> Words:
    coded = column.dictionary_encode()
    kinds = [
        0 if value is None else int.from_bytes(
            blake2b(value if isinstance(value, bytes) else value.encode(), digest_size=8).digest(), "little"
        )
        for value in coded.dictionary.to_pylist()
    ]  # fmt: skip
    known: Words = np.array([*kinds, 0], dtype=np.uint64)
    words: Words = known[coded.indices.fill_null(0).to_numpy(zero_copy_only=False)]
    return words


def _decimal_words(column: Any) -> Words:
    data = column.buffers()[1]
    if data is None or not len(column):
        return np.zeros(len(column), dtype=np.uint64)
    pairs = np.frombuffer(data, dtype=np.uint64).reshape(-1, 2)[column.offset : column.offset + len(column)]
    return _mixed(pairs[:, 0]) ^ pairs[:, 1]


def _words(column: Any) -> Words:
    """64 bits for each value of a column, equal for equal values only as far as 64 bits can be."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        words = _text_words(column)
    elif pa.types.is_decimal(kind):
        words = _decimal_words(column)
    elif pa.types.is_floating(kind):
        bits = np.uint64 if kind.bit_width == 64 else np.uint32
        words = column.fill_null(0).to_numpy(zero_copy_only=False).view(bits).astype(np.uint64)
    else:
        if pa.types.is_date(kind):
            column = column.cast(pa.int32())
        elif pa.types.is_boolean(kind):
            column = column.cast(pa.uint8())
        words = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
    if column.null_count:
        words = np.where(column.is_null().to_numpy(zero_copy_only=False), _NULL, words)
    return words


def _sum(column: Any) -> Decimal:
    """The exact sum of an integer or decimal column; nulls count nothing."""
    if pa.types.is_decimal(column.type):
        total: Decimal | None = pc.sum(column.cast(pa.decimal256(76, column.type.scale))).as_py()
        return total or Decimal(0)
    whole = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    low = int((whole & np.int64(0xFFFFFFFF)).sum(dtype=np.int64))
    return Decimal(low + (int((whole >> np.int64(32)).sum(dtype=np.int64)) << 32))


@dataclass(slots=True)
class Counter:
    """A tally in the making."""

    summed: tuple[str, ...]
    rows: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    digest: int = 0

    def add(self, batch: Any) -> None:
        """Count a record batch whose columns are those of the table, in its order."""
        self.rows += batch.num_rows
        row = np.full(batch.num_rows, 1, dtype=np.uint64)
        for number, column in enumerate(batch.columns, 1):
            salt = np.uint64(number * _GOLDEN % _FULL)
            row = _mixed(row ^ _mixed(_words(column) + salt))
        self.digest = (self.digest + int(row.sum(dtype=np.uint64))) % _FULL
        for name in self.summed:
            self.sums[name] = _EXACT.add(self.sums.get(name, Decimal(0)), _sum(batch.column(name)))

    def tally(self) -> Tally:
        """What was counted so far."""
        return Tally(
            self.rows, {name: _text(self.sums.get(name, Decimal(0))) for name in self.summed}, f"{self.digest:016x}"
        )


def _text(value: Decimal) -> str:
    """One text for one number: `100` for 1E+2 and for 100.00, `0` for -0."""
    return format(value.normalize(_EXACT), "f") if value else "0"


def count(batches: Iterable[Any], summed: tuple[str, ...]) -> Tally:
    """The tally of record batches."""
    counter = Counter(summed)
    for batch in batches:
        counter.add(batch)
    return counter.tally()


def added(tallies: Iterable[Tally]) -> Tally:
    """What several tallies make together."""
    rows, digest = 0, 0
    sums: dict[str, Decimal] = {}
    for one in tallies:
        rows += one.rows
        digest = (digest + int(one.digest, 16)) % _FULL
        for name, value in one.sums.items():
            sums[name] = _EXACT.add(sums.get(name, Decimal(0)), Decimal(value))
    return Tally(rows, {name: _text(value) for name, value in sums.items()}, f"{digest:016x}")


def negative(tally: Tally) -> Tally:
    """The same rows as removed ones."""
    sums = {name: _text(Decimal(value).copy_negate()) for name, value in tally.sums.items()}
    return Tally(-tally.rows, sums, f"{-int(tally.digest, 16) % _FULL:016x}")
