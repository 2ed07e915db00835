"""Packs applied again after a change: the plan says what is done, afterwards nothing is left to do, history stays."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from scoc.core import administration, now
from scoc.core.access import actor_for, holdings, system_actor
from scoc.core.acting import unit_of_work
from scoc.core.city import BadPack, Change, apply_pack, export_pack, plan_pack, read_pack
from scoc.core.contacts import Person, erase, shown
from scoc.core.models import (
    ApiKey,
    Area,
    AreaSuccession,
    Asset,
    AssetLink,
    AuditEntry,
    Contact,
    Grant,
    Organisation,
    OrganisationName,
    Post,
    PostHolding,
    Role,
    User,
)
from scoc.core.registry import code_set
from scoc.rehearsal.tests.packs import BUREAU, FILES, GOVERNMENT, UTILITY, write_pack
from scoc.spatial.queries import locate

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 15, 4, tzinfo=UTC)
"""2026-06-15 12:00 in the city."""
EVENING = datetime(2026, 6, 15, 18, tzinfo=UTC)
"""2026-06-16 02:00 in the city, while it is still the 15th in UTC."""

CHANGES: dict[str, tuple[str, str, str]] = {
    "a district renamed": ("areas/districts.geojson", '"东区"', '"新东区"'),
    "a district with other borders": ("areas/districts.geojson", "[121.6,30.1]", "[121.61,30.11]"),
    "a district renamed and with other borders": (
        "areas/districts.geojson", '"name_zh":"东区","name_en":"East"},\n"geometry":{"type":"Polygon","coordinates":'
        '[[[121.5,29.9],[121.6,29.9]', '"name_zh":"新东区","name_en":"East"},\n"geometry":{"type":"Polygon",'
        '"coordinates":[[[121.5,29.9],[121.62,29.9]'),
    "a district with a day": ("areas/districts.geojson", '"name_zh":"东区"',
                              '"valid_from":"2026-05-01","name_zh":"新东区"'),
    "only a day": ("areas/districts.geojson", '"name_zh":"东区"', '"valid_from":"2026-05-01","name_zh":"东区"'),
    "a street moved": ("areas/streets.csv", "990103001,street,990103", "990103001,street,990102"),
    "a street gone": ("areas/streets.csv", "990103001,street,990103,山街,Hill Street\n", ""),
    "a street more": ("areas/streets.csv", "990103001,street,990103,山街,Hill Street\n",
                      "990103001,street,990103,山街,Hill Street\n990103002,street,990103,河街,River Street\n"),
    "the city renamed": ("city.toml", "试城", "验城"),
    "a limit of security": ("city.toml", "lock_minutes = 15", "lock_minutes = 20"),
    "an organisation renamed": ("organisations.toml", "Water Bureau", "Bureau of Water"),
    "an organisation moved": ("organisations.toml", 'area = "990102"', f'area = "990102"\nparent = "{BUREAU}"'),
    "a role renamed": ("roles.toml", '"Evaluator"', '"Assessor"'),
    "roles kept apart no more": ("roles.toml", 'conflicts = ["evaluator"]\n', ""),
    "a grant in some states": ("grants.toml", "]\n", '  { role = "evaluator", permission = "cases.close_case", scope = '
                               '"unit", states = ["handled", "checking"] },\n  { role = "evaluator", permission = '
                               '"cases.close_case", scope = "city", states = ["checking"] },\n]\n'),
    "a grant wider": ("grants.toml", '"area_below"', '"city"'),
    "a grant denied": ("grants.toml", 'scope = "area_below"', 'scope = "area_below", effect = "deny"'),
    "a post elsewhere": ("posts.toml", 'area = "990102"', 'area = "990103001"'),
    "a post renamed": ("posts.toml", "Evaluator 1", "First Evaluator"),
    "an account renamed": ("accounts.toml", "刘一", "刘二"),
    "an account gone": ("accounts.toml", FILES["accounts.toml"], ""),
    "a category renamed": ("categories.toml", "Water on the road", "Flooded road"),
    "a code renamed": ("codes.toml", "Main road", "Trunk road"),
    "an asset moved": ("assets/covers.csv", "121.56", "121.57"),
    "an asset gone": ("assets/covers.csv", f"PUMP-1,component/0101,泵,Pump,{UTILITY},990102,121.55,30.0,GCJ-02\n", ""),
    "a link of another kind": ("asset_links.csv", "feeds", "controls"),
    "a feature renamed": ("map/base.geojson", "Middle Road", "Central Road"),
    "a condition shorter": ("conditions.toml", "limit = 2", "limit = 1"),
    "a matrix row for another place": ("responsibility.csv", "990102", "990103"),
    "a device elsewhere": ("devices/gauges.csv", "121.55", "121.56"),
    "a stream with more places": ("devices/types.toml", "places = 1", "places = 2"),
    "a rule stricter": ("rules.toml", "raise_at = 15.0", "raise_at = 14.0"),
    "an indicator renamed": ("indicators.toml", "Closed on time", "Closed in time"),
}  # fmt: skip
GONE_WITH = {
    "an asset gone": {"asset_links.csv": None},
}
"""What must go together with what a change takes away."""


def pack_at(folder: Path, **changed: str | None) -> object:
    """The small pack, written and read."""
    return read_pack(str(write_pack(folder, **changed)))


def apply(folder: Path, **changed: str | None) -> list[Change]:
    """Write the small pack and apply it: exactly what was planned is done, and nothing is left to do."""
    pack = read_pack(str(write_pack(folder, **changed)))
    planned = [str(change) for change in plan_pack(pack)]
    done = apply_pack(system_actor("city"), pack)
    assert [str(change) for change in done] == planned
    assert plan_pack(pack) == []
    return done


def spoilt(file: str, old: str, new: str) -> dict[str, str | None]:
    """A file with one thing changed."""
    assert old in FILES[file], "the pack has changed: nothing is changed in it"
    return {file: FILES[file].replace(old, new, 1)}


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    """The small pack is applied; a folder for what comes next."""
    apply(tmp_path / "first")
    return tmp_path


@pytest.mark.parametrize("name", CHANGES)
def test_after_a_change_nothing_is_left_to_do(applied: Path, name: str) -> None:
    """Changed, exported and read back, changed back: each time the plan afterwards is empty."""
    file, old, new = CHANGES[name]
    changed = {**spoilt(file, old, new), **GONE_WITH.get(name, {})}
    with now.city_time(NOON):
        assert apply(applied / "next", **changed)
        export_pack(system_actor("city"), applied / "export")
        assert plan_pack(read_pack(str(applied / "export"))) == []
    with now.city_time(EVENING):
        assert plan_pack(read_pack(str(applied / "next"))) == []
        apply(applied / "back")


def test_the_made_up_city_changed_in_every_section(tmp_path: Path) -> None:
    """One thing of each file of the large pack: planned, done, nothing left, and what runs comes back from export."""
    shutil.copytree(Path(settings.SCOC_CITIES) / "common", tmp_path / "common")
    folder = shutil.copytree(Path(settings.SCOC_CITIES) / "binhai", tmp_path / "binhai")
    apply_pack(system_actor("city"), read_pack(str(folder)))
    for name, old, new in (
        ("binhai/areas/districts.geojson", '"海湾区"', '"新海湾区"'),
        ("binhai/areas/streets.geojson", '"population":86000', '"population":86001'),
        ("binhai/organisations.toml", 'name_en = "', 'name_en = "New '),
        ("binhai/posts.toml", 'title_en = "', 'title_en = "New '),
        ("binhai/accounts.toml", "李卫民", "李为民"),
        ("binhai/devices/rain_gauge.csv", "123.40943", "123.40944"),
        ("binhai/responsibility.csv", ",3,", ",4,"),
        ("binhai/assets/manhole_cover.csv", "Cover", "Lid"),
        ("common/roles.toml", 'name_en = "Acceptor"', 'name_en = "Receiver"'),
        ("common/grants.toml", 'permission = "core.read_deliveries", scope = "city"',
         'permission = "core.read_deliveries", scope = "unit"'),
        ("common/categories.toml", 'name_en = "', 'name_en = "New '),
        ("common/codes.toml", 'name_en = "', 'name_en = "New '),
        ("common/conditions.toml", "limit = ", "limit = 1"),
        ("common/indicators.toml", 'name_en = "', 'name_en = "New '),
        ("common/rules.toml", 'name_en = "', 'name_en = "New '),
        ("common/situations.toml", "radius_m = ", "radius_m = 1"),
        ("common/devices/types.toml", 'name_en = "', 'name_en = "New '),
    ):  # fmt: skip
        path = tmp_path / name
        text = path.read_text(encoding="utf-8")
        assert old in text, name
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    pack = read_pack(str(folder))
    planned = [str(change) for change in plan_pack(pack)]
    assert {line.split()[1] for line in planned} >= {
        "areas", "organisations", "posts", "accounts", "devices", "responsibility", "assets", "roles", "grants",
        "categories", "codes", "conditions", "indicators", "rules", "situations", "device_types",
    }  # fmt: skip
    assert [str(change) for change in apply_pack(system_actor("city"), pack)] == planned
    assert plan_pack(pack) == []
    export_pack(system_actor("city"), tmp_path / "export")
    assert plan_pack(read_pack(str(tmp_path / "export"))) == []


# Areas


def test_a_changed_area_gets_one_version_and_everybody_follows(applied: Path) -> None:
    """Posts, organisations, devices and outlines stand in the new version; streets below it keep theirs."""
    old = Area.objects.get(code="990102")
    with now.city_time(EVENING):
        apply(applied / "next", **spoilt(*CHANGES["a district renamed"]))
        apply(applied / "next", **spoilt(*CHANGES["a district renamed"]))
    old.refresh_from_db()
    new = Area.objects.get(code="990102", valid_to=None)
    assert (new.version, new.name.zh) == (2, "新东区")
    assert new.valid_from == old.valid_to == date(2026, 6, 16), "the city's day, not that of UTC"
    assert Post.objects.get(code="collector-1").area_id == new.pk
    assert Organisation.objects.get(code=UTILITY).area_id == new.pk
    assert locate(121.55, 30.0) == new.pk, "its outline came with it"
    assert Asset.objects.get(code="PUMP-1").area_id == new.pk
    street = Area.objects.get(code="990102001")
    assert (street.version, street.parent_id) == (1, new.pk)
    assert AreaSuccession.objects.get(predecessor=old).successor_id == new.pk


def test_another_outline_is_another_version(applied: Path) -> None:
    """What happened before the change of borders lies in the old version."""
    with now.city_time(NOON):
        apply(applied / "next", **spoilt(*CHANGES["a district renamed and with other borders"]))
        assert Area.objects.filter(code="990102").count() == 2
        assert locate(121.605, 29.95) == Area.objects.get(code="990102", version=2).pk
    with now.city_time(EVENING):
        apply(applied / "next", **spoilt(*CHANGES["a district with other borders"]))
    assert Area.objects.filter(code="990102").count() == 3
    assert locate(121.605, 29.95) is None


def test_what_lies_below_a_moved_area_moves_with_it(applied: Path) -> None:
    """Its path is another, so it has another version; the old one keeps the path that old rows were written with."""
    more = FILES["areas/streets.csv"] + "990103001001,community,990103001,坡社区,Slope\n"
    apply(applied / "more", **{"areas/streets.csv": more, **spoilt(
        "posts.toml", 'area = "990102"', 'area = "990103001001"')})  # fmt: skip
    moved = more.replace("990103001,street,990103", "990103001,street,990102")
    with now.city_time(NOON):
        apply(applied / "next", **{"areas/streets.csv": moved, **spoilt(
            "posts.toml", 'area = "990102"', 'area = "990103001001"')})  # fmt: skip
    old, new = Area.objects.filter(code="990103001001").order_by("version")
    assert old.path == "990100/990103/990103001/990103001001/"
    assert new.path == "990100/990102/990103001/990103001001/"
    assert new.parent is not None
    assert (new.parent.path, new.parent.valid_to) == ("990100/990102/990103001/", None)
    post = Post.objects.select_related("role", "organisation", "area").get(code="collector-1")
    assert actor_for(User.objects.get(username="collector"), post).area_path == new.path


def test_an_area_that_comes_back_is_a_further_version(applied: Path) -> None:
    with now.city_time(NOON):
        apply(applied / "next", **spoilt(*CHANGES["a street gone"]))
        assert not Area.objects.filter(code="990103001", valid_to=None).exists()
    with now.city_time(EVENING):
        apply(applied / "back")
    old, new = Area.objects.filter(code="990103001").order_by("version")
    assert (old.valid_to, new.version, new.valid_from) == (date(2026, 6, 15), 2, date(2026, 6, 16))


def test_areas_know_whose_place_they_took(applied: Path) -> None:
    """A merger: the new street names the old ones, which end; taken out of the pack it is forgotten."""
    merged = "code,level,parent,name_zh,name_en,took_over,valid_from\n990102009,street,990102,新街,New,{},2026-06-01\n"
    with now.city_time(NOON):
        apply(applied / "next", **{"areas/streets.csv": merged.format("990102001;990103001")})
        told = AreaSuccession.objects.filter(successor__code="990102009").values_list("predecessor__code", flat=True)
        assert set(told) == {"990102001", "990103001"}
        apply(applied / "less", **{"areas/streets.csv": merged.format("990102001")})
    assert AreaSuccession.objects.get(successor__code="990102009").predecessor.code == "990102001"
    with pytest.raises(BadPack, match="no other area"):
        pack_at(applied / "bad", **{"areas/streets.csv": merged.format("990102999")})


def test_a_day_to_come_is_refused(applied: Path) -> None:
    with pytest.raises(BadPack, match="still to come"):
        pack_at(applied / "next", **spoilt("areas/districts.geojson", '"name_zh":"东区"',
                                           '"valid_from":"2199-05-01","name_zh":"东区"'))  # fmt: skip


# Organisations and roles


def test_below_a_moved_organisation_everybody_has_the_new_path(applied: Path) -> None:
    below = FILES["organisations.toml"].replace('area = "990102"', f'parent = "{BUREAU}"')
    apply(applied / "below", **{"organisations.toml": below})
    top = below.replace(f'short_en = "Water"\nparent = "{GOVERNMENT}"', 'short_en = "Water"')
    apply(applied / "top", **{"organisations.toml": top})
    assert Organisation.objects.get(code=UTILITY).path == f"{BUREAU}/{UTILITY}/"


def test_names_of_organisations_have_a_history(applied: Path) -> None:
    with now.city_time(EVENING):
        apply(applied / "next", **spoilt(*CHANGES["an organisation renamed"]))
    names = OrganisationName.objects.filter(organisation__code=BUREAU).order_by("id")
    assert [(row.name.en, row.valid_to) for row in names] == [
        ("Water Bureau", date(2026, 6, 16)), ("Bureau of Water", None),
    ]  # fmt: skip


def without_evaluator() -> dict[str, str | None]:
    """The files of the pack without one role and its post."""
    return {
        "roles.toml": FILES["roles.toml"].split("[[role]]\ncode = \"evaluator\"")[0].replace('["evaluator"]', "[]"),
        "grants.toml": FILES["grants.toml"].replace(
            '  { role = "evaluator", permission = "cases.read_evaluation", scope = "city" },\n', ""),
        "posts.toml": FILES["posts.toml"].split('[[post]]\ncode = "evaluator-1"')[0],
    }  # fmt: skip


def test_a_role_that_posts_had_ends(applied: Path) -> None:
    """Its posts keep it as history; it is no role of the city any more, and may come back."""
    apply(applied / "next", **without_evaluator())
    assert Role.objects.get(code="evaluator").valid_to == now.wall_today()
    assert Post.objects.get(code="evaluator-1").role.code == "evaluator"
    assert not Grant.objects.filter(role__code="evaluator").exists()
    apply(applied / "back")
    assert Role.objects.get(code="evaluator").valid_to is None


def test_a_role_for_people_only_ends_its_keys(applied: Path) -> None:
    administration.issue_key(system_actor("tests"), "meter", "evaluator-1", "抄表", per_minute=9, per_day=99, days=9)
    apply(applied / "next", **spoilt("roles.toml", "machines = true\n", ""))
    assert ApiKey.objects.get().revoked_at is not None


def test_with_a_post_its_holders_and_keys_end(applied: Path) -> None:
    """Should the post come back, nobody holds it unasked."""
    post = Post.objects.get(code="evaluator-1")
    person = User.objects.create(username="zhao", password="!")
    PostHolding.objects.create(user=person, post=post, valid_from=now.wall_now())
    key = administration.issue_key(system_actor("tests"), "meter", post.code, "抄表", per_minute=9, per_day=99, days=9)
    apply(applied / "next", **without_evaluator())
    apply(applied / "back")
    assert not holdings(person).exists()
    assert ApiKey.objects.get(prefix=key.split("_")[1]).revoked_at is not None


# Accounts


def made(username: str = "li.si") -> User:
    """An account that an administrator made."""
    admin = system_actor("tests")
    return User.objects.get(pk=administration.create_account(admin, username, Person(name="李四"), "Correct-horse-9"))


def test_accounts_made_in_scoc_are_no_packs_to_end(applied: Path) -> None:
    user = made()
    administration.give_post(system_actor("tests"), user.pk, "evaluator-1")
    assert plan_pack(read_pack(str(applied / "first"))) == []
    apply(applied / "next", **spoilt(*CHANGES["an account gone"]))
    user.refresh_from_db()
    assert user.is_active
    assert holdings(user).exists()
    gone = User.objects.get(username="collector")
    assert not gone.is_active
    assert not holdings(gone).exists()
    export_pack(system_actor("city"), applied / "export")
    assert AuditEntry.objects.filter(action="core.export_city", outcome="done").count() == 1
    assert "li.si" not in "".join(path.read_text() for path in (applied / "export").glob("accounts*"))


def test_a_post_given_in_scoc_is_no_packs_to_take(applied: Path) -> None:
    """Not even where the pack names the account; named in the pack too, it is the pack's."""
    collector = User.objects.get(username="collector")
    apply(applied / "free", **spoilt(*CHANGES["roles kept apart no more"]))
    administration.give_post(system_actor("tests"), collector.pk, "evaluator-1")
    apply(applied / "renamed", **{
        **spoilt(*CHANGES["roles kept apart no more"]), **spoilt(*CHANGES["an account renamed"])})  # fmt: skip
    assert holdings(collector).filter(post__code="evaluator-1").exists()
    both = spoilt("accounts.toml", '["collector-1"]', '["collector-1", "evaluator-1"]')
    apply(applied / "both", **{**spoilt(*CHANGES["roles kept apart no more"]), **both})
    assert holdings(collector).filter(post__code="evaluator-1").count() == 1
    apply(applied / "free")
    assert not holdings(collector).filter(post__code="evaluator-1").exists()


@pytest.mark.parametrize("username", ["li.si", "LI.SI"])
def test_a_pack_cannot_take_over_an_account_made_in_scoc(applied: Path, username: str) -> None:
    made()
    with pytest.raises(BadPack, match="was made in SCOC") as bad:
        pack_at(applied / "next", **spoilt("accounts.toml", 'collector"\nname', f'{username}"\nname'))
    assert (bad.value.problems[0].file, bad.value.problems[0].field) == ("next/accounts.toml", "username")


def test_a_closed_account_stays_closed(applied: Path) -> None:
    user = User.objects.get(username="collector")
    administration.close_account(system_actor("tests"), user.pk)
    apply(applied / "next", **spoilt(*CHANGES["an account renamed"]))
    user.refresh_from_db()
    assert not user.is_active


def test_a_new_name_is_applied_in_the_same_contact(applied: Path) -> None:
    """No contact is left behind; and who was erased is not brought back."""
    user = User.objects.select_related("contact").get(username="collector")
    before = Contact.objects.count()
    apply(applied / "next", **spoilt(*CHANGES["an account renamed"]))
    contact = Contact.objects.get(pk=user.contact_id or 0)
    assert shown(contact, "plain").name == "刘二"
    assert Contact.objects.count() == before
    with unit_of_work(system_actor("tests")):
        erase(system_actor("tests"), contact.pk, "本人要求删除")
    assert plan_pack(read_pack(str(applied / "next"))) == []
    apply(applied / "third", **spoilt("accounts.toml", '["collector-1"]', "[]"))
    contact.refresh_from_db()
    assert shown(contact, "plain").name == ""


@pytest.mark.parametrize(
    ("password", "says"),
    [("short-1A", "at least 10"), ("onlysmallletters", "3 of"), ("my-Collector-1", "user name")],
)
def test_passwords_of_a_pack_follow_the_policy(applied: Path, password: str, says: str) -> None:
    """The sentence names the rule, and never the password."""
    with pytest.raises(BadPack, match=says) as bad:
        pack_at(applied / "next", **spoilt("accounts.toml", "a-long-enough-1", password))
    assert [problem.field for problem in bad.value.problems] == ["password"]
    assert password not in str(bad.value)


@pytest.mark.parametrize("published", [False, True])
def test_passwords_of_a_pack_are_changed_at_once_unless_it_publishes_them(tmp_path: Path, published: bool) -> None:
    """The demo's logins work as they are printed, since its pack says so; those of a city do not stay as given."""
    says = {"city.toml": FILES["city.toml"].replace("[security]", "[security]\npublished_passwords = true")}
    apply(tmp_path / "first", **(says if published else {}))
    assert User.objects.get(username="collector").must_change_password is not published
    assert "published_passwords = true" in (Path(settings.SCOC_CITIES) / "binhai" / "city.toml").read_text("utf-8")


def test_duties_are_kept_apart_from_what_scoc_gave_too(applied: Path) -> None:
    """A delegation in SCOC and a post of the pack are held together; and roles kept apart later than given."""
    collector = User.objects.get(username="collector")
    apply(applied / "free", **spoilt(*CHANGES["roles kept apart no more"]))
    until = now.wall_now() + timedelta(hours=1)
    administration.give_post(system_actor("tests"), collector.pk, "evaluator-1", until=until)
    with pytest.raises(BadPack, match="never the same person"):
        pack_at(applied / "apart")
    user = made()
    for post in ("evaluator-1", "collector-1"):
        administration.give_post(system_actor("tests"), user.pk, post)
    with pytest.raises(BadPack, match=r"li\.si holds posts of collector and of evaluator"):
        pack_at(applied / "apart")


# Registries


def test_assets_and_links_come_and_go(applied: Path) -> None:
    asset = Asset.objects.get(code="PUMP-1")
    assert asset.owner is not None
    assert (asset.owner.code, asset.area.code if asset.area else "") == (UTILITY, "990102")
    assert asset.lon < 121.55, "it was given in GCJ-02"
    assert AssetLink.objects.get().kind == "feeds"
    apply(applied / "next", **spoilt(*CHANGES["an asset gone"]), **{"asset_links.csv": None})
    asset.refresh_from_db()
    assert asset.valid_to is not None
    assert AssetLink.objects.get().valid_to is not None


def test_code_sets_have_versions(applied: Path) -> None:
    with now.city_time(NOON):
        apply(applied / "next", **spoilt(*CHANGES["a code renamed"]))
    assert [row.name.en for row in code_set("road_grade", datetime(2020, 1, 1, tzinfo=UTC))] == ["Main road"]
    assert [row.name.en for row in code_set("road_grade", EVENING)] == ["Trunk road"]
