"""Canonical JSON has one form for one meaning."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.canonical import canonical_json, digest

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


def test_form() -> None:
    """Keys are sorted, nothing is padded, Chinese stays readable."""
    assert canonical_json({"b": 1, "a": ["中", None, True]}) == '{"a":["中",null,true],"b":1}'.encode()


def test_times_are_utc_with_microseconds() -> None:
    """One moment has one form, whatever zone it was told in."""
    china = timezone(timedelta(hours=8))
    moment = datetime(2025, 1, 2, 8, 0, 0, 5, tzinfo=china)
    assert canonical_json(moment) == b'"2025-01-02T00:00:00.000005Z"'
    assert canonical_json(moment.astimezone(UTC)) == canonical_json(moment)


@pytest.mark.parametrize(
    "bad",
    [
        1.5,
        float("nan"),
        Decimal("1.5"),
        {1: 2},
        {"x": {3}},
        {"x": [0.1]},
        b"bytes",
        datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(bad: Any) -> None:
    """Floats, sets, keys that are no text and times without zone are an error."""
    with pytest.raises(TypeError):
        canonical_json(bad)


@settings(deadline=None)
@given(plain)
def test_round_trip(value: Any) -> None:
    """Reading the bytes gives the value back, and the value gives the same bytes again."""
    content = canonical_json(value)
    assert json.loads(content) == value
    assert canonical_json(json.loads(content)) == content


def test_digest() -> None:
    """The order of keys does not matter; texts and bytes are hashed as they are."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    assert digest("城市") == digest("城市".encode()) == hashlib.sha256("城市".encode()).hexdigest()
