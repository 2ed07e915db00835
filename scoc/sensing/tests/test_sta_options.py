"""The query options of 18-088 section 9.3.3, one by one and in the order in which they are applied."""

from __future__ import annotations

import pytest

from scoc.core.acting import Actor
from scoc.sensing.tests.sta_parts import BUOY, get, keeper, post, send, stream_of

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db


@pytest.fixture
def stream(keeper: Actor) -> int:
    """A datastream with the results 0 to 5, an hour apart."""
    made = stream_of(keeper)
    rows = [[f"2026-06-14T0{n}:00:00Z", n] for n in range(6)]
    block = {"Datastream": {"@iot.id": made}, "components": ["phenomenonTime", "result"], "dataArray": rows}
    send(keeper, "POST", "CreateObservations", [block])
    return made


def results(keeper: Actor, stream: int, options: str) -> list[float]:
    """What is found of the datastream's observations."""
    return [one["result"] for one in get(keeper, f"Datastreams({stream})/Observations?{options}")["value"]]


def test_the_order_in_which_options_are_applied(keeper: Actor, stream: int) -> None:
    """Filter, count, order, skip, top; then what is shown of the found."""
    found = get(keeper, f"Datastreams({stream})/Observations?$top=2&$skip=1&$orderby=result desc&$count=true"
                        "&$filter=result gt 0&$select=result")  # fmt: skip
    assert found["@iot.count"] == 5
    assert found["value"] == [{"result": 4}, {"result": 3}]


def test_expand(keeper: Actor, stream: int) -> None:
    found = get(
        keeper, f"Datastreams({stream})?$expand=Thing/Locations,Observations($filter=result eq 3;$select=result)"
    )
    assert (found["Thing"]["name"], found["Thing"]["Locations"][0]["name"]) == (BUOY["name"], "河口")
    assert found["Observations"] == [{"result": 3}]
    assert "Sensor" not in found
    assert "Sensor@iot.navigationLink" in found


def test_select(keeper: Actor, stream: int) -> None:
    found = get(keeper, f"Datastreams({stream})?$select=name,Thing,@iot.id")
    assert found.keys() == {"@iot.id", "@iot.selfLink", "name", "Thing@iot.navigationLink"}


def test_orderby(keeper: Actor, stream: int) -> None:
    assert results(keeper, stream, "$orderby=result") == [0, 1, 2, 3, 4, 5]
    assert results(keeper, stream, "$orderby=result desc") == [5, 4, 3, 2, 1, 0]
    other = post(keeper, "Things", {**BUOY, "name": "甲"})
    by_two = get(keeper, "Things?$orderby=name asc,id desc")["value"]
    assert [one["name"] for one in by_two] == ["浮标", "甲"]
    assert by_two[1]["@iot.id"] == other


def test_top(keeper: Actor, stream: int) -> None:
    assert results(keeper, stream, "$top=2") == [0, 1]
    assert "@iot.nextLink" in get(keeper, f"Datastreams({stream})/Observations?$top=2")
    assert "@iot.nextLink" not in get(keeper, f"Datastreams({stream})/Observations?$top=6")


def test_skip(keeper: Actor, stream: int) -> None:
    assert results(keeper, stream, "$skip=4") == [4, 5]


def test_count(keeper: Actor, stream: int) -> None:
    assert get(keeper, f"Datastreams({stream})/Observations?$count=true")["@iot.count"] == 6
    assert "@iot.count" not in get(keeper, f"Datastreams({stream})/Observations?$count=false")
    assert post(keeper, f"Datastreams({stream})/Observations", {"result": 7})
    assert get(keeper, f"Datastreams({stream})/Observations?$count=true&$filter=result gt 4")["@iot.count"] == 2
