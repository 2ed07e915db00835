"""Texts that people read, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """One meaning in two languages."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        """The text in `zh` or `en` (or a tag that starts so); the other one where it is empty."""
        first, second = (self.en, self.zh) if language.lower().startswith("en") else (self.zh, self.en)
        return first or second

    def as_dict(self) -> dict[str, str]:
        """`{"zh": …, "en": …}`."""
        return {"zh": self.zh, "en": self.en}

    @classmethod
    def from_dict(cls, values: Mapping[str, str]) -> Text:
        """The text of a dict with `zh` and `en`; a missing one is empty."""
        return cls(values.get("zh", ""), values.get("en", ""))
