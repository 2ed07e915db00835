"""Our ids grow, and codes of the standards are checked."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.identifiers import (
    IdSource,
    component_code_valid,
    credit_code_valid,
    credit_code_with_check,
    parse_subject,
    prefixed,
)

START = 1_577_836_800_000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(START - 5000, START + 5000), st.integers(1, 6000)), max_size=8))
def test_ids_grow_whatever_the_clock_does(calls: list[tuple[int, int]]) -> None:
    """With a clock that jumps, also to before the epoch, ids are positive, never repeat and always grow."""
    times = iter([moment for moment, _ in calls])
    source = IdSource(3, lambda: next(times))
    ids = [number for _, count in calls for number in source.take(count)]
    assert all(b > a for a, b in pairwise(ids))
    assert all(0 < number < 2**63 for number in ids)


def test_layout() -> None:
    """41 bits of milliseconds since 2020, 10 of worker, 12 of sequence."""
    source = IdSource(5, lambda: START + 7)
    assert source.take(2) == [7 << 22 | 5 << 12, 7 << 22 | 5 << 12 | 1]
    assert source.take() == [7 << 22 | 5 << 12 | 2]
    assert source.take(4096)[-1] == 8 << 22 | 5 << 12 | 2


def test_workers_do_not_meet() -> None:
    """Two workers at the same moment give different ids."""
    one, two = IdSource(0, lambda: START + 1), IdSource(1023, lambda: START + 1)
    assert not set(one.take(5000)) & set(two.take(5000))


def test_limits() -> None:
    """Workers beyond ten bits, empty blocks and times beyond 41 bits are refused."""
    for worker in (-1, 1024):
        with pytest.raises(ValueError, match="worker"):
            IdSource(worker)
    with pytest.raises(ValueError, match="count"):
        IdSource(0).take(0)
    with pytest.raises(OverflowError):
        IdSource(0, lambda: START + (1 << 41)).take()


def test_threads_share_a_source() -> None:
    """Threads that share a source never get the same id."""
    source = IdSource(77)
    found: list[int] = []

    def fill() -> None:
        for _ in range(500):
            found.extend(source.take())

    threads = [threading.Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2000
    assert {number >> 12 & 1023 for number in found} == {77}


def test_subjects() -> None:
    """A subject id has a module and a key; the key may hold colons, not spaces."""
    assert prefixed("cases", 123) == "cases:123"
    assert parse_subject("cases:123") == ("cases", "123")
    assert parse_subject("core:calendar-2025") == ("core", "calendar-2025")
    assert parse_subject("datahub:urn:x") == ("datahub", "urn:x")
    for bad in ("cases", "cases:", ":1", "Cases:1", "cases:1 2", "cases:1\n"):
        with pytest.raises(ValueError, match="subject"):
            parse_subject(bad)
    with pytest.raises(ValueError, match="subject"):
        prefixed("cases", "")


def test_credit_code_sample() -> None:
    """The sample of DOMAIN.md 10.2 is valid; other forms are not."""
    assert credit_code_with_check("91350100M000100Y4") == "91350100M000100Y43"
    assert credit_code_valid("91350100M000100Y43")
    bad = ("91350100M000100Y44", "91350100m000100y43", "91350100M000100Y4", "", "9135010OM000100Y43")
    assert not any(credit_code_valid(code) for code in bad)
    with pytest.raises(ValueError, match="17 characters"):
        credit_code_with_check("I1350100M000100Y4")


@settings(deadline=None)
@given(st.from_regex(r"\A[1-9AY][1-9][0-9]{6}[0-9A-HJ-NP-RTUW-Y]{9}\Z"), st.integers(0, 16), st.integers(1, 9))
def test_credit_code_notices_a_changed_digit(first17: str, place: int, step: int) -> None:
    """Every code made is valid, and one changed digit makes it invalid."""
    code = credit_code_with_check(first17)
    assert credit_code_valid(code)
    if code[place].isdigit():
        other = code[:place] + str((int(code[place]) + step) % 10) + code[place + 1 :]
        assert not credit_code_valid(other)


def test_component_codes() -> None:
    """Sixteen digits, no more, no letters."""
    assert component_code_valid("3205080101000001")
    assert not any(component_code_valid(c) for c in ("320508010100000", "320508010100000X", "３205080101000001"))
