"""Persons' names, numbers and addresses (联系人): encrypted, found by keyed hash, masked by viewer.

Each stored field reads `algorithm:key:nonce:ciphertext`, so that keys and algorithms can change row by row.
"""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from scoc.core import audit
from scoc.core.acting import Viewer
from scoc.core.models import Contact
from scoc.core.now import wall_now
from scoc.core.refusals import invalid
from scoc.core.secrets import derived_key, keyed_hash
from scoc.kit import masks

_ALGORITHM = "A256GCM"
_KEY = "k1"


@dataclass(frozen=True, slots=True)
class Person:
    """A person's fields in plain; every field may be empty."""

    name: str = ""
    phone: str = ""
    email: str = ""
    address: str = ""
    id_card: str = ""


def encrypt(text: str, purpose: str = "contacts") -> str:
    """The stored form of a text; empty stays empty."""
    if not text:
        return ""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(derived_key(purpose)).encrypt(nonce, text.encode(), purpose.encode())
    return ":".join((_ALGORITHM, _KEY, base64.b64encode(nonce).decode(), base64.b64encode(sealed).decode()))


def decrypt(stored: str, purpose: str = "contacts") -> str:
    """The plain text of a stored field. Raises ValueError when it was made with another key or changed."""
    if not stored:
        return ""
    algorithm, key, nonce, sealed = stored.split(":")
    if (algorithm, key) != (_ALGORITHM, _KEY):
        raise ValueError(f"Stored with {algorithm}/{key}, which this installation does not have.")
    try:
        plain = AESGCM(derived_key(purpose)).decrypt(
            base64.b64decode(nonce), base64.b64decode(sealed), purpose.encode()
        )
    except InvalidTag as error:
        raise ValueError("The field was encrypted with another secret or was changed.") from error
    return plain.decode()


def normal_phone(phone: str) -> str:
    """A mainland or international number as E.164. Raises Invalid for what is not a number."""
    digits = re.sub(r"[\s\-()（）]", "", phone)
    if re.fullmatch(r"1[3-9]\d{9}", digits):
        return f"+86{digits}"
    if re.fullmatch(r"\+\d{6,15}", digits):
        return digits
    if re.fullmatch(r"0\d{9,11}", digits):
        return f"+86{digits[1:]}"
    raise invalid(
        "phone", "This is not a telephone number.", "Give 11 digits, a landline with its area code, or +country.",
        zh="这不是电话号码。",
    )  # fmt: skip


def keep(person: Person, *, staff: bool = False) -> Contact:
    """Store a person, or find the one with the same name and number."""
    phone = normal_phone(person.phone) if person.phone else ""
    name_hash = keyed_hash("contact-name", person.name) if person.name else ""
    phone_hash = keyed_hash("contact-phone", phone) if phone else ""
    if phone_hash:
        same = Contact.objects.filter(phone_hash=phone_hash, name_hash=name_hash, staff=staff, erased_at=None).first()
        if same is not None:
            return same
    return Contact.objects.create(
        name=encrypt(person.name), phone=encrypt(phone), email=encrypt(person.email),
        address=encrypt(person.address), id_card=encrypt(person.id_card), name_hash=name_hash,
        phone_hash=phone_hash, staff=staff, recorded_at=wall_now(),
        id_card_hash=keyed_hash("contact-id-card", person.id_card.upper()) if person.id_card else "",
    )  # fmt: skip


def find_by_phone(phone: str) -> list[int]:
    """Ids of the contacts with this number."""
    return list(
        Contact.objects.filter(phone_hash=keyed_hash("contact-phone", normal_phone(phone)), erased_at=None)
        .order_by("id")
        .values_list("id", flat=True)
    )


def shown(contact: Contact, persons: str) -> Person:
    """A contact as it may be shown under a grant: `plain`, `masked` (DOMAIN.md 10.3) or `hidden`."""
    if persons == "hidden" or contact.erased_at is not None:
        return Person()
    plain = Person(
        decrypt(contact.name), decrypt(contact.phone).removeprefix("+86"), decrypt(contact.email),
        decrypt(contact.address), decrypt(contact.id_card),
    )  # fmt: skip
    if persons == "plain":
        return plain
    return Person(
        name=masks.mask_name(plain.name),
        phone=masks.mask_phone(plain.phone),
        email=("***@" + plain.email.rpartition("@")[2]) if plain.email else "",
        address=masks.mask_address(plain.address),
        id_card=masks.mask_id_card(plain.id_card),
    )


def view_plain(viewer: Viewer, contact_id: int, reason: str) -> Person:
    """A person's fields in plain, for a stated reason that the audit keeps. The caller checks the permission."""
    if len(reason.strip()) < 4:
        raise invalid("reason", "Say why you need the plain value.", "At least four characters.", zh="请写明查看理由。")
    contact = Contact.objects.get(pk=contact_id)
    audit.record(
        viewer, kind="plain", action="core.view_plain", outcome="done", subject=f"core:contact-{contact_id}",
        detail=reason,
    )  # fmt: skip
    return shown(contact, "plain")
