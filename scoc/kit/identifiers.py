"""Identifiers: our own time-ordered numbers, subject ids, and codes of Chinese standards with checks."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_TIME_BITS = 41
_WORKER_BITS = 10
_SEQUENCE_BITS = 12
WORKERS = 1 << _WORKER_BITS
"""So many sources can give ids beside each other."""
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_CREDIT_FORM = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{9}}")
_COMPONENT_FORM = re.compile(r"[1-9][0-9]{15}")
_SUBJECT_FORM = re.compile(r"([a-z][a-z0-9_.]*):(\S+)")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class IdSource:
    """Gives positive integers of 63 bits that grow with time.

    41 bits are milliseconds since 2020 UTC, 10 the worker, 12 a sequence.
    They grow even when the clock steps back; more than 4096 in one millisecond borrow from the next ones. Two
    sources with different workers never give the same number. Threads may share a source. The numbers exceed
    2^53, so JSON for browsers carries them as texts.
    """

    def __init__(self, worker: int, clock: Callable[[], int] = _wall_ms) -> None:
        """`worker` is 0 to 1023; `clock` gives milliseconds since 1970 UTC."""
        if not 0 <= worker < WORKERS:
            raise ValueError("worker is a number from 0 to 1023")
        self._worker = worker << _SEQUENCE_BITS
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0

    def take(self, count: int = 1) -> list[int]:
        """`count` new ids in growing order. Raises OverflowError after 2089."""
        numbers: list[int] = self.block(count).tolist()
        return numbers

    def block(self, count: int) -> NDArray[np.int64]:
        """As `take`, as a column."""
        if count < 1:
            raise ValueError("count is at least 1")
        with self._lock:
            first = max(self._last + 1, (self._clock() - _EPOCH_MS) << _SEQUENCE_BITS)
            last = first + count - 1
            if last >> _SEQUENCE_BITS >> _TIME_BITS:
                raise OverflowError("41 bits of milliseconds since 2020 are used up.")
            self._last = last
        numbers = np.arange(first, last + 1, dtype=np.int64)
        sequence = (1 << _SEQUENCE_BITS) - 1
        return (numbers >> _SEQUENCE_BITS) << (_WORKER_BITS + _SEQUENCE_BITS) | self._worker | (numbers & sequence)


def first_number_at(wall_ms: int) -> int:
    """No source gives a smaller number from this time on, in milliseconds since 1970 UTC."""
    return max(0, wall_ms - _EPOCH_MS) << (_WORKER_BITS + _SEQUENCE_BITS)


def prefixed(module: str, key: int | str) -> str:
    """The id of one thing in facts, audit and links: `cases:123`. Raises ValueError for another form."""
    subject = f"{module}:{key}"
    parse_subject(subject)
    return subject


def parse_subject(subject: str) -> tuple[str, str]:
    """Module and key of a subject id. Raises ValueError for anything else."""
    match = _SUBJECT_FORM.fullmatch(subject)
    if not match:
        raise ValueError(f"{subject!r} is not a subject id like cases:123")
    return match[1], match[2]


def credit_code_with_check(first17: str) -> str:
    """A unified social credit code (统一社会信用代码, GB 32100) from its first 17 characters.

    1 registrar, 1 type, 6 digits of region, 9 of the organisation. Raises ValueError for another form.
    """
    if not _CREDIT_FORM.fullmatch(first17):
        raise ValueError("17 characters of 0-9 and A-Z without I, O, S, V, Z are needed, 3 to 8 digits")
    total = sum(_CREDIT_ALPHABET.index(c) * w for c, w in zip(first17, _CREDIT_WEIGHTS, strict=True))
    return first17 + _CREDIT_ALPHABET[(31 - total % 31) % 31]


def credit_code_valid(code: str) -> bool:
    """Whether this is a unified social credit code with the right check character."""
    try:
        return len(code) == 18 and credit_code_with_check(code[:17]) == code
    except ValueError:
        return False


def component_code_valid(code: str) -> bool:
    """Whether this is a component code (部件标识码): 16 digits, 6 county, 2 major, 2 minor, 6 serial."""
    return bool(_COMPONENT_FORM.fullmatch(code))
