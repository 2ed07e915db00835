"""What a password must be (密码策略, DOMAIN.md 6.3): long, of several kinds of characters, not one that many use."""

from __future__ import annotations

from functools import lru_cache

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from scoc.core.refusals import Invalid, invalid

LONGEST = 200


def kinds_in(password: str) -> int:
    """How many of the four kinds are in it: capitals, small letters, digits, other characters."""
    capital = any(character.isupper() for character in password)
    small = any(character.islower() for character in password)
    digit = any(character.isdigit() for character in password)
    other = any(not character.isalnum() or (character.isalpha() and character.lower() == character.upper())
                for character in password)  # fmt: skip
    return capital + small + digit + other


@lru_cache(maxsize=1)
def _common() -> CommonPasswordValidator:
    """The list of twenty thousand, read once: a pack has hundreds of passwords to look at."""
    return CommonPasswordValidator()


def what_is_wrong(password: str, username: str, *, length: int, kinds: int) -> Invalid | None:
    """Why a password cannot be taken; None when it can."""
    if not length <= len(password) <= LONGEST:
        return invalid(
            "password", f"A password has at least {length} characters.", "Take a longer one, e.g. three words.",
            code="weak_password", zh=f"密码至少 {length} 个字符。",
        )  # fmt: skip
    if kinds_in(password) < kinds:
        return invalid(
            "password", f"A password has {kinds} of: capitals, small letters, digits, other characters.",
            "Add the kinds that are missing.",
            code="weak_password", zh=f"密码应包含大写字母、小写字母、数字、其他字符中的 {kinds} 类。",
        )  # fmt: skip
    if username and username.lower() in password.lower():
        return invalid(
            "password", "A password does not hold the user name.", "Take another one.",
            code="weak_password", zh="密码不得包含用户名。",
        )  # fmt: skip
    try:
        _common().validate(password)
    except ValidationError:
        return invalid(
            "password", "This password is one that many people use.", "Take another one.",
            code="weak_password", zh="该密码过于常见。",
        )  # fmt: skip
    return None
