"""Tallies: exact, independent of order and parts, and different where one value is."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoc.lake.schemas import Tally
from scoc.lake.tallies import added, count, negative
from scoc.lake.tests.factories import make_rows

SUMMED = ("sensor", "price")


def test_order_and_parts_play_no_part() -> None:
    whole = make_rows(500)
    order = list(range(500))
    random.Random(1).shuffle(order)
    mixed = whole.take(pa.array(order))
    parts = [mixed.slice(0, 1), mixed.slice(1, 300), mixed.slice(301)]
    assert count(parts, SUMMED) == count([whole], SUMMED)
    assert added(count([part], SUMMED) for part in parts) == count([whole], SUMMED)
    gone = count([mixed.slice(301)], SUMMED)
    assert added([count([whole], SUMMED), negative(gone)]) == count([mixed.slice(0, 301)], SUMMED)


CHANGES: dict[str, list[Any]] = {
    "bool": [False, True, None], "int8": [0, 1, -1, 127, None], "int64": [0, 1, -(2**63), 2**63 - 1, None],
    "float": [0.0, -0.0, 1.5, float("inf"), None], "double": [0.0, -0.0, 1e-308, float("inf"), float("nan"), None],
    "string": ["", "a", "b", "中", "中文", None], "binary": [b"", b"\x00", b"\x00\x00", None],
    "date32[day]": [0, 1, -1, None], "timestamp[us, tz=UTC]": [0, 1, -1, None],
    "decimal128(38, 2)": [Decimal("0.00"), Decimal("0.01"), Decimal(2) ** 64, Decimal(-(2**64)), Decimal("1e35"), None],
}  # fmt: skip
KINDS = {
    "bool": pa.bool_(), "int8": pa.int8(), "int64": pa.int64(), "float": pa.float32(), "double": pa.float64(),
    "string": pa.string(), "binary": pa.binary(), "date32[day]": pa.date32(),
    "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"), "decimal128(38, 2)": pa.decimal128(38, 2),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_every_value_has_a_digest_of_its_own(kind: str) -> None:
    digests = [count([pa.record_batch({"x": pa.array([value], KINDS[kind])})], ()).digest for value in CHANGES[kind]]
    assert len(set(digests)) == len(digests)
    whole = pa.record_batch({"x": pa.array(CHANGES[kind], KINDS[kind])})
    assert added(Tally(1, {}, digest) for digest in digests) == count([whole], ())
    assert count([whole.slice(1, 1)], ()).digest == digests[1], "a slice is read from its own place"


def test_values_that_change_places_are_noticed() -> None:
    one = pa.record_batch({"sensor": [1, 2], "value": [5, 6]})
    other = pa.record_batch({"sensor": [1, 2], "value": [6, 5]})
    turned = pa.record_batch({"sensor": [5, 6], "value": [1, 2]})
    assert len({count([batch], ("sensor",)).digest for batch in (one, other, turned)}) == 3


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_sums_of_integers_are_exact(numbers: list[int]) -> None:
    batch = pa.record_batch({"n": pa.array([*numbers, None], pa.int64())})
    assert count([batch, batch], ("n",)).sums == {"n": str(2 * sum(numbers))}


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1), max_size=50))
def test_sums_of_decimals_are_exact(numbers: list[int]) -> None:
    values = [Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -4)) for number in numbers]
    batch = pa.record_batch({"n": pa.array([*values, None], pa.decimal128(38, 4))})
    whole, _, part = count([batch, batch], ("n",)).sums["n"].partition(".")
    assert int(whole + part.ljust(4, "0")) == 2 * sum(numbers)


def test_a_tally_is_plain_text_whatever_the_scale() -> None:
    batch = pa.record_batch({"n": pa.array([Decimal("100.00"), Decimal("-100.00")], pa.decimal128(12, 2))})
    assert count([batch], ("n",)).sums == {"n": "0"}
    assert count([batch.slice(0, 1)], ("n",)).sums == {"n": "100"}
    assert negative(count([batch], ("n",))).sums == {"n": "0"}
    assert count([pa.record_batch({"n": pa.array([datetime(2026, 1, 1, tzinfo=UTC)])})], ()).rows == 1
