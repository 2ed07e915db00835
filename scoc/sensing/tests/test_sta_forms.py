"""Further forms in which SensorThings is written: JSON Patch, links alone, data arrays, batches."""

from __future__ import annotations

import time
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import msgspec
import pytest

from scoc.core.acting import Actor
from scoc.core.refusals import Invalid, NotFound
from scoc.sensing.models import Observation, Rejected, RejectedCount, Thing
from scoc.sensing.sta import batching, reading
from scoc.sensing.sta.batching import batch
from scoc.sensing.sta.doing import JSON_PATCH, Caller, Done, NoMethod
from scoc.sensing.tests.sta_parts import BUOY, PLACE, ROOT, STREAM, get, keeper, post, send, stream_of

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db


# --- JSON Patch


def test_a_json_patch_changes_single_values(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    operations = [
        {"op": "test", "path": "/name", "value": "浮标"},
        {"op": "replace", "path": "/properties/owner", "value": "city"},
        {"op": "add", "path": "/properties/depth", "value": 3}, {"op": "copy", "from": "/name", "path": "/description"},
    ]  # fmt: skip
    assert send(keeper, "PATCH", f"Things({thing})", operations, JSON_PATCH).status == 200
    found = get(keeper, f"Things({thing})")
    assert (found["properties"], found["description"]) == ({"owner": "city", "depth": 3}, "浮标")
    send(keeper, "PATCH", f"Things({thing})", [{"op": "remove", "path": "/properties"}], JSON_PATCH)
    assert "properties" not in get(keeper, f"Things({thing})")


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/name", "value": "another"}], [{"op": "remove", "path": "/nothing"}], [{"op": "turn"}],
        {"name": "x"}, "x", [3], [{"op": "remove", "path": "/name"}],
    ],
)  # fmt: skip
def test_a_json_patch_that_does_not_fit_changes_nothing(keeper: Actor, operations: Any) -> None:
    thing = post(keeper, "Things", BUOY)
    with pytest.raises(Invalid):
        send(keeper, "PATCH", f"Things({thing})", operations, JSON_PATCH)
    assert get(keeper, f"Things({thing})")["name"] == "浮标"


# --- links alone


def test_links_are_tied_and_taken_away_by_themselves(keeper: Actor) -> None:
    thing = post(keeper, "Things", {**BUOY, "Locations": [], "Datastreams": []})
    place = post(keeper, "Locations", PLACE)
    assert send(keeper, "POST", f"Things({thing})/Locations/$ref", {"@iot.id": place}).status == 200
    assert [one["@iot.id"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == [place]
    send(keeper, "DELETE", f"Things({thing})/Locations({place})/$ref")
    assert get(keeper, f"Things({thing})/Locations")["value"] == []
    assert get(keeper, f"Locations({place})")["name"] == "河口"


def test_a_datastream_goes_to_another_thing(keeper: Actor) -> None:
    stream = stream_of(keeper)
    other = post(keeper, "Things", {"name": "塔", "description": "A mast"})
    link = {"@iot.selfLink": f"{ROOT}/Things({other})"}
    assert send(keeper, "PUT", f"Datastreams({stream})/Thing/$ref", link).status == 200
    assert get(keeper, f"Datastreams({stream})/Thing")["@iot.id"] == other
    made = post(keeper, f"Datastreams({stream})/Observations", {"result": 1})
    assert get(keeper, f"Observations({made})/Datastream/Thing")["@iot.id"] == other
    device = Thing.objects.select_related("device").get(pk=other).device
    assert device is not None
    assert device.key == f"thing-{other}"


def test_a_tie_without_which_the_other_cannot_be_stays(keeper: Actor) -> None:
    stream = stream_of(keeper)
    thing = get(keeper, f"Datastreams({stream})/Thing")["@iot.id"]
    with pytest.raises(Invalid, match="cannot be without"):
        send(keeper, "DELETE", f"Things({thing})/Datastreams({stream})/$ref")
    with pytest.raises(NoMethod):
        send(keeper, "DELETE", f"Datastreams({stream})/Thing/$ref")
    with pytest.raises(NotFound):
        send(keeper, "PUT", f"Datastreams({stream})/Thing/$ref", {"@iot.id": 99_999})


# --- data arrays


def arrays(stream: int, *rows: list[Any]) -> list[dict[str, Any]]:
    """One block of a data array."""
    return [{"Datastream": {"@iot.id": stream}, "components": ["phenomenonTime", "result"], "dataArray": list(rows)}]


def test_many_observations_come_as_arrays_and_a_bad_one_fails_alone(keeper: Actor) -> None:
    stream, other = stream_of(keeper), stream_of(keeper)
    body = arrays(stream, ["2026-06-14T01:00:00Z", 1], ["yesterday", 2], ["2026-06-14T02:00:00Z", 3], [4])
    body += arrays(other, ["2099-06-14T01:00:00Z", 5], ["2026-06-14T01:00:00Z", 6])
    done = send(keeper, "POST", "CreateObservations", body)
    assert done.status == 201
    links = [link.partition(":")[0] for link in done.content]
    assert links == ["http", "error", "http", "error", "error", "http"]
    assert "phenomenonTime" in done.content[1]
    assert [get(keeper, link.removeprefix(f"{ROOT}/"))["result"] for link in done.content if link[0] == "h"] == [
        1,
        3,
        6,
    ]
    counted = RejectedCount.objects.filter(source="sensorthings").values_list("reason", "n")
    assert sorted(counted) == [("in_future", 1), ("malformed", 2)]
    assert Rejected.objects.filter(source="sensorthings", detail__contains="phenomenonTime").count() == 2


def test_observations_are_told_as_arrays(keeper: Actor) -> None:
    stream = stream_of(keeper)
    send(keeper, "POST", "CreateObservations", arrays(stream, ["2026-06-14T01:00:00Z", 1], ["2026-06-14T02:00:00Z", 2]))
    (block,) = get(keeper, "Observations?$resultFormat=dataArray&$select=phenomenonTime,result&$orderby=id")["value"]
    assert block == {
        "Datastream@iot.navigationLink": f"{ROOT}/Datastreams({stream})", "components": ["phenomenonTime", "result"],
        "dataArray@iot.count": 2, "dataArray": [["2026-06-14T01:00:00Z", 1], ["2026-06-14T02:00:00Z", 2]],
    }  # fmt: skip
    (block,) = get(keeper, f"Datastreams({stream})/Observations?$resultFormat=dataArray&$top=1")["value"]
    assert block["components"][0] == "id"
    with pytest.raises(Invalid):
        get(keeper, "Things?$resultFormat=dataArray")


@pytest.mark.parametrize(
    "body",
    [
        [{}], ["x"], [{"Datastream": 3}], [{"Datastream": {"@iot.id": 1}, "components": ["colour"], "dataArray": []}],
        [{"Datastream": {"@iot.id": 1}, "components": ["result"], "dataArray": {}}],
    ],
)  # fmt: skip
def test_arrays_that_are_none(keeper: Actor, body: Any) -> None:
    with pytest.raises(Invalid):
        send(keeper, "POST", "CreateObservations", body)


def test_arrays_of_a_datastream_that_is_not_there(keeper: Actor) -> None:
    with pytest.raises(NotFound):
        send(keeper, "POST", "CreateObservations", arrays(99_999, ["2026-06-14T01:00:00Z", 1]))
    assert not Observation.objects.exists()


# --- batches


def batched(actor: Actor, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers of a batch in JSON."""
    done = batch(Caller(actor, ROOT), msgspec.json.encode({"requests": requests}), "application/json", told)
    found: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(done.content))["responses"]
    return found


def told(error: Exception) -> Done:
    """A failure by its kind."""
    return Done(getattr(error, "status", 500), {"error": type(error).__name__})


def test_a_batch_does_one_after_the_other_and_each_may_fail_alone(keeper: Actor) -> None:
    answers = batched(
        keeper,
        {"id": "a", "method": "post", "url": "Things", "body": BUOY},
        {"id": "b", "method": "post", "url": "Things", "body": {}},
        {"id": "c", "method": "post", "url": "$a/Datastreams", "body": STREAM},
        {"id": "d", "method": "post", "url": "Observations", "body": {"result": 5, "Datastream": {"@iot.id": "$c"}}},
        {"id": "e", "method": "get", "url": "/sta/v1.1/Datastreams?$count=true&$top=1"},
    )
    assert [(one["id"], one["status"]) for one in answers] == [
        ("a", 201), ("b", 422), ("c", 201), ("d", 201), ("e", 200),
    ]  # fmt: skip
    assert answers[2]["location"] == answers[2]["body"]["@iot.selfLink"]
    assert answers[4]["body"]["@iot.count"] == 2


def test_a_changeset_is_done_as_a_whole_or_not_at_all(keeper: Actor) -> None:
    group = {"atomicityGroup": "g", "method": "post", "url": "Things"}
    answers = batched(
        keeper,
        {**group, "id": "a", "body": BUOY}, {**group, "id": "b", "body": {}}, {**group, "id": "c", "body": BUOY},
        {"id": "d", "method": "get", "url": "Things?$count=true"},
    )  # fmt: skip
    assert [one["status"] for one in answers] == [424, 422, 424, 200]
    assert answers[3]["body"]["@iot.count"] == 0


MULTIPART = """--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /sta/v1.1/Things?$count=true HTTP/1.1
Host: city

--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST /sta/v1.1/Things HTTP/1.1
Content-Type: application/json

{"name": "塔", "description": "A mast"}
--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

PATCH $1 HTTP/1.1
Content-Type: application/json

{"name": "高塔"}
--c--

--b
Content-Type: application/http
Content-Transfer-Encoding: binary

DELETE /sta/v1.1/Things(999999) HTTP/1.1

--b--
"""


def test_a_batch_in_parts(keeper: Actor) -> None:
    body = MULTIPART.replace("\n", "\r\n").encode()
    done = batch(Caller(keeper, ROOT), body, "multipart/mixed; boundary=b", told)
    answer = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + done.headers["Content-Type"].encode() + b"\r\n\r\n" + done.content
    )
    first, changeset, last = answer.iter_parts()
    made, changed = changeset.iter_parts()
    lines = [content_of(part).split(b"\r\n")[0] for part in (first, made, changed, last)]
    assert lines == [b"HTTP/1.1 200 OK", b"HTTP/1.1 201 Created", b"HTTP/1.1 200 OK", b"HTTP/1.1 404 Not Found"]
    assert Thing.objects.get().name == "高塔"
    assert made["Content-ID"] == "1"
    assert b"Location: http://city/sta/v1.1/Things(" in content_of(made)


def content_of(part: Any) -> bytes:
    """What a part of an answer holds."""
    return bytes(part.get_payload(decode=True))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "application/json"), (b'{"requests": []}', "application/json"),
        (b'{"requests": [{"id": "a"}]}', "application/json"), (b"x", "application/json"),
        (b'{"requests": [{"id": "a", "method": "brew", "url": "x"}]}', "application/json"),
        (b"", "multipart/mixed; boundary=b"), (b"--b\r\n\r\nx\r\n--b--", "multipart/mixed; boundary=b"),
        (b"--b\r\nContent-Type: application/http\r\n\r\nBREW x\r\n--b--", "multipart/mixed; boundary=b"),
        (b"--b", "multipart/mixed"),
    ],
)  # fmt: skip
def test_what_is_no_batch(keeper: Actor, body: bytes, kind: str) -> None:
    with pytest.raises(Invalid):
        batch(Caller(keeper, ROOT), body, kind, told)


def test_a_batch_tells_no_more_than_fits(keeper: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MOST_ANSWER", 100)
    thing = post(keeper, "Things", BUOY)
    answers = batched(
        keeper,
        {"id": "a", "method": "get", "url": f"Things({thing})"},
        {"id": "b", "method": "get", "url": "Things"}, {"id": "c", "method": "delete", "url": f"Things({thing})"},
    )  # fmt: skip
    assert [one["status"] for one in answers] == [200, 413, 413]
    assert Thing.objects.exists()


def test_what_is_expanded_is_bounded(keeper: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_EXPANDED_ROWS", 2)
    post(keeper, "Things", BUOY)
    assert get(keeper, "Things?$expand=Datastreams($expand=Observations)")["value"]
    post(keeper, "Things", BUOY)
    with pytest.raises(Invalid, match="at once"):
        get(keeper, "Things?$expand=Datastreams($expand=Observations)")
    assert get(keeper, "Things?$expand=Datastreams($expand=Observations($top=0))")["value"]


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\n\r\n" * 100_000, b"--b\r\nContent-Type: multipart/mixed" + b";a" * 1_000_000 + b"\r\n\r\n--b--",
        b"--b\r\nContent-Type: multipart/mixed" + b"\r\n ;" * 1_000_000 + b"\r\n\r\n--b--",
        b"--b\r\nX: " + b"a;" * 1_000_000 + b"\r\n\r\n--b--",
        b"--b\r\nContent-Type: application/http\r\n\r\nGET Things HTTP/1.1\r\nContent-Type:" + b"a;" * 1_000_000,
        b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(700)),
    ],
)  # fmt: skip
def test_a_batch_that_would_take_long_to_read_is_refused(keeper: Actor, body: bytes) -> None:
    began = time.thread_time()
    with pytest.raises(Invalid):
        batch(Caller(keeper, ROOT), body, f"multipart/mixed; boundary={'b0' if b'b700' in body else 'b'}", told)
    assert time.thread_time() - began < 5
