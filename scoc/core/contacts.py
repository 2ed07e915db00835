"""Persons' names, numbers and addresses (联系人): encrypted, found by keyed hash, masked by viewer.

Each stored field reads `algorithm:key:nonce:ciphertext`, so that keys and algorithms can change row by row.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db.models import Q

from scoc.core import audit
from scoc.core.acting import Actor, Viewer
from scoc.core.models import Contact
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, invalid, no_such
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


def encrypt(text: str, purpose: str) -> str:
    """The stored form of a text; empty stays empty. Each purpose has its key: a number cannot pass for a name."""
    if not text:
        return ""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(derived_key(purpose)).encrypt(nonce, text.encode(), purpose.encode())
    return ":".join((_ALGORITHM, _KEY, base64.b64encode(nonce).decode(), base64.b64encode(sealed).decode()))


def decrypt(stored: str, purpose: str) -> str:
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
    digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", phone))
    if re.fullmatch(r"1[3-9][0-9]{9}|[48]00[0-9]{7}", digits):
        return f"+86{digits}"
    if re.fullmatch(r"\+[0-9]{6,15}", digits):
        return digits
    if re.fullmatch(r"0[1-9][0-9]{8,10}", digits):
        return f"+86{digits[1:]}"
    raise invalid(
        "phone", "This is not a telephone number.", "Give 11 digits, a landline with its area code, or +country.",
        zh="这不是电话号码。",
    )  # fmt: skip


def _national(phone: str) -> str:
    """A stored number as people here dial it."""
    if not phone.startswith("+86"):
        return phone
    digits = phone.removeprefix("+86")
    return digits if re.fullmatch(r"1[3-9][0-9]{9}|[48]00[0-9]{7}", digits) else f"0{digits}"


def _tidy(text: str) -> str:
    return " ".join(text.split())


_FIELDS = ("name", "phone", "email", "address", "id_card")


def _plain(contact: Contact) -> Person:
    return Person(**{field: decrypt(getattr(contact, field), f"contacts.{field}") for field in _FIELDS})


def keep(person: Person, *, staff: bool = False) -> Contact:
    """Store a person, or find the one that is stored with the same fields.

    Somebody with the same number and name but another address is another row: what was said then stays as it was said.
    """
    wanted = Person(
        name=_tidy(person.name), phone=normal_phone(person.phone) if person.phone else "", email=_tidy(person.email),
        address=_tidy(person.address), id_card=_tidy(person.id_card).upper(),
    )  # fmt: skip
    hashes = {
        "name_hash": name_hash(wanted.name) if wanted.name else "",
        "phone_hash": keyed_hash("contact-phone", wanted.phone) if wanted.phone else "",
        "id_card_hash": keyed_hash("contact-id-card", wanted.id_card) if wanted.id_card else "",
    }
    if wanted.phone or wanted.id_card:
        for same in Contact.objects.filter(**hashes, staff=staff, erased_at=None).order_by("id"):
            if _plain(same) == wanted:
                return same
    fields = {field: encrypt(getattr(wanted, field), f"contacts.{field}") for field in _FIELDS}
    return Contact.objects.create(**fields, **hashes, staff=staff, recorded_at=wall_now())


def rename(contact: Contact, name: str) -> None:
    """Give a member of staff another name, in the same row; one who was erased stays so."""
    if contact.erased_at is not None or _plain(contact).name == _tidy(name):
        return
    contact.name = encrypt(_tidy(name), "contacts.name")
    contact.name_hash = name_hash(name)
    contact.save(update_fields=["name", "name_hash"])


def name_hash(name: str) -> str:
    """What a name is found by without being read."""
    return keyed_hash("contact-name", _tidy(name))


def matching(text: str) -> Q:
    """Contacts of which `text` is the whole name, telephone number or identity card, however it is written."""
    condition = Q(name_hash=name_hash(text))
    if re.fullmatch(r"\d{17}[\dXx]", _tidy(text)):
        condition |= Q(id_card_hash=keyed_hash("contact-id-card", _tidy(text).upper()))
    with contextlib.suppress(Invalid):
        condition |= Q(phone_hash=keyed_hash("contact-phone", normal_phone(text)))
    return condition & Q(erased_at=None)


def shown(contact: Contact, persons: str) -> Person:
    """A contact as it may be shown under a grant: `plain`, `masked` (DOMAIN.md 10.3) or `hidden`."""
    if contact.erased_at is not None:
        return Person()
    plain = _plain(contact)
    plain = replace(plain, phone=_national(plain.phone))
    if persons == "plain":
        return plain
    if persons != "masked":
        return Person()
    return Person(
        name=masks.mask_name(plain.name),
        phone=masks.mask_phone(plain.phone),
        email=("***@" + plain.email.rpartition("@")[2]) if plain.email else "",
        address=masks.mask_address(plain.address),
        id_card=masks.mask_id_card(plain.id_card),
    )


def _known(contact_id: int, reason: str) -> Contact:
    if len(reason.strip()) < 4:
        raise invalid("reason", "Say why.", "At least four characters.", zh="请写明理由，至少四个字。")
    contact = Contact.objects.filter(pk=contact_id, erased_at=None).first()
    if contact is None:
        raise no_such("联系人", "contact", f"core:contact-{contact_id}")
    return contact


def view_plain(viewer: Viewer, contact_id: int, reason: str) -> Person:
    """A person's fields in plain, for a stated reason that the audit keeps. The caller checks the permission.

    Raises Invalid without a reason and NotFound for a person that was erased.
    """
    contact = _known(contact_id, reason)
    audit.record(
        viewer, kind="plain", action="core.view_plain", outcome="done", subject=f"core:contact-{contact_id}",
        detail=reason,
    )  # fmt: skip
    return shown(contact, "plain")


def erase(actor: Actor, contact_id: int, reason: str) -> None:
    """Remove a person's fields and their hashes, for a stated reason that the audit keeps. Inside an action."""
    contact = _known(contact_id, reason)
    for name in (*_FIELDS, "name_hash", "phone_hash", "id_card_hash"):
        setattr(contact, name, "")
    contact.erased_at = wall_now()
    contact.save()
    audit.record(
        actor, kind="action", action="core.erase_person", outcome="done", subject=f"core:contact-{contact_id}",
        detail=reason,
    )  # fmt: skip
