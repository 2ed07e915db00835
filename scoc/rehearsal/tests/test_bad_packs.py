"""A pack with each kind of mistake: the message names file, line, field and remedy, and nothing is half applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, plan_pack, read_pack
from scoc.core.models import Area, Category, Installation, Organisation, Role, User
from scoc.core.refusals import Invalid
from scoc.rehearsal.tests.packs import BUREAU, FILES, GOVERNMENT, UTILITY, write_pack
from scoc.sensing.queries import device_points

pytestmark = pytest.mark.django_db
WRONG_CODE = BUREAU[:-1] + ("0" if BUREAU[-1] != "0" else "1")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is spoilt in which file, and what must be told: a word at the line, the field, parts of the sentences."""

    file: str
    old: str
    new: str
    at: str
    field: str
    says: str
    remedy: str


MISTAKES: dict[str, Mistake] = {
    "TOML that is none": Mistake(
        "roles.toml", 'home = "/cases"', 'home = "/cases', 'home = "/cases', "syntax", "Illegal character", "TOML"
    ),
    "JSON that is none": Mistake("map/base.geojson", "]}\n", "]\n", "", "syntax", "delimiter", "Correct the JSON"),
    "no feature collection": Mistake(
        "map/base.geojson", '"FeatureCollection"', '"Feature"', '{"type"', "type",
        "not a FeatureCollection", "GeoJSON"
    ),
    "a datum that is not told": Mistake(
        "map/base.geojson", '"datum":"WGS84",', "", '{"type"', "datum", "does not say its datum", "GCJ-02"
    ),
    "a row too short": Mistake(
        "areas/streets.csv", "990103001,street,990103,山街,Hill Street", "990103001,street,990103",
        "990103001", "columns",
        "more or fewer cells", "one cell",
    ),
    "another table in the file": Mistake(
        "roles.toml", '[[role]]\ncode = "evaluator"', '[[rolle]]\ncode = "evaluator"', "[[rolle]]", "rolle",
        "[[role]] only", "rename",
    ),
    "one table where many are meant": Mistake(
        "accounts.toml", "[[account]]", "[account]", "[account]", "account", "not a list of tables", "[[account]]"
    ),
    "a misspelt field": Mistake(
        "roles.toml", 'name_en = "Evaluator"', 'nane_en = "Evaluator"', 'nane_en', "nane_en", "Extra inputs", "name"
    ),
    "a missing field": Mistake(
        "posts.toml", 'title_en = "Evaluator 1"\n', "", 'code = "evaluator-1"', "title_en", "required",
        "Add this field"
    ),
    "a word for a number": Mistake(
        "situations.toml", "radius_m = 300", 'radius_m = "far"', "radius_m", "radius_m", "valid integer",
        "whole number"
    ),
    "a number out of range": Mistake(
        "city.toml", "lock_minutes = 15", "lock_minutes = 100000", "lock_minutes", "lock_minutes",
        "less than or equal", ""
    ),
    "a value that is none of those": Mistake(
        "organisations.toml", 'kind = "utility"', 'kind = "firm"', '"firm"', "kind", "'utility'",
        "one of the values"
    ),
    "a row twice": Mistake(
        "areas/streets.csv", "990103001,street,990103", "990102001,street,990103", "山街", "code",
        "stands twice", "rename"
    ),
    "a code with a wrong check digit": Mistake(
        "organisations.toml", BUREAU, WRONG_CODE, WRONG_CODE, "code", "check digit", "Correct the code"
    ),
    "a parent that is not there": Mistake(
        "areas/streets.csv", "990103001,street,990103", "990103001,street,990109", "山街", "parent",
        "not among the areas", "Add it"
    ),
    "an organisation that is not there": Mistake(
        "posts.toml", f'organisation = "{GOVERNMENT}"\narea', 'organisation = "water"\narea', "[[post]]",
        "organisation", "not among the organisations", "Add it",
    ),
    "a role that is not there": Mistake(
        "grants.toml", 'role = "evaluator"', 'role = "assessor"', "assessor", "role", "not among the roles", "Add it"
    ),
    "a permission that is not there": Mistake(
        "grants.toml", "cases.read_evaluation", "cases.read_evaluations", "read_evaluations", "permission",
        "No module has", "reference",
    ),
    "roles that one person never combines": Mistake(
        "accounts.toml", 'posts = ["collector-1"]', 'posts = ["collector-1", "evaluator-1"]', "[[account]]", "posts",
        "never the same person", "somebody else",
    ),
    "a role at odds with itself": Mistake(
        "roles.toml", '["evaluator"]', '["collector"]', "[[role]]", "conflicts", "conflict with itself", "Remove it"
    ),
    "a settings table that is not there": Mistake(
        "city.toml", "[security]", "[safety]", "[safety]", "safety", "No module has such a table", "security"
    ),
    "a setting that is not there": Mistake(
        "city.toml", "lock_minutes", "lock_hours", "lock_hours", "lock_hours", "Extra inputs", "name"
    ),
    "a time zone that is not there": Mistake(
        "city.toml", "Asia/Shanghai", "Asia/Testville", "timezone", "timezone", "no time zone", ""
    ),
    "a middle outside of the box": Mistake(
        "city.toml", "center = [121.5, 30.0]", "center = [30.0, 121.5]", "", "row", "west, south, east, north", ""
    ),
    "a pack to include that is not there": Mistake(
        "city.toml", "include = []", 'include = ["commons"]', "include", "include", "commons is not there", "Correct"
    ),
    "an outline that crosses itself": Mistake(
        "areas/districts.geojson", "[121.6,29.9],[121.6,30.1],[121.5,30.1]", "[121.6,30.1],[121.6,29.9],[121.5,30.1]",
        '"990102"', "geometry", "crosses itself", "Repair",
    ),
    "latitude before longitude": Mistake(
        "areas/districts.geojson", "[[[121.5,29.9],[121.6,29.9],[121.6,30.1],[121.5,30.1],[121.5,29.9]]]",
        "[[[29.9,121.5],[29.9,121.6],[30.1,121.6],[30.1,121.5],[29.9,121.5]]]", '"990102"', "geometry",
        "not longitude and latitude", "lon, lat",
    ),
    "no geometry at all": Mistake(
        "map/base.geojson", '"LineString","coordinates":[[121.45,30.0],[121.55,30.0]]', '"Line","coordinates":[]',
        '"road-1"', "geometry", "not a GeoJSON geometry", "Correct",
    ),
    "a class that is not there": Mistake(
        "conditions.toml", 'category = "event/0506"', 'category = "event/0507"', "[[condition]]", "category",
        "not among the categories", "categories.toml",
    ),
    "a matrix row for nothing": Mistake(
        "responsibility.csv", "r1,event/0506", "r1,", "r1", "category", "neither", "one of the two"
    ),
    "a situation of no class": Mistake(
        "situations.toml", "event/0506", "event/0507", "[[situation]]", "category",
        "not among the categories", "categories.toml"
    ),
    "a range the wrong way round": Mistake(
        "devices/types.toml", "maximum = 300.0", "maximum = -1.0", "[[type]]", "streams.depth",
        "not below its maximum", "Correct"
    ),
    "a device in the sea of another city": Mistake(
        "devices/gauges.csv", "121.45,30.0", "30.0,121.45", "YW-2", "lat", "less than or equal to 90", "Correct"
    ),
    "a device far away": Mistake(
        "devices/gauges.csv", "121.45,30.0", "111.45,30.0", "YW-2", "lon", "outside the city", "datum"
    ),
    "a device of no type": Mistake(
        "devices/gauges.csv", "YW-2,gauge", "YW-2,gauges", "YW-2", "type", "not among the device_types", "Add it"
    ),
    "a rule that never clears": Mistake(
        "rules.toml", "clear_at = 8.0", "clear_at = 18.0", "[[rule]]", "clear_at", "beyond", "safe side"
    ),
    "a rule that lacks what its kind needs": Mistake(
        "rules.toml", "clear_at = 8.0\n", "", "[[rule]]", "clear_at", "needs it", "Add this field"
    ),
    "a measure that nobody offers": Mistake(
        "indicators.toml", "cases.on_time_closing", "cases.on_time", "[[indicator]]", "measure",
        "No module offers", "cases."
    ),
    "limits in disorder": Mistake(
        "indicators.toml", "yellow = 90", "yellow = 98", "[[indicator]]", "low", "best to worst", "Order"
    ),
    "an organisation above itself": Mistake(
        "organisations.toml", 'City Hall"', f'City Hall"\nparent = "{BUREAU}"', "[[organisation]]", "parent",
        "stands above itself", "does not stand below",
    ),
    "a role longer than its column": Mistake(
        "roles.toml", 'code = "evaluator"', f'code = "{"e" * 41}"', "eeee", "code", "at most 40", "Correct"
    ),
    "a pattern that means nothing": Mistake(
        "grants.toml", "cases.read_evaluation", "casse.*", "casse", "permission", "No module has", "reference"
    ),
    "a pattern that means everything": Mistake(
        "grants.toml", "cases.read_evaluation", "*", '"*"', "permission", "Nobody may do everything", "module"
    ),
    "states where none are looked at": Mistake(
        "grants.toml", '"cases.read_evaluation", scope = "city"',
        '"cases.read_evaluation", scope = "city", states = ["filed"]', "read_evaluation", "states",
        "does not look at states", "Leave the states out",
    ),
    "a state that is not there": Mistake(
        "grants.toml", '"cases.read_evaluation", scope = "city"',
        '"cases.close_case", scope = "city", states = ["fild"]', "fild", "states", "no state `fild`", "filed",
    ),
    "a grant twice": Mistake(
        "grants.toml", "]\n", '  { role = "evaluator", permission = "cases.read_evaluation", scope = "city", '
        'persons = "plain" },\n]\n', "plain", "states", "stands twice", "Remove",
    ),
    "a weak password": Mistake(
        "accounts.toml", "a-long-enough-1", "collector", '[[account]]', "password", "at least 10", "longer"
    ),
    "an account twice but for its capitals": Mistake(
        "accounts.toml", "[[account]]\n",
        '[[account]]\nusername = "Collector"\nname = "刘"\nposts = []\n[[account]]\n',
        "[[account]]", "username", "stands in the pack", "another user name",
    ),
    "office hours of no day": Mistake(
        "city.toml", 'work_day = "rolling"', 'work_day = "rolling"\nslots = [["08:00", "25:00"]]', "[calendar]", "row",
        "hour must be", "Correct",
    ),
    "a head that is written as a table": Mistake(
        "city.toml", "[security]", "[city]", "[city]", "city", "No module has such a table", "security"
    ),
    "a setting for a role that is not there": Mistake(
        "city.toml", "lock_minutes = 15", 'unattended_roles = ["wall"]', "unattended_roles", "unattended_roles",
        "not among the roles", "roles.toml",
    ),
    "a table of a list": Mistake(
        "city.toml", "[security]", "[[security]]", "[[security]]", "security", "Extra inputs", "name"
    ),
    "a pack that includes itself": Mistake(
        "city.toml", "include = []", 'include = ["probe"]', "include", "include", "the pack itself", "Correct"
    ),
    "a character that is no text": Mistake(
        "roles.toml", '"Evaluator"', '"Evalu\\u0000ator"', "u0000", "name_en", "no text", "Remove"
    ),
    "half a character": Mistake(
        "map/base.geojson", '"Middle Road"', '"Middle\\ud800 Road"', '"road-1"', "name_en", "no text", "Remove"
    ),
    "a column twice": Mistake(
        "areas/streets.csv", "name_zh,name_en", "name_zh,name_zh", "code,level", "name_zh", "Two columns", "rename"
    ),
    "quotes that do not close": Mistake(
        "areas/streets.csv", "山街", '"山街', "", "syntax", "unexpected end", "quotes"
    ),
    "a cell without end": Mistake(
        "areas/streets.csv", "山街", "山" * 140_000, "", "syntax", "field larger", "Correct"
    ),
    "an asset of another class than its code": Mistake(
        "assets/covers.csv", "9901020101000001", "9901020102000001", "9901020102000001", "code", "does not name",
        "4 of the class",
    ),
    "an asset of no class": Mistake(
        "assets/covers.csv", "component/0101,泵", "component/0199,泵", "PUMP-1", "category",
        "not among the categories", "categories.toml"
    ),
    "an asset far away": Mistake(
        "assets/covers.csv", "121.55,30.0,GCJ-02", "111.55,30.0,GCJ-02", "PUMP-1", "lon", "outside the city", "datum"
    ),
    "an asset of nobody known": Mistake(
        "assets/covers.csv", f"泵,Pump,{UTILITY}", f"泵,Pump,{UTILITY[:-1]}", "PUMP-1", "owner",
        "not among the organisations", "Add it"
    ),
    "a link to nothing": Mistake(
        "asset_links.csv", "9901020101000001", "PUMP-2", "PUMP-1", "target", "not among the assets", "Add it"
    ),
    "a link of no kind": Mistake(
        "asset_links.csv", "feeds", "fills", "PUMP-1", "kind", "no kind of link", "feeds"
    ),
    "a code set without a name": Mistake(
        "codes.toml", 'set = "road_grade"', 'set = "Road grade"', "Road grade", "set", "should match", "Correct"
    ),
    "a day to come": Mistake(
        "areas/districts.geojson", '"name_zh":"东区"', '"valid_from":"2199-01-01","name_zh":"东区"', '"990102"',
        "valid_from", "still to come", "that day"
    ),
    "a place taken from nowhere": Mistake(
        "areas/districts.geojson", '"name_zh":"东区"', '"took_over":["990109"],"name_zh":"东区"', '"990102"',
        "took_over", "no other area", "codes"
    ),
}  # fmt: skip


@pytest.fixture
def nothing_applied() -> Iterator[None]:
    """Whatever a test does with a bad pack, no row of it is there afterwards."""
    yield
    assert not Installation.objects.exists()
    for model in (Area, Organisation, Role, Category):
        assert not model.objects.exists(), model
    assert not User.objects.filter(kind="person").exists()


def test_the_pack_that_the_others_spoil_is_right(tmp_path: Path) -> None:
    """The small pack has no problem, is applied whole, and applied again changes nothing."""
    pack = read_pack(str(write_pack(tmp_path / "probe")))
    apply_pack(system_actor("city"), pack)
    assert plan_pack(pack) == []
    assert Area.objects.count() == 5
    assert len(device_points(system_actor("city"))) == 2


@pytest.mark.usefixtures("nothing_applied")
@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_told_with_its_place_and_remedy(tmp_path: Path, name: str) -> None:
    """File, line, field, what is wrong and what to do; by the command as well."""
    mistake = MISTAKES[name]
    text = FILES[mistake.file]
    assert mistake.old in text, "the pack has changed: nothing is spoilt"
    spoilt = text.replace(mistake.old, mistake.new, 1)
    folder = write_pack(tmp_path / "probe", **{mistake.file.replace("/", "__"): spoilt})
    with pytest.raises(BadPack) as bad:
        read_pack(str(folder))
    found = [p for p in bad.value.problems if p.field == mistake.field and mistake.says in p.message]
    assert found, "\n".join(str(problem) for problem in bad.value.problems)
    problem = found[0]
    assert problem.file == f"probe/{mistake.file}"
    assert mistake.remedy in problem.remedy
    assert problem.remedy
    if mistake.at:
        lines = spoilt.splitlines()
        near = [number for number, line in enumerate(lines, 1) if mistake.at in line]
        assert problem.line in {*near, *(number - 1 for number in near)}, (problem.line, near)
    with pytest.raises(CommandError, match="nothing was applied"):
        call_command("city", "apply", str(folder))


@pytest.mark.usefixtures("nothing_applied")
def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A pack is not mended mistake by mistake: one reading tells of all that can be told."""
    folder = write_pack(
        tmp_path / "probe",
        roles__toml=None,
        **{"roles.toml": FILES["roles.toml"].replace('home = "/cases"', 'home = "cases"')},
        **{"situations.toml": FILES["situations.toml"].replace("radius_m = 300", "radius_m = -3")},
    )
    with pytest.raises(BadPack) as bad:
        read_pack(str(folder))
    assert {problem.field for problem in bad.value.problems} >= {"home", "radius_m"}


@pytest.mark.usefixtures("nothing_applied")
@pytest.mark.parametrize("name", ["role.toml", "areas/streets.toml", "devices/gauge.geojson"])
def test_a_file_that_nothing_reads_is_told(tmp_path: Path, name: str) -> None:
    """A misspelt file name must not pass in silence."""
    folder = write_pack(tmp_path / "probe")
    (folder / name).write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(BadPack, match="Nothing reads this file"):
        read_pack(str(folder))


@pytest.mark.usefixtures("nothing_applied")
@pytest.mark.parametrize("file", ["roles.toml", "areas/streets.csv", "map/base.geojson"])
def test_text_that_is_not_utf8_is_told(tmp_path: Path, file: str) -> None:
    """A file saved as GBK is named."""
    folder = write_pack(tmp_path / "probe")
    (folder / file).write_bytes(FILES[file].encode("gbk"))
    with pytest.raises(BadPack, match="not UTF-8") as bad:
        read_pack(str(folder))
    assert bad.value.problems[0].file == f"probe/{file}"


@pytest.mark.usefixtures("nothing_applied")
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("deep.geojson", "[" * 100_000, "no such table"),
        ("none.json", "no JSON", "no such table"),
        ("bare.geojson", "{}", "no such table"),
        ("other.csv", "name,x\nYW-1,121.55\n", "no column lon"),
    ],
)
def test_outside_files_that_are_none_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, says: str
) -> None:
    """The file that `outside.toml` names is no table: the row that names it is told."""
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, data_dir=tmp_path))
    (tmp_path / name).write_text(text, encoding="utf-8")
    mapped = 'section = "devices"\nmap = { key = "name", lon = "lon" }\n'
    folder = write_pack(tmp_path / "probe", **{"outside.toml": f'[[outside]]\nfile = "{name}"\n{mapped}'})
    with pytest.raises(BadPack, match=says) as bad:
        read_pack(str(folder))
    assert (bad.value.problems[0].file, bad.value.problems[0].line) == ("probe/outside.toml", 2)


@pytest.mark.usefixtures("nothing_applied")
def test_json_without_end_is_told(tmp_path: Path) -> None:
    """Brackets a hundred thousand deep are a mistake of the file, not a fault of SCOC."""
    folder = write_pack(tmp_path / "probe", **{"map/base.geojson": "[" * 100_000})
    with pytest.raises(BadPack, match="nested too deeply"):
        read_pack(str(folder))


@pytest.mark.usefixtures("nothing_applied")
def test_a_folder_called_as_a_file_is_told(tmp_path: Path) -> None:
    """A folder `codes.toml` is no file."""
    folder = write_pack(tmp_path / "probe", **{"codes.toml": None, "assets/covers.csv": None, "asset_links.csv": None})
    (folder / "codes.toml").mkdir()
    with pytest.raises(BadPack, match="cannot be read") as bad:
        read_pack(str(folder))
    assert bad.value.problems[0].file == "probe/codes.toml"


@pytest.mark.usefixtures("nothing_applied")
def test_a_folder_without_a_manifest_is_no_pack(tmp_path: Path) -> None:
    """The message says what a pack is."""
    with pytest.raises(BadPack, match=r"no city\.toml"):
        read_pack(str(tmp_path / "nowhere"))


def test_a_pack_of_another_city_is_refused_whole(tmp_path: Path) -> None:
    """One installation is one city: nothing of the other one comes in."""
    apply_pack(system_actor("city"), read_pack(str(write_pack(tmp_path / "probe"))))
    other = FILES["city.toml"].replace("990100", "880100").replace("试城", "别城")
    areas = FILES["areas/districts.geojson"].replace("东区", "新区")
    folder = write_pack(tmp_path / "other", **{"city.toml": other, "areas/districts.geojson": areas})
    with pytest.raises(Invalid, match="990100"):
        apply_pack(system_actor("city"), read_pack(str(folder)))
    assert not Area.objects.filter(code="880100").exists()
    assert {area.name.zh for area in Area.objects.filter(level="district")} == {"东区", "西区"}
    assert Installation.objects.get().name.zh == "试城"


def test_a_plan_shows_what_would_change(tmp_path: Path) -> None:
    """Added, changed and removed rows, section by section, with the fields that change; and a plan changes nothing."""
    apply_pack(system_actor("city"), read_pack(str(write_pack(tmp_path / "probe"))))
    folder = write_pack(
        tmp_path / "next",
        **{
            "situations.toml": FILES["situations.toml"].replace("radius_m = 300", "radius_m = 250"),
            "devices/gauges.csv": FILES["devices/gauges.csv"].replace("YW-2", "YW-3"),
        },
    )
    pack = read_pack(str(folder))
    lines = [str(change) for change in plan_pack(pack)]
    assert "~ situations event/0506 (radius_m)" in lines
    assert "+ devices YW-3" in lines
    assert "- devices YW-2" in lines
    assert len(lines) == 3
    assert [str(change) for change in apply_pack(system_actor("city"), pack)] == lines
    assert plan_pack(pack) == []
