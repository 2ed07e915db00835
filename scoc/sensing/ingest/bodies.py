"""Readings as senders write them in JSON, checked one by one; the same at every door."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from scoc.sensing.ingest.checking import Checked, Row
from scoc.sensing.ingest.directory import KnownDevice

_FIELDS = frozenset({"device_key", "property", "at", "value", "dedup_key"})


class _Twice(dict[str, Any]):
    """A JSON object in which a field stands twice: nobody knows which one is meant."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Twice(made)


def decoded(body: bytes) -> Any:
    """JSON, and the NaN and Infinity that some senders write, so that they fail alone. Raises ValueError."""
    try:
        content = msgspec.json.decode(body)
        if not _more_quotes(body, content):
            return content
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(body, parse_int=_whole, object_pairs_hook=_once)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _more_quotes(body: bytes, content: Any) -> bool:
    """Whether the text has more quotes than its readings need: then a field may stand twice, which is looked for."""
    items = content if isinstance(content, list) else [content]
    texts = sum(
        len(item) + sum(isinstance(value, str) for value in item.values()) for item in items if isinstance(item, dict)
    )
    return body.count(b'"') != 2 * texts


def _whole(text: str) -> int | float:
    """An integer; one that no number type holds is infinite, and fails alone."""
    return int(text) if len(text) < 400 else math.inf


def _row(item: dict[str, Any], device: KnownDevice) -> Row:
    """What is said of a reading; whatever device it names, it is accounted as one of its sender."""
    at = item.get("at")
    return (
        device.key, item.get("property"), at if isinstance(at, str) else None,
        item.get("value"), item.get("dedup_key"),
    )  # fmt: skip


def check_items(items: list[Any], device: KnownDevice, checked: Checked) -> None:
    """Check what one device sent; it speaks for itself only."""
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            nothing = (device.key, "", None, None, None)
            checked.refuse(position, nothing, "malformed", "a reading is a JSON object", raw=str(item)[:300])
            continue
        row, named = _row(item, device), item.get("device_key", device.key)
        if isinstance(item, _Twice):
            checked.refuse(position, row, "malformed", "a field stands twice")
        elif not item.keys() <= _FIELDS:
            extra = ", ".join(sorted(str(name)[:40] for name in item.keys() - _FIELDS)[:5])
            checked.refuse(position, row, "malformed", f"unknown fields: {extra}")
        elif not isinstance(named, str):
            checked.refuse(position, row, "wrong_type", "device and property are texts")
        elif named != device.key:
            checked.refuse(position, row, "other_device", f"the credential is not that of {named[:60]}")
        else:
            checked.add(position, row, device)
