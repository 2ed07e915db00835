"""Code sets and assets as they are read: of a day, in one's scope, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scoc.core import inventory, now
from scoc.core.http.paging import PageQuery
from scoc.core.models import Asset, AssetLink, Code
from scoc.core.refusals import NotFound
from scoc.core.tests.factories import LONG_AGO, SINCE, City, browser, make_actor
from scoc.kit.text import Text

DAY = datetime(2026, 6, 15, 4, tzinfo=UTC)


def page(as_of: datetime | None = None) -> PageQuery:
    """A first page."""
    return PageQuery(cursor=None, limit=100, as_of=as_of)


@pytest.fixture
def assets(city: City) -> dict[str, Asset]:
    """A cover of the utility in the east, a pump of the bureau in the west that it feeds."""
    made = {
        code: Asset.objects.create(
            code=code, category=category, name=Text(code, code), owner=owner, area=area, lon=121.5, lat=30.0,
            valid_from=SINCE,
        )
        for code, category, owner, area in (
            ("COVER-1", "component/0101", city.utility, city.east), ("PUMP-1", "component/0102", city.bureau, city.west)
        )
    }  # fmt: skip
    AssetLink.objects.create(origin=made["PUMP-1"], target=made["COVER-1"], kind="feeds", valid_from=SINCE)
    return made


def test_assets_are_read_within_scope(city: City, assets: dict[str, Asset]) -> None:
    def seen(**where: object) -> list[str]:
        viewer = make_actor("core.read_assets", **where)  # type: ignore[arg-type]  # scope, unit or area
        return [row.code for row in inventory.assets(viewer, page()).items]

    assert seen() == ["COVER-1", "PUMP-1"]
    assert seen(scope="unit", organisation=city.utility) == ["COVER-1"]
    assert seen(scope="area_below", area=city.west) == ["PUMP-1"]
    unit = make_actor("core.read_assets", scope="unit", organisation=city.utility)
    assert [link.kind for link in inventory.asset(unit, "COVER-1").links] == ["feeds"]
    with pytest.raises(NotFound):
        inventory.asset(unit, "PUMP-1")


def test_assets_are_filtered_and_paged_as_of_a_day(city: City, assets: dict[str, Asset]) -> None:
    viewer = make_actor("core.read_assets")
    client = browser(viewer)
    for query, found in (
        ("category=component/0101", ["COVER-1"]), ("area=990103", ["PUMP-1"]), ("area=9901", []),
        (f"owner={city.bureau.code}", ["PUMP-1"]), ("limit=1", ["COVER-1"]),
    ):  # fmt: skip
        answer = client.get(f"/api/v1/core/assets?{query}")
        assert [row["code"] for row in answer.json()["items"]] == found, query
    Asset.objects.filter(code="PUMP-1").update(valid_to=DAY.date())
    with now.city_time(DAY):
        assert [row.code for row in inventory.assets(viewer, page()).items] == ["COVER-1"]
        before = page(as_of=DAY - timedelta(days=1))
        assert [row.code for row in inventory.assets(viewer, before).items] == ["COVER-1", "PUMP-1"]
    assert client.get("/api/v1/core/assets/PUMP-1").json()["valid_to"] == "2026-06-15"
    assert client.get("/api/v1/core/assets/PUMP-9").status_code == 404


def test_code_sets_are_read_as_of_a_time(city: City) -> None:
    for version, name, start, end in ((1, "干道", LONG_AGO, DAY), (2, "主干路", DAY, None)):
        Code.objects.create(
            set="road_grade", value="main", code="road_grade/main", version=version, name=Text(name, name),
            valid_from=start, valid_to=end, recorded_at=start,
        )  # fmt: skip
    viewer = make_actor("core.read_directory")
    with now.city_time(DAY):
        assert [row.name.zh for row in inventory.code_values(viewer, page(), "road_grade").items] == ["主干路"]
        before = page(as_of=DAY - timedelta(days=1))
        assert [row.name.zh for row in inventory.code_values(viewer, before).items] == ["干道"]
    assert browser(viewer).get("/api/v1/core/codes?set=urban_rural").json()["items"] == []
