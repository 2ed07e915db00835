"""The form of a device's credential: `scocd_`, a secret of 43 characters, `_`, the device's key."""

from __future__ import annotations

import re
import secrets

CREDENTIAL_PURPOSE = "device-credential"
_FORM = re.compile(rb"^scocd_([A-Za-z0-9_\-]{43})_([A-Za-z0-9][A-Za-z0-9_.\-]{0,59})$")


def new_secret() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def token_of(key: str, secret: str) -> str:
    """What a device sends as its bearer token."""
    return f"scocd_{secret}_{key}"


def parse_token(token: bytes) -> tuple[str, str] | None:
    """Key and secret of a token; None for another form."""
    match = _FORM.match(token)
    return (match[2].decode(), match[1].decode()) if match else None
