"""Identifiers, masks, exact numbers, canonical JSON, geometry."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from shapely.geometry import box

from scoc.kit import identifiers, masks
from scoc.kit.canonical import canonical_json, digest
from scoc.kit.geometry import Locator, bbox_around, distance_m
from scoc.kit.scaled import from_scaled, ratio, to_scaled
from scoc.kit.text import Text


def test_canonical_json_has_one_form() -> None:
    """Order of keys does not matter, times are UTC, floats are refused."""
    assert canonical_json({"b": 1, "a": ["中", None, True]}) == '{"a":["中",null,true],"b":1}'.encode()
    assert canonical_json(datetime(2025, 1, 2, tzinfo=UTC)) == b'"2025-01-02T00:00:00.000000Z"'
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    for bad in (1.5, {1: 2}, datetime(2025, 1, 1), {"x": {3}}):
        with pytest.raises(TypeError):
            canonical_json(bad)


def test_scaled_numbers_are_exact() -> None:
    """0.1 + 0.2 is 0.3; what cannot be held is refused; unknown is not zero."""
    assert to_scaled(0.1, 3) + to_scaled(0.2, 3) == to_scaled("0.3", 3) == 300
    assert to_scaled("0.0005", 3) == 0
    assert to_scaled("0.0015", 3) == 2
    assert from_scaled(-1234, 3) == Decimal("-1.234")
    for bad in ("nan", float("inf"), "x", "1e30"):
        with pytest.raises(ValueError, match="number|large"):
            to_scaled(bad, 3)
    assert ratio(1, 3, 4) == Decimal("0.3333")
    assert ratio(1, 0, 4) is None


def test_ids_grow_with_time() -> None:
    """Ids grow even when the clock steps back, fit into 63 bits and never repeat."""
    times = iter([1_800_000_000_000, 1_700_000_000_000, 1_800_000_000_001])
    source = identifiers.IdSource(3, lambda: next(times))
    ids = source.take(5000) + source.take(2) + source.take()
    assert ids == sorted(set(ids))
    assert max(ids) < 2**63


def test_codes_of_standards() -> None:
    """The samples of DOMAIN.md 10.2 are valid and a changed digit is not."""
    assert identifiers.credit_code_valid("91350100M000100Y43")
    assert not identifiers.credit_code_valid("91350100M000100Y44")
    assert identifiers.resident_id_valid("11010519491231002X")
    assert not identifiers.resident_id_valid("110105194912310021")
    assert identifiers.component_code_valid("3205080101000001")
    assert identifiers.parse_subject("cases:12") == ("cases", "12")
    with pytest.raises(ValueError, match="subject"):
        identifiers.parse_subject("cases")


def test_masks() -> None:
    """The patterns of DOMAIN.md 10.3."""
    assert [masks.mask_name(n) for n in ("张三", "欧阳锋", "张三丰", "")] == ["张*", "欧阳*", "张**", ""]
    assert masks.mask_phone("13812345678") == "138****5678"
    assert masks.mask_phone("+8613812345678") == "138****5678"
    assert masks.mask_id_card("11010519491231002X") == "110***********002X"
    assert masks.mask_bank_card("6222021234567890") == "************7890"
    assert masks.mask_plate("京A12345") == "京A****5"
    assert masks.mask_address("望海街道中山社区3号楼502室") == "望海街道中山社区***"
    text = "张先生 13812345678 身份证 11010519491231002X 来电,工单 20260715138123456781"
    assert masks.mask_text(text) == "张先生 138****5678 身份证 110***********002X 来电,工单 20260715138123456781"


def test_locator_is_deterministic_on_borders() -> None:
    """A point on a shared border belongs to the lowest code."""
    locator = Locator([("b", box(1, 0, 2, 1)), ("a", box(0, 0, 1, 1))])
    assert locator.locate(0.5, 0.5) == "a"
    assert locator.locate(1.0, 0.5) == "a"
    assert locator.locate(1.5, 0.5) == "b"
    assert locator.locate(3, 3) is None


def test_distances() -> None:
    """One degree of a meridian is about 111.2 km; the box holds the circle."""
    assert distance_m(0, 0, 0, 1) == pytest.approx(111_195, abs=5)
    west, south, east, north = bbox_around(116.4, 39.9, 500)
    assert distance_m(116.4, 39.9, 116.4, north) == pytest.approx(500, abs=1)
    assert distance_m(116.4, 39.9, east, 39.9) == pytest.approx(500, abs=1)
    assert west < 116.4
    assert south < 39.9


def test_texts_fall_back() -> None:
    """A missing language shows the other one."""
    assert Text("城市", "").in_("en-GB") == "城市"
    assert Text("城市", "City").in_("en") == "City"
