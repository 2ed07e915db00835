"""What a city pack says of intake: read, checked with file and line, applied as versions, exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoc.command.intake.models import JoinRule
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.rules import rules_now
from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, city_settings, export_pack, plan_pack, read_pack

HEAD = """code = "990100"
name_zh = "试城"
name_en = "Testville"
timezone = "Asia/Shanghai"
center = [121.5, 30.0]
bbox = [121.0, 29.5, 122.0, 30.5]
"""
INTAKE = """
[intake]
auto_join = 0.9
undo_minutes = 5

[intake.weights]
space = 40
time = 30
kind = 20
asset = 10
"""
CATEGORIES = "".join(
    f'[[category]]\nkind = "event"\nmajor = "05"\nminor = "{minor}"\nname_zh = "类{minor}"\nname_en = "Class {minor}"\n'
    for minor in ("01", "06")
)
RULE = """[[situation]]
category = "event/0506"
radius_m = 300
window_minutes = 60
accept_level = 1
related = ["event/0501"]
"""


def _pack(folder: Path, rules: str = RULE, intake: str = INTAKE) -> str:
    (folder / "city.toml").write_text(HEAD + intake, encoding="utf-8")
    (folder / "categories.toml").write_text(CATEGORIES, encoding="utf-8")
    (folder / "situations.toml").write_text(rules, encoding="utf-8")
    return str(folder)


def test_apply_change_and_export(db: None, tmp_path: Path) -> None:
    actor = system_actor("test")
    apply_pack(actor, read_pack(_pack(tmp_path)))
    settings = city_settings(IntakeSettings)
    assert (str(settings.auto_join), settings.weights.space, settings.undo_minutes, settings.flood_rows) == (
        "0.9", 40, 5, 3,
    )  # fmt: skip
    assert rules_now().of("event/0506").radius_m == 300
    assert rules_now().of("event/0501").version == 0
    assert frozenset({"event/0501", "event/0506"}) in rules_now().related
    assert not plan_pack(read_pack(str(tmp_path)))
    apply_pack(actor, read_pack(_pack(tmp_path, RULE.replace("300", "500"))))
    versions = JoinRule.objects.order_by("version").values_list("version", "radius_m", "valid_to")
    assert [(version, radius, until is None) for version, radius, until in versions] == [
        (1, 300, False),
        (2, 500, True),
    ]
    assert (rules_now().of("event/0506").radius_m, rules_now().of("event/0506").version) == (500, 2)
    out = tmp_path.with_name(f"{tmp_path.name}-out")
    export_pack(system_actor("city"), out)
    assert not plan_pack(read_pack(str(out)))
    apply_pack(actor, read_pack(_pack(tmp_path, "")))
    assert rules_now().of("event/0506").version == 0
    assert JoinRule.objects.count() == 2


@pytest.mark.parametrize(
    ("rules", "intake", "told"),
    [
        (RULE.replace("event/0506", "event/0777"), "", ["situations.toml:1", "category", "not among the categories"]),
        (RULE.replace("event/0501", "event/0777"), "", ["situations.toml", "related", "not among the categories"]),
        (RULE.replace("0501", "0506"), "", ["related", "not related to itself"]),
        (RULE.replace("300", "0"), "", ["situations.toml:3", "radius_m"]),
        (RULE.replace("radius_m", "radius"), "", ["situations.toml", "radius"]),
        (RULE.replace("accept_level = 1", "accept_level = 5"), "", ["situations.toml:5", "accept_level"]),
        (
            RULE.replace("accept_level = 1", "accept_signals = 3"),
            "",
            ["situations.toml:1", "accept_signals", "Without `accept_level`", "leave `accept_signals` out"],
        ),
        (RULE + RULE, "", ["situations.toml", "stands twice"]),
        (RULE, "\n[intake]\nask = 0.9\n", ["city.toml", "ask"]),
        (RULE, "\n[intake]\nauto_join = 1.5\n", ["city.toml", "auto_join"]),
        (RULE, "\n[intake.weights]\nspace = 90\n", ["city.toml", "100"]),
        (RULE, "\n[intake]\nradius = 90\n", ["city.toml", "radius"]),
    ],
)
def test_each_mistake_is_named(db: None, tmp_path: Path, rules: str, intake: str, told: list[str]) -> None:
    with pytest.raises(BadPack) as bad:
        read_pack(_pack(tmp_path, rules, intake))
    for part in told:
        assert part in str(bad.value)
