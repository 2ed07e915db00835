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
        if value.tzinfo is None:
            raise TypeError("A time in canonical JSON must know its zone.")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("Keys of canonical JSON are texts.")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form; floats are refused since they round.")


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; times in UTC with microseconds. Raises TypeError for floats."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(value: Any) -> str:
    """SHA-256 in hexadecimal of bytes, of a text's UTF-8, or of any other value's canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    content = value if isinstance(value, bytes) else canonical_json(value)
    return hashlib.sha256(content).hexdigest()
