"""What a city pack may say of cases: applied, changed by version, exported, and refused with file and line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.test import override_settings

from scoc.command.cases.models import FilingCondition, ResponsibilityRow
from scoc.command.cases.pack import CasesSettings
from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, city_settings, export_pack, plan_pack, read_pack
from scoc.kit.identifiers import credit_code_with_check

WATER = credit_code_with_check("11990100MB9000001")
CITY = """
code = "990100"
name_zh = "试城"
name_en = "Testville"
timezone = "Asia/Shanghai"
center = [121.5, 30.0]
bbox = [121.0, 29.5, 122.0, 30.5]

[cases]
yellow_percent = 60

[cases.acceptance]
minutes = 20
"""
ORGANISATIONS = f"""
[[organisation]]
code = "{WATER}"
kind = "utility"
name_zh = "水务集团"
name_en = "Water Group"
short_zh = "水务"
short_en = "Water"
"""
CATEGORIES = """
[[category]]
kind = "component"
major = "01"
minor = "01"
name_zh = "上水井盖"
name_en = "Water cover"
"""
CONDITIONS = f"""
[[condition]]
code = "component/0101-2"
category = "component/0101"
name_zh = "破损大于 25 cm²"
name_en = "damage over 25 cm²"
limit = 4
unit = "WORK_HOUR"
criterion_zh = "更换或修复"
criterion_en = "replaced or repaired"
basis_zh = "立案标准"
basis_en = "filing standard"
responsible = "{WATER}"
urgency = 2
"""
RESPONSIBILITY = f"""code,category,condition,attributes,organisation,priority,basis_zh,basis_en
water,component/0100,,road_grade=main;side=north,{WATER},3,权责清单,duty list
cover,,component/0101-2,,{WATER},,权责清单,duty list
"""


def write(folder: Path, **changes: str) -> Path:
    """A small pack in a folder."""
    made = folder / "test"
    made.mkdir(exist_ok=True)
    contents = {
        "city.toml": CITY, "organisations.toml": ORGANISATIONS, "categories.toml": CATEGORIES,
        "conditions.toml": CONDITIONS, "responsibility.csv": RESPONSIBILITY,
    } | {name.replace("__", "."): text for name, text in changes.items()}  # fmt: skip
    for name, text in contents.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def apply(folder: Path) -> None:
    """Read and apply it."""
    apply_pack(system_actor("tests"), read_pack(str(folder)))


def test_a_pack_brings_conditions_matrix_and_settings(db: None, tmp_path: Path) -> None:
    folder = write(tmp_path)
    with override_settings(SCOC_CITIES=tmp_path):
        apply(folder)
        condition = FilingCondition.objects.get()
        assert (condition.limit, condition.unit, condition.urgency, condition.version) == (
            Decimal(4), "WORK_HOUR", 2, 1,
        )  # fmt: skip
        assert condition.responsible is not None
        rows = {row.code: row for row in ResponsibilityRow.objects.all()}
        assert rows["water"].attributes == {"road_grade": "main", "side": "north"}
        assert (rows["cover"].condition, rows["cover"].category, rows["cover"].priority) == ("component/0101-2", "", 5)
        settings = city_settings(CasesSettings)
        assert (settings.yellow_percent, settings.acceptance.minutes, settings.filing.minutes) == (60, 20, 30)
        assert plan_pack(read_pack(str(folder))) == []


def test_a_changed_condition_is_a_new_version(db: None, tmp_path: Path) -> None:
    apply(write(tmp_path))
    apply(write(tmp_path, conditions__toml=CONDITIONS.replace("limit = 4", "limit = 2.5")))
    old, new = FilingCondition.objects.order_by("version")
    assert (old.limit, old.valid_to is None, new.limit, new.version, new.valid_to) == (
        Decimal(4), False, Decimal("2.5"), 2, None,
    )  # fmt: skip


def test_what_is_exported_reads_back_the_same(db: None, tmp_path: Path) -> None:
    apply(write(tmp_path))
    export_pack(system_actor("city"), tmp_path / "again")
    assert plan_pack(read_pack(str(tmp_path / "again"))) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "line", "field"),
    [
        ("conditions.toml", 'category = "component/0101"', 'category = "component/0102"', 2, "category"),
        ("conditions.toml", "limit = 4", "limit = 0", 7, "limit"),
        ("conditions.toml", '"WORK_HOUR"', '"HOUR"', 8, "unit"),
        ("conditions.toml", "urgency = 2", "urgency = 5", 14, "urgency"),
        ("conditions.toml", f'responsible = "{WATER}"', 'responsible = "x"', 2, "responsible"),
        ("responsibility.csv", "cover,,component/0101-2", "cover,component/0101,component/0101-2", 3, "category"),
        ("responsibility.csv", "water,component/0100", "water,component/0900", 2, "category"),
        ("responsibility.csv", "road_grade=main;side=north", "road_grade", 2, "attributes"),
        ("responsibility.csv", ",3,", ",99,", 2, "priority"),
        ("city.toml", "minutes = 20", "minutes = 0", 0, "acceptance.minutes"),
        ("city.toml", "yellow_percent = 60", "yellow = 60", 0, "yellow"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    db: None, tmp_path: Path, file: str, before: str, after: str, line: int, field: str
) -> None:
    folder = write(tmp_path)
    text = (folder / file).read_text(encoding="utf-8")
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(BadPack) as error:
        read_pack(str(folder))
    problem = error.value.problems[0]
    assert (problem.file, problem.field) == (f"test/{file}", field)
    assert problem.remedy
    if line:
        assert problem.line == line
