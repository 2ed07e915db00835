"""Texts come in the reader's language."""

from __future__ import annotations

import pytest

from scoc.kit.text import Text


@pytest.mark.parametrize(
    ("text", "language", "shown"),
    [
        (Text("城市", "City"), "en", "City"),
        (Text("城市", "City"), "EN-gb", "City"),
        (Text("城市", "City"), "zh-hans", "城市"),
        (Text("城市", "City"), "fr", "城市"),
        (Text("城市", ""), "en-GB", "城市"),
        (Text("", "City"), "zh", "City"),
    ],
)
def test_language(text: Text, language: str, shown: str) -> None:
    """The reader's language is taken, and the other one where it is missing."""
    assert text.in_(language) == shown


def test_dict() -> None:
    """A text survives the way through a dict; a missing language is empty."""
    assert Text.from_dict(Text("城市", "City").as_dict()) == Text("城市", "City")
    assert Text.from_dict({"zh": "城市"}) == Text("城市", "")
