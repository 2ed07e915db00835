"""Persons: encrypted, found by keyed hash, masked by viewer, erased for good; and kept out of logs and audit."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from django.db import connection

from scoc.core import administration
from scoc.core.contacts import Person, decrypt, encrypt, keep, matching, normal_phone, shown
from scoc.core.logs import MaskPersons
from scoc.core.models import AuditEntry, Contact, FactRow, Installation
from scoc.core.refusals import Invalid, NotAllowed, NotFound, TooMuch
from scoc.core.remembered import forget_all
from scoc.core.secrets import derived_key, keyed_hash
from scoc.core.tests.factories import SETTINGS, City, browser, make_actor

HOME = "滨海区海滨街道滨海社区海滨路 18 号 3 栋 201 室"
ZHANG = Person("张三丰", "138 1234 5678", "zhang@example.cn", HOME,
               "11010519491231002x")  # fmt: skip


def test_nothing_of_a_person_stands_in_the_database_in_plain(city: City) -> None:
    row = keep(ZHANG)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM core_contact WHERE id = %s", [row.pk])
        stored = str(cursor.fetchone())
    for part in ("张三丰", "13812345678", "zhang", "海滨", "11010519491231002"):
        assert part not in stored
    assert stored.count("A256GCM:k1:") == 5


def test_a_person_is_shown_plain_masked_or_hidden(city: City) -> None:
    row = keep(ZHANG)
    assert shown(row, "plain") == Person(
        "张三丰",
        "13812345678",
        "zhang@example.cn",
        "滨海区海滨街道滨海社区海滨路 18 号 3 栋 201 室",
        "11010519491231002X",
    )
    assert shown(row, "masked") == Person(
        "张**", "138****5678", "***@example.cn", "滨海区海滨街道滨海社区***", "110***********002X"
    )
    assert shown(row, "hidden") == Person()
    assert shown(row, "something else") == Person()


def test_a_landline_is_shown_as_it_is_dialled(city: City) -> None:
    row = keep(Person(phone="010-12345678"))
    assert decrypt(row.phone, "contacts.phone") == "+861012345678"
    assert shown(row, "plain").phone == "01012345678"
    assert shown(row, "masked").phone == "010-****5678"
    assert shown(keep(Person(phone="+442079460000")), "plain").phone == "+442079460000"
    assert shown(keep(Person(phone="4008001234")), "plain").phone == "4008001234"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("13812345678", "+8613812345678"),
        ("+86 138-1234-5678", "+8613812345678"),
        ("１３８１２３４５６７８", "+8613812345678"),
        ("（010）12345678", "+861012345678"),
        ("0755-1234567", "+867551234567"),
    ],
)
def test_one_number_has_one_form(given: str, stored: str) -> None:
    assert normal_phone(given) == stored


@pytest.mark.parametrize("given", ["", "12345", "1381234567", "138123456789", "abc", "+1", "١٣٨x", "0012345678"])
def test_what_is_no_number_is_refused(given: str) -> None:
    with pytest.raises(Invalid):
        normal_phone(given)


def found(text: str) -> list[int]:
    return list(Contact.objects.filter(matching(text)).order_by("id").values_list("id", flat=True))


def test_people_are_found_by_number_however_it_is_written(city: City) -> None:
    row = keep(ZHANG)
    other = keep(Person("李四", "+86 13812345678"))
    keep(Person("王五", "13912345678"))
    assert found("138-1234-5678") == [row.pk, other.pk]


def test_the_same_person_is_kept_once_and_another_statement_is_another_row(city: City) -> None:
    row = keep(ZHANG)
    untidy = Person(f" {ZHANG.name} ", "+8613812345678", ZHANG.email, f"{HOME}  ", ZHANG.id_card.upper())
    assert keep(untidy).pk == row.pk
    moved = keep(Person(ZHANG.name, ZHANG.phone, ZHANG.email, "西区别处", ZHANG.id_card))
    assert moved.pk != row.pk
    assert shown(row, "plain").address != shown(moved, "plain").address
    assert keep(ZHANG, staff=True).pk != row.pk
    assert keep(Person("无名")).pk != keep(Person("无名")).pk  # a name alone says not who it is


def test_a_ciphertext_is_bound_to_its_field_and_key(city: City) -> None:
    row = keep(ZHANG)
    with pytest.raises(ValueError, match="another secret"):
        decrypt(row.phone, "contacts.name")
    changed = row.phone[:-4] + ("AAAA" if row.phone[-4:] != "AAAA" else "BBBB")
    with pytest.raises(ValueError, match="another secret"):
        decrypt(changed, "contacts.phone")
    with pytest.raises(ValueError, match="does not have"):
        decrypt(row.phone.replace("k1", "k9", 1), "contacts.phone")
    assert encrypt("x", "contacts.name") != encrypt("x", "contacts.name")
    assert encrypt("", "contacts.name") == ""


def test_keys_and_hashes_differ_by_purpose() -> None:
    assert derived_key("a") != derived_key("b")
    assert keyed_hash("a", "13812345678") != keyed_hash("b", "13812345678")
    assert len(keyed_hash("a", "x")) == 64


# Seeing in plain


def test_plain_needs_permission_reason_and_leaves_its_trace(city: City) -> None:
    row = keep(ZHANG)
    viewer = make_actor("core.view_plain", persons="plain")
    person = administration.view_person(viewer, row.pk, "回访核实 13812345678")
    assert person.name == "张三丰"
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.outcome, entry.subject) == ("plain", "done", f"core:contact-{row.pk}")
    assert entry.detail == "回访核实 138****5678"
    with pytest.raises(Invalid):
        administration.view_person(viewer, row.pk, "   x ")
    with pytest.raises(NotFound):
        administration.view_person(viewer, 999_999, "回访核实")


@pytest.mark.parametrize(("persons", "scope"), [("masked", "city"), ("hidden", "city"), ("plain", "unit")])
def test_a_grant_that_shows_no_plain_gives_none(city: City, persons: str, scope: str) -> None:
    viewer = make_actor("core.view_plain", persons=persons, scope=scope)
    with pytest.raises(NotAllowed):
        administration.view_person(viewer, keep(ZHANG).pk, "回访核实")


def test_plain_views_are_limited_by_the_hour(city: City, later: Callable[[float], None]) -> None:
    Installation.objects.update(settings={**SETTINGS, "security": {"plain_views_per_hour": 2}})
    forget_all()
    row = keep(ZHANG)
    viewer, other = (make_actor("core.view_plain", persons="plain") for _ in range(2))
    for _ in range(2):
        administration.view_person(viewer, row.pk, "回访核实")
    with pytest.raises(TooMuch):
        administration.view_person(viewer, row.pk, "回访核实")
    administration.view_person(other, row.pk, "回访核实")
    later(3601)
    administration.view_person(viewer, row.pk, "回访核实")


def test_plain_over_http(city: City) -> None:
    row = keep(ZHANG)
    client = browser(make_actor("core.view_plain", persons="plain"))
    address = f"/api/v1/core/contacts/{row.pk}/plain"
    answer = client.post(address, {"reason": "回访核实"}, "application/json", headers={"Idempotency-Key": "12345678"})
    assert answer.json()["phone"] == "13812345678"
    assert "id_card" not in answer.json()
    assert answer["Cache-Control"] == "no-store"
    with connection.cursor() as cursor:  # the answer is kept for a repeat, but not readably
        cursor.execute("SELECT body FROM core_idempotency")
        assert cursor.fetchone()[0].startswith("A256GCM:")
    assert (
        client.post("/api/v1/core/contacts/999999/plain", {"reason": "回访核实"}, "application/json").status_code == 404
    )


# Erasure


def test_an_erased_person_is_gone_for_good_and_the_facts_stay(city: City) -> None:
    row = keep(ZHANG)
    actor = make_actor("core.erase_person", "core.view_plain", persons="plain")
    administration.erase_person(actor, row.pk, "本人申请删除")
    row.refresh_from_db()
    assert [getattr(row, field.name) for field in Contact._meta.fields if field.name not in
            ("id", "staff", "recorded_at", "erased_at")] == [""] * 8  # fmt: skip
    assert shown(row, "plain") == Person()
    assert found(ZHANG.phone) == []
    assert keep(ZHANG).pk != row.pk
    with pytest.raises(NotFound):
        administration.erase_person(actor, row.pk, "本人申请删除")
    with pytest.raises(NotFound):
        administration.view_person(actor, row.pk, "回访核实")
    fact = FactRow.objects.get()
    assert (fact.name, fact.subject) == ("core.person_erased", f"core:contact-{row.pk}")
    assert AuditEntry.objects.get(action="core.erase_person", outcome="done").detail == "本人申请删除"
    with pytest.raises(NotAllowed):
        administration.erase_person(make_actor("core.erase_person", scope="unit"), keep(ZHANG).pk, "本人申请删除")


# Logs


class Kept(logging.Handler):
    """Keeps formatted lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.addFilter(MaskPersons())
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> tuple[logging.Logger, Kept]:
    """A logger with SCOC's filter."""
    logger, handler = logging.Logger("tests"), Kept()
    logger.addHandler(handler)
    return logger, handler


def test_logs_mask_numbers_in_message_arguments_and_traceback(log: tuple[logging.Logger, Kept]) -> None:
    logger, kept = log
    logger.info("call %s of %s", "13812345678", {"id": "11010519491231002X"})
    try:
        raise ValueError("no such number 13812345678")
    except ValueError:
        logger.exception("failed for 13912345678", stack_info=True)
    told = "\n".join(kept.lines)
    assert "138****5678" in told
    assert "139****5678" in told
    assert "ValueError: no such number 138****5678" in told
    for number in ("13812345678", "13912345678", "11010519491231002X"):
        assert number not in told


def test_half_a_character_is_written_as_its_number(log: tuple[logging.Logger, Kept]) -> None:
    logger, kept = log
    logger.info("got %s", "\ud800")
    assert kept.lines == ["got \\ud800"]


def test_a_log_line_with_wrong_arguments_fails_nobody(log: tuple[logging.Logger, Kept]) -> None:
    logger, kept = log
    logger.info("%d calls of %s", "many 13812345678")
    assert "138****5678" in kept.lines[0]
