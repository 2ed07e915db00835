"""Definitions from a city pack: applied as versions, exported as they came, refused with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from scoc.command.indicators.models import Indicator
from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, export_pack, read_pack
from scoc.core.models import Organisation

CITY = {
    "code": "990100", "name_zh": "试城", "name_en": "Testville", "timezone": "Asia/Shanghai",
    "center": [121.5, 30.0], "bbox": [121.0, 29.5, 122.0, 30.5],
}  # fmt: skip
RATE: dict[str, Any] = {
    "code": "TS01", "theme": "management", "name_zh": "按时率", "name_en": "In time", "definition_zh": "定义",
    "definition_en": "Definition", "formula_zh": "甲 ÷ 乙", "formula_en": "a ÷ b", "unit_zh": "%", "unit_en": "%",
    "factor": 100, "places": 1, "direction": "higher", "aggregation": "ratio_of_sums", "grain": "five_minutes",
    "period": "cumulative", "span": "month", "measure": "testing.in_time", "latency_minutes": 15,
    "low": {"best": 100, "green": 95, "yellow": "90.5", "worst": 60}, "basis": "plan", "basis_zh": "目标",
    "basis_en": "Target", "provider_zh": "测试", "provider_en": "Test", "weight": "1.5",
}  # fmt: skip


def write(folder: Path, *rows: dict[str, Any], **tables: Any) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "city.toml").write_text(tomli_w.dumps({**CITY, **tables}), encoding="utf-8")
    (folder / "indicators.toml").write_text(tomli_w.dumps({"indicator": list(rows)}), encoding="utf-8")
    return str(folder)


def test_definitions_are_applied_as_versions(db: None, tmp_path: Path) -> None:
    actor = system_actor("tests")
    apply_pack(actor, read_pack(write(tmp_path / "a", RATE)))
    first = Indicator.objects.get()
    assert (first.code, first.version, first.valid_to, first.latency_seconds) == ("TS01", 1, None, 900)
    assert first.low == {"best": "100", "green": "95", "yellow": "90.5", "worst": "60"}
    assert apply_pack(actor, read_pack(write(tmp_path / "a", RATE))) == []
    apply_pack(actor, read_pack(write(tmp_path / "a", {**RATE, "places": 2})))
    versions = Indicator.objects.order_by("version").values_list("version", "places", "valid_to")
    assert [(version, places, ended is None) for version, places, ended in versions] == [(1, 1, False), (2, 2, True)]
    apply_pack(actor, read_pack(write(tmp_path / "a")))
    assert not Indicator.objects.filter(valid_to=None).exists()
    apply_pack(actor, read_pack(write(tmp_path / "a", RATE)))
    assert Indicator.objects.get(valid_to=None).version == 3


def test_what_runs_can_be_exported_and_read_again(db: None, tmp_path: Path) -> None:
    actor = system_actor("tests")
    apply_pack(actor, read_pack(write(tmp_path / "a", RATE, health_index={"carry_periods": 2})))
    export_pack(system_actor("city"), tmp_path / "out")
    assert apply_pack(actor, read_pack(str(tmp_path / "out"))) == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"measure": "testing.nothing"}, "measure"),
        ({"theme": "nothing"}, "theme"),
        ({"code": "ts1"}, "code"),
        ({"direction": "lower"}, "direction"),
        ({"low": {"best": 100, "green": 90, "yellow": 95, "worst": 60}}, "low"),
        ({"low": {"best": 100, "green": 100, "yellow": 100, "worst": 100}}, "low"),
        ({"low": {"best": 100, "green": 95, "worst": 60}}, "low.yellow"),
        ({"span": ""}, "span"),
        ({"span": "week"}, "span"),
        ({"period": "rolling", "span": "month"}, "span"),
        ({"period": "span", "span": ""}, "grain"),
        ({"factor": 7}, "factor"),
        ({"wieght": 1}, "wieght"),
        ({"owner": "11990100MB0000019L"}, "owner"),
        ({"measure": "indicators.good_days", "parameters": {"off": "AI01D"}}, "parameters.of"),
        ({"hysteresis": -1}, "hysteresis"),
    ],
)
def test_mistakes_are_named_with_their_place(db: None, tmp_path: Path, given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadPack) as bad:
        read_pack(write(tmp_path / "bad", RATE | {"code": "TS00"}, {**RATE, **given}))
    assert field in {problem.field for problem in bad.value.problems}
    assert all(problem.file == "bad/indicators.toml" and problem.line > 1 for problem in bad.value.problems)
    assert all(problem.remedy for problem in bad.value.problems)
    assert not Organisation.objects.exists()


def test_a_bad_index_is_refused(db: None, tmp_path: Path) -> None:
    with pytest.raises(BadPack):
        read_pack(write(tmp_path / "bad", health_index={"least_coverage": 2}))
