"""Why something was not done: refusals with a code, a sentence in both languages, the field and the remedy."""

from __future__ import annotations

from dataclasses import dataclass

from scoc.kit.text import Text


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the input, and what to do about it."""

    field: str
    message: Text
    remedy: Text
    """In Chinese it is empty where the message says what to do as well."""


class Refusal(Exception):
    """An action or query that was not carried out. Nothing was changed."""

    status = 409
    outcome = "refused"

    def __init__(self, code: str, message: Text, *, subject: str = "", errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(f"{code}: {message.en}")
        self.code = code
        self.message = message
        self.subject = subject
        self.errors = errors


class NotAllowed(Refusal):
    """The acting post may not do this. Default is deny."""

    status = 403


class NotFound(Refusal):
    """There is no such thing, or the viewer may not know of it."""

    status = 404
    outcome = "not found"


class Invalid(Refusal):
    """The input does not fit; `errors` names fields and remedies."""

    status = 422
    outcome = "invalid"


class Stale(Refusal):
    """Somebody else changed it since it was read."""

    status = 412
    outcome = "stale"


class TooMuch(Refusal):
    """A quota or limit is used up; try again after `retry_after` seconds."""

    status = 429
    outcome = "too much"

    def __init__(self, code: str, message: Text, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


def no_such(kind_zh: str, kind_en: str, subject: str) -> NotFound:
    """A NotFound for one thing by its subject id."""
    return NotFound(
        "not_found",
        Text(f"没有这个{kind_zh}，或您无权查看。", f"No such {kind_en}, or you may not see it."),
        subject=subject,
    )


def invalid(field: str, message: str, remedy: str, *, zh: str, code: str = "invalid") -> Invalid:
    """An Invalid about one field; `zh` is the message in Chinese, which says what to do where that is not plain."""
    told = Text(zh, message)
    return Invalid(code, told, errors=(FieldError(field, told, Text("", remedy)),))
