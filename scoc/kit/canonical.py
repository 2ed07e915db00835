"""One byte form for one meaning: canonical JSON and its hash, so that equal facts have equal digests."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise TypeError("A time in canonical JSON must know its zone.")
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("Keys of canonical JSON are texts.")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form; floats are refused since they round.")


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with keys sorted by code point and no spaces.

    Holds texts, integers, booleans, null, lists and objects; a time becomes RFC 3339 in UTC with
    microseconds and `Z`, a tuple a list. Raises TypeError for anything else: floats, decimals, sets, keys
    that are no text, times without a zone.
    """
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(value: Any) -> str:
    """SHA-256 in hexadecimal: of bytes as they are, of a text's UTF-8, of anything else's canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    content = value if isinstance(value, bytes) else canonical_json(value)
    return hashlib.sha256(content).hexdigest()
