"""JSON in and out: Chinese as it is, times whole, and nothing in a text that a database refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.errors import HttpError
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.responses import NinjaJSONEncoder

from scoc.core.refusals import Invalid, invalid

DEEPEST = 40
"""Levels that a JSON body may have."""


class _Encoder(NinjaJSONEncoder):
    def default(self, o: Any) -> Any:
        """Times keep their microseconds: a time that is given back must mean the same moment."""
        if isinstance(o, datetime):
            return o.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return super().default(o)


def rendered(data: Any) -> str:
    """The data as JSON text. Raises ValueError for NaN: what is unknown is null."""
    return json.dumps(data, cls=_Encoder, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class ReadableJson(BaseRenderer):
    """JSON with Chinese characters as they are."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        """The answer's text."""
        return rendered(data)


def unreadable(field: str) -> Invalid:
    """The refusal of a text with NUL or half a character in it."""
    return invalid(
        field, "The text holds a NUL or half a character (a lone surrogate).", "Send whole Unicode characters.",
        code="unreadable_text", zh="文本含有空字符或不完整的字符。",
    )  # fmt: skip


def _no_number(name: str) -> NoReturn:
    raise invalid("body", f"{name} is not JSON.", "Send null where a number is unknown.", zh="数字无效。")


def _unstorable(text: str) -> bool:
    return "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text))


def _check(value: Any, field: str, depth: int = 0) -> None:
    """Raises Invalid for texts that no database takes and for bodies that are nested too deeply."""
    if depth > DEEPEST:
        raise invalid("body", f"It is nested more than {DEEPEST} levels deep.", "Send a flatter body.", zh="嵌套过深。")
    if isinstance(value, str):
        if _unstorable(value):
            raise unreadable(field)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, field, depth)
            _check(item, f"{field}.{key}" if field else key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{field}.{index}", depth + 1)


class CarefulParser(Parser):
    """Reads what callers send. ninja hides what a parser raises behind its own error, which keeps it as its cause."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The JSON body; the type must say so, since a browser sends other types across sites without asking."""
        kind = request.content_type or ""
        if kind != "application/json" and not kind.endswith("+json"):
            raise HttpError(415, "Send application/json.")
        try:
            body: dict[str, Any] = json.loads(request.body, parse_constant=_no_number)
        except RecursionError:
            _check([[]], "", DEEPEST)
            raise
        _check(body, "")
        return body

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """The fields of a query or form."""
        for key, values in data.lists():
            _check(key, "query")
            for value in values:
                _check(value, key)
        return super().parse_querydict(data, list_fields, request)
