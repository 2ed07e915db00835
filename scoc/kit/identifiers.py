"""Identifiers: time-ordered numbers of our own, subject ids, and the codes of Chinese standards with their checks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_WORKER_BITS = 10
_SEQUENCE_BITS = 12
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
AREA_LEVELS = {6: "district", 9: "street", 12: "community", 15: "grid"}


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class IdSource:
    """Gives 63-bit integers that grow with time: 41 bits of milliseconds since 2020, 10 of worker, 12 of sequence.

    They grow even when the clock steps back, and more than 4096 in a millisecond borrow from the next ones.
    """

    def __init__(self, worker: int, clock: Callable[[], int] = _wall_ms) -> None:
        if not 0 <= worker < 1 << _WORKER_BITS:
            raise ValueError("worker is a number from 0 to 1023")
        self._worker = worker
        self._clock = clock
        self._lock = threading.Lock()
        self._ticks = 0

    def take(self, count: int = 1) -> list[int]:
        """`count` new ids in growing order."""
        with self._lock:
            now = (self._clock() - _EPOCH_MS) << _SEQUENCE_BITS
            first = max(self._ticks + 1, now)
            self._ticks = first + count - 1
        mask = (1 << _SEQUENCE_BITS) - 1
        high = _WORKER_BITS + _SEQUENCE_BITS
        worker = self._worker << _SEQUENCE_BITS
        return [(t >> _SEQUENCE_BITS) << high | worker | (t & mask) for t in range(first, first + count)]


def subject_id(module: str, key: int | str) -> str:
    """The id of one thing in facts, audit and links: `cases:123`."""
    return f"{module}:{key}"


def parse_subject(subject: str) -> tuple[str, str]:
    """Module and key of a subject id. Raises ValueError for anything else."""
    module, colon, key = subject.partition(":")
    if not colon or not module or not key:
        raise ValueError(f"{subject!r} is not a subject id like cases:123")
    return module, key


def credit_code_with_check(first17: str) -> str:
    """A unified social credit code (GB 32100) from its first 17 characters. Raises ValueError for a wrong letter."""
    if len(first17) != 17 or any(c not in _CREDIT_ALPHABET for c in first17):
        raise ValueError("17 characters of 0-9 and A-Z without I, O, S, V, Z are needed")
    total = sum(_CREDIT_ALPHABET.index(c) * w for c, w in zip(first17, _CREDIT_WEIGHTS, strict=True))
    return first17 + _CREDIT_ALPHABET[(31 - total % 31) % 31]


def credit_code_valid(code: str) -> bool:
    """Whether this is a unified social credit code with the right check character."""
    try:
        return len(code) == 18 and credit_code_with_check(code[:17]) == code
    except ValueError:
        return False


def resident_id_valid(number: str) -> bool:
    """Whether this is an 18-digit resident identity number (GB 11643) with the right check character."""
    number = number.upper()
    if len(number) != 18 or not number[:17].isascii() or not number[:17].isdigit():
        return False
    total = sum(int(c) * w for c, w in zip(number, _RESIDENT_WEIGHTS, strict=False))
    return _RESIDENT_CHECKS[total % 11] == number[17]


def component_code_valid(code: str) -> bool:
    """Whether this is a 16-digit component identity code: 6 county, 2 major, 2 minor, 6 serial."""
    return len(code) == 16 and code.isascii() and code.isdigit()
