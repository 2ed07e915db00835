"""What shapes find wrong with a field is said in both languages."""

from __future__ import annotations

from datetime import date
from typing import Literal

import pytest
from ninja import Schema
from pydantic import ConfigDict, Field, ValidationError

from scoc.core.http.validation import field_error
from scoc.core.schemas import Moment


class _Odd(Schema):
    """One field of each kind."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(1, ge=1, le=5)
    share: float = Field(0.5, gt=0, lt=1)
    sure: bool = True
    word: str = Field("word", min_length=2, max_length=5, pattern="^[a-z]+$")
    words: list[str] = Field([], max_length=2)
    level: Literal["high", "low"] = "high"
    moment: Moment | None = None
    day: date | None = None
    place: dict[str, int] | None = None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "x"), ("number", 0), ("number", 6), ("number", 1.5), ("number", None), ("share", "x"), ("share", 0),
        ("share", 1), ("share", float("nan")), ("sure", "x"), ("word", 1), ("word", "a"), ("word", "abcdef"),
        ("word", "A1"), ("words", "x"), ("words", ["a", "b", "c"]), ("level", "x"), ("moment", "x"),
        ("moment", "2026-06-15T08:00:00"), ("day", "x"), ("place", 1), ("unknown", 1),
    ],
)  # fmt: skip
def test_whatever_is_wrong_with_a_field_is_said_in_the_callers_language(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as found:
        _Odd.model_validate({field: value})
    for item in found.value.errors():
        told = field_error(item)
        assert told.field == field
        assert not told.message.zh.isascii()
        assert "{" not in told.message.zh + told.message.en + told.remedy.en
        assert "不符合要求" not in told.message.zh
        assert told.message.en.isascii()
        assert told.remedy.en
