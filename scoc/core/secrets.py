"""The installation's secret, and the keys derived from it for one purpose each."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def installation_secret(path: Path) -> bytes:
    """The 32 secret bytes in `path`, made on first use and readable by the owner only."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # two processes that start at once agree on the first one's secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        text = path.read_text().strip()
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise SystemExit(f"{path} does not hold a secret of 64 hexadecimal digits; restore it from its backup.")
    return bytes.fromhex(text)


@lru_cache(maxsize=32)
def purpose_key(secret: bytes, purpose: str) -> bytes:
    """A 32-byte key made from the installation's secret for one purpose; it tells nothing of the secret."""
    return HKDF(algorithm=SHA256(), length=32, salt=b"scoc", info=purpose.encode()).derive(secret)


def derived_key(purpose: str) -> bytes:
    """A 32-byte key for one purpose, e.g. `contacts`; no two purposes share a key."""
    from django.conf import settings

    return purpose_key(settings.SCOC_SECRET, purpose)


def keyed_hash(purpose: str, text: str) -> str:
    """HMAC-SHA256 of `text` in hexadecimal: equal texts can be found again, but not read or guessed offline."""
    return hmac.new(derived_key(purpose), text.encode(), hashlib.sha256).hexdigest()
