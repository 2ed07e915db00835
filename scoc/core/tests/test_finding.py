"""Search: what texts contain, by index, within what the viewer may see, persons by hash alone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.core import contacts, text_index
from scoc.core.acting import Viewer
from scoc.core.contacts import Person
from scoc.core.finding import FINDERS, Asked, Hit, find_person, finder, search
from scoc.core.models import AREA_TEXT, ORGANISATION_TEXT, Area, AuditEntry, Organisation
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.tests.factories import City, browser, make_actor, make_area
from scoc.kit.text import Text


def named(text: str) -> list[str]:
    """Codes of the areas whose texts contain the query."""
    return list(Area.objects.filter(AREA_TEXT.containing(text)).order_by("code").values_list("code", flat=True))


@pytest.fixture
def areas(city: City) -> None:
    """Three streets."""
    for code, zh, en in (
        ("990102001", "望海路街道", "Wanghai Road"),
        ("990102002", "海天街道", "Haitian 100%"),
        ("990102003", "𠮷祥里", 'Ji"xiang'),
    ):
        area = make_area(code, "street", zh, city.east)
        area.name = Text(zh, en)
        area.save()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("海", ["990102001", "990102002"]),
        ("望海", ["990102001"]),
        ("望海路街道", ["990102001"]),
        ("海路 街道", ["990102001"]),
        ("望路", []),
        ("wangHAI", ["990102001"]),
        ("道w", []),  # the languages are two texts
        ("100%", ["990102002"]),
        ("%", ["990102002"]),
        ("_", []),
        ('i"x', ["990102003"]),
        ('"', ["990102003"]),
        ("𠮷", ["990102003"]),
        ("𠮷祥", ["990102003"]),
        ("zh", []),  # a key of the stored form is no text
        ("102002", ["990102002"]),
        ("", []),
        ("  ", []),
        ("OR", []),
        ("NEAR(海)", []),
        ("'; DROP TABLE core_area; --", []),
        ("\\", []),
    ],
)
def test_texts_are_found_by_whatever_they_contain(areas: None, text: str, found: list[str]) -> None:
    assert named(text) == found


def test_the_index_follows_every_change(areas: None) -> None:
    area = Area.objects.get(code="990102001")
    Area.objects.filter(pk=area.pk).update(name=Text("滨河街道", "Riverside"))
    assert (named("望海"), named("滨河")) == ([], ["990102001"])
    Area.objects.bulk_create([Area(code="990102009", level="street", name=Text("滨河新村", "x"), path="x/",
                                   valid_from=area.valid_from)])  # fmt: skip
    assert named("滨河") == ["990102001", "990102009"]
    Area.objects.filter(code="990102009").delete()
    assert named("滨河") == ["990102001"]


def test_what_is_contained_is_read_by_the_index(areas: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        named("望海路")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for other in ("seqscan", "indexscan", "indexonlyscan"):  # a small table is read faster in other ways
                cursor.execute(f"SET LOCAL enable_{other} = off")
            cursor.execute("EXPLAIN " + queries[0]["sql"])
            assert "core_area_text_" in str(cursor.fetchall())
        else:
            cursor.execute("EXPLAIN QUERY PLAN " + queries[0]["sql"])
            assert "VIRTUAL TABLE INDEX" in str(cursor.fetchall())


@pytest.mark.only_on("sqlite", reason="PostgreSQL keeps indexes with their tables")
def test_an_index_that_went_with_its_table_is_made_anew(areas: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'core_area_text_%'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
    Area.objects.filter(code="990102001").update(name=Text("滨河街道", "Riverside"))
    assert named("滨河") == []
    text_index.ensure_all(connection)
    assert named("滨河") == ["990102001"]
    Area.objects.filter(code="990102001").update(name=Text("望海路街道", "Wanghai"))
    assert named("望海") == ["990102001"]


def test_the_directory_is_found_by_kind(city: City) -> None:
    viewer = make_actor("core.read_directory", organisation=city.bureau)
    found = search(viewer, "水务")
    assert [(group.kind, group.name.en, len(group.hits), group.more) for group in found] == [
        ("organisation", "Organisation", 2, False)
    ]
    hit = found[0].hits[0]
    assert hit.subject in {f"core:organisation-{city.bureau.pk}", f"core:organisation-{city.utility.pk}"}
    assert [len(group.hits) for group in search(viewer, "水务", limit=1)] == [1]
    assert search(viewer, "水务", limit=1)[0].more
    assert [group.kind for group in search(viewer, "东区")] == ["area"]
    assert [group.kind for group in search(viewer, "post")] == ["post"]
    assert search(viewer, "东区", kind="post") == []
    with pytest.raises(Invalid) as refused:
        search(viewer, "东区", kind="everything")
    assert "area" in refused.value.errors[0].remedy.en


def test_an_organisation_that_ended_is_not_found(city: City) -> None:
    Organisation.objects.filter(pk=city.bureau.pk).update(valid_to="2021-01-01")
    assert [hit.title.zh for group in search(make_actor("core.read_directory"), "水务") for hit in group.hits] == [
        "水务集团"
    ]


def test_a_kind_is_asked_for_those_only_who_have_its_permission(city: City) -> None:
    def find(viewer: Viewer, asked: Asked) -> list[Hit]:
        """Find one thing."""
        return [Hit("tests:1", Text("样品", "sample"), Text("1", "1"))]

    finder("sample", "样品", "Sample", permission="tests.read")(find)
    assert search(make_actor(), "样品") == []
    assert [group.kind for group in search(make_actor("tests.read"), "样品")] == ["sample"]
    with pytest.raises(ValueError, match="Two finders"):
        finder("sample", "样品", "Sample", permission="tests.read")(find)


def test_what_a_mask_hides_is_not_found_by_it(city: City) -> None:
    def find(viewer: Viewer, asked: Asked) -> list[Hit]:
        """Show a number masked."""
        return [Hit("tests:1", Text("来电 138****8000", "call"), Text("", ""))]

    FINDERS.clear()
    finder("sample", "样品", "Sample", permission="tests.read")(find)
    viewer = make_actor("tests.read")
    assert search(viewer, "13800008000") == []
    assert len(search(viewer, "来电")) == 1


def test_persons_are_found_by_the_whole_name_or_number_by_those_who_see_them_in_plain(city: City) -> None:
    person = contacts.keep(Person(name="张小三", phone="138 1234 5678", id_card="11010519491231002X"))
    contacts.keep(Person(name="张小三", phone="13912345678"), staff=True)
    finder_ = make_actor("core.find_person", persons="plain")
    for text in ("张小三", "13812345678", "+8613812345678", "11010519491231002x"):
        assert find_person(finder_, text) == [person.pk]
    for text in ("张小", "1381234567", "138", "*"):
        assert find_person(finder_, text) == []
    found = AuditEntry.objects.filter(action="core.find_person", kind="read")
    assert {(entry.subject, entry.detail) for entry in found} == {(f"core:contact-{person.pk}", "")}
    assert found.count() == 4
    for other in (make_actor("core.find_person"), make_actor("core.find_person", persons="plain", scope="unit")):
        with pytest.raises(NotAllowed):
            find_person(other, "张小三")


def test_only_who_may_look_for_persons_has_them_looked_up(city: City) -> None:
    person = contacts.keep(Person(name="张小三", phone="13812345678"))
    seen: list[tuple[int, ...]] = []

    def find(viewer: Viewer, asked: Asked) -> list[Hit]:
        """Note which contacts are asked for."""
        seen.append(asked.contacts)
        return [Hit("tests:1", Text("路灯", "lamp"), Text("", ""), person=bool(asked.contacts))]

    FINDERS.clear()
    finder("sample", "样品", "Sample", permission="tests.read")(find)
    assert search(make_actor("tests.read"), "张小三") == []
    assert len(search(make_actor("tests.read", "core.find_person", persons="plain"), "张小三")) == 1
    assert seen == [(), (person.pk,)]


def test_the_search_over_http(city: City) -> None:
    client = browser(make_actor("core.read_directory"))
    answer = client.get("/api/v1/core/search", {"q": "水务局"}).json()
    assert answer["q"] == "水务局"
    group = answer["groups"][0]
    assert (group["kind"], group["hits"][0]["title"]["zh"], group["more"]) == ("organisation", "水务局", False)
    assert client.get("/api/v1/core/search", {"q": "  "}).json()["groups"] == []
    for wrong in ("", "?q=", "?q=" + "x" * 61, "?q=x&limit=21", "?q=x&kind=y"):
        assert client.get(f"/api/v1/core/search{wrong}").status_code == 422
    assert browser(make_actor()).get("/api/v1/core/search", {"q": "水务局"}).json()["groups"] == []


def test_every_index_tells_of_a_table_and_its_columns(city: City) -> None:
    assert ORGANISATION_TEXT in text_index.INDEXES.values()
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
    assert set(text_index.INDEXES) <= tables
    with pytest.raises(ValueError, match="Two text indexes"):
        text_index.TextIndex("core_area", ("code",))
