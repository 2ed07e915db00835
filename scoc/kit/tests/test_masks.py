"""Masks hide what DOMAIN.md 10.3 says, and nothing personal gets through."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.kit.masks import (
    mask_address,
    mask_id_card,
    mask_name,
    mask_phone,
    mask_text,
    public_place,
)

mobiles = st.from_regex(r"\A1[3-9][0-9]{9}\Z")
residents = st.tuples(st.sampled_from(["110105", "370202"]), st.dates(), st.integers(0, 999)).map(
    lambda parts: f"{parts[0]}19{parts[1]:%y%m}28{parts[2]:03d}{'0123456789X'[parts[2] % 11]}"
)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三", "张*"),
        ("欧阳锋", "欧阳*"),
        ("张三丰", "张**"),
        ("诸葛孔明", "诸葛**"),
        ("欧阳", "欧*"),
        ("爱新觉罗溥仪", "爱新觉罗**"),
        ("买买提·艾力", "买*****"),
        ("张", "张*"),
        (" 李四 ", "李*"),
        ("John Smith", "J***"),
        ("", ""),
    ],
)
def test_names(name: str, shown: str) -> None:
    """The surname stays, compound ones too, and at least one star stands for the rest."""
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "138****5678"),
        ("138 1234 5678", "138****5678"),
        ("0532-85912345", "0532-****2345"),
        ("010-12345678", "010-****5678"),
        ("(021)12345678", "021-****5678"),
        ("053285912345", "0532-****2345"),
        ("0536-1234567", "0536-****4567"),
        ("85912345", "********"),
        ("+14155550123", "*******0123"),
        ("12345", "*****"),
        ("", ""),
    ],
)
def test_phones(phone: str, shown: str) -> None:
    """Mobile numbers keep three and four digits, landlines the area code and four."""
    assert mask_phone(phone) == shown


def test_id_cards() -> None:
    """Three and four stay of resident ids, old ones too; two of passports; nothing of short ones."""
    assert mask_id_card("11010519491231002X") == "110***********002X"
    assert mask_id_card("110105491231002") == "110********1002"
    assert mask_id_card("E12345678") == "*******78"
    assert mask_id_card("A12") == "***"
    assert mask_id_card("") == ""


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("望海街道中山社区3号楼502室", "望海街道中山社区***"),
        ("市南区香港中路100号3单元靠近中山社区", "市南区香港中路***"),
        ("望海镇李家村十二号", "望海镇李家村***"),
        ("上村街道李村社区幸福里二栋", "上村街道李村社区***"),
        ("崂山区望海街道", "崂山区望海街道***"),
        ("阳光小区甲栋", "阳光小区***"),
        ("3号楼502室", "***"),
        ("王家大院", "***"),
        ("", ""),
    ],
)
def test_addresses(address: str, shown: str) -> None:
    """An address ends at the community; no house number gets through, wherever it stands."""
    assert mask_address(address) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("张先生 13812345678 来电", "张先生 138****5678 来电"),
        ("tel13812345678,", "tel138****5678,"),
        ('{"phone":"+86-138-1234-5678"}', '{"phone":"138****5678"}'),
        ("身份证11010519491231002X号", "身份证110***********002X号"),
        ("id=11010519491231002x", "id=110***********002x"),
        ("电话0532-85912345转8001", "电话0532-****2345转8001"),
        ("13812345678、13987654321", "138****5678、139****4321"),
    ],
)
def test_free_text(text: str, shown: str) -> None:
    """Numbers are found whatever stands around them."""
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "工单 20260715138123456781",
        "component 3205080101000001 at 2026-07-15T10:20:30.123456Z",
        "digest 1381234567813812345678a13812345678f138123456781234567890abcdef12",
        "request 0d3f1c2a-1234-4abc-8def-138123456789",
        "card 6222021234567890",
        "12345 在 2025-01-02 10:20 受理",
        "0.13812345",
        "",
    ],
)
def test_other_numbers_stay_readable(text: str) -> None:
    """Case numbers, component codes, digests and times are not persons."""
    assert mask_text(text) == text


@settings(deadline=None)
@given(st.text("王a：,-号 "), mobiles, residents, st.text("王a：,-号 "))
def test_no_number_survives(before: str, mobile: str, resident: str, after: str) -> None:
    """Neither a mobile nor a resident number is readable after masking, whatever surrounds it."""
    for number in (mobile, resident):
        shown = mask_text(f"{before}{number}{after}")
        assert number not in shown
        assert shown.startswith(before)
        assert mask_text(shown) == shown


@settings(deadline=None)
@given(st.uuids())
def test_request_ids_stay(request_id: UUID) -> None:
    """A UUID and its hexadecimal form stay whole in logs."""
    assert mask_text(f"request {request_id} {request_id.hex}") == f"request {request_id} {request_id.hex}"


@settings(deadline=None)
@given(st.text())
def test_masks_never_fail(text: str) -> None:
    """Whatever stands in a field, its mask is a text and does not give the whole away."""
    for mask in (mask_name, mask_phone, mask_id_card, mask_address):
        shown = mask(text)
        assert shown == "" or "*" in shown
    mask_text(text)


def test_long_lines_are_fast() -> None:
    """A megabyte of digits and hyphens is masked in well under two seconds."""
    begun = time.process_time()
    for line in ("138-" * 250_000, "1" * 1_000_000, "0532-" * 200_000, "a1" * 500_000):
        mask_text(line)
    assert time.process_time() - begun < 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("请打１３８１２３４５６７８", "请打１３８****５６７８"),
        ("138.1234.5678", "138****5678"),
        ("138—1234—5678", "138****5678"),
        ("证号110105 19491231 002X", "证号110***********002X"),
    ],
)
def test_numbers_as_people_write_them(text: str, shown: str) -> None:
    """Full width, with dots or dashes, in groups."""
    assert mask_text(text) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [("滨江大道 8 号 2 单元 301 室", "滨江大道"), ("海天社区", "海天社区"), ("3号楼502室", ""), ("", "")],
)
def test_what_everybody_may_read_of_a_place_that_a_caller_named(said: str, shown: str) -> None:
    """To the community or street; nothing where no form is known; the same when it is asked again."""
    assert public_place(said) == public_place(public_place(said)) == shown
