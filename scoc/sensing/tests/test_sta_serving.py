"""SensorThings as a client meets it over HTTP: who is let in, what the landing page says, problems in words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from scoc.core import lean as router
from scoc.core.clients import issue
from scoc.core.environment import Environment
from scoc.core.models import Post, Run, User
from scoc.core.now import forget_clocks, wall_now
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text
from scoc.sensing import lean
from scoc.sensing.ingest.doors import Door
from scoc.sensing.models import Datastream, Device, Observation, RejectedCount, Thing
from scoc.sensing.sta import doing, serving
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.sta_parts import BUOY, EXCHANGES
from scoc.sensing.things import follow_devices

ROOT = "http://testserver/sta/v1.1"


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked.")


def ask(method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """One request through the router in front of Django."""

    async def course() -> httpx.Response:
        door = Door()
        await serving.startup(door)
        try:
            transport = httpx.ASGITransport(app=router.route(_refuse, [lean]))
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                content = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
                answer = await client.request(method, path, content=content, headers=headers)
                told = answer.json() if answer.content else None
                EXCHANGES.append((method, path, None if isinstance(body, bytes) else body, answer.status_code, told))
                return answer
        finally:
            await serving.shutdown()
            await door.close()

    return asyncio.run(course())


def get(path: str, **headers: str) -> httpx.Response:
    """One request that reads."""
    return ask("GET", path, **headers)


def key_for(permission: str) -> str:
    """The key of a machine with one permission."""
    actor = make_actor(permission, machines=True)
    user = User.objects.create(username=f"machine:{permission}", kind=User.Kind.MACHINE, password="!")
    assert actor.post_id is not None
    post = Post.objects.get(pk=actor.post_id)
    return issue(user, post, "a machine", per_minute=100, per_day=1000, valid_to=wall_now() + timedelta(days=1))


@pytest.fixture
def key(committed: City) -> str:
    """The key of a machine that may read observations."""
    make_device("dev-a")
    follow_devices(Device.objects.all())
    return key_for("sensing.read_observations")


@pytest.fixture
def bearer(committed: City) -> dict[str, str]:
    """What a machine sends that may write."""
    return {"authorization": f"Bearer {key_for('sensing.*')}"}


def test_a_machine_reads_by_its_key(key: str) -> None:
    landing = get("/sta/v1.1", authorization=f"Bearer {key}").json()
    assert {"name": "Things", "url": f"{ROOT}/Things"} in landing["value"]
    met = landing["serverSettings"]["conformance"]
    assert {one.partition("/1.1/req/")[2] for one in met} >= {"datamodel", "request-data", "create-update-delete"}
    assert not any("mqtt" in one for one in met)
    found = get("/sta/v1.1/Things?$count=true", authorization=f"Bearer {key}")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    assert found.json()["@iot.count"] == 1
    assert get("/sta/v1.1/", authorization=f"Bearer {key}").json() == landing


def test_the_landing_page_says_where_the_listener_is(key: str, settings: Any) -> None:
    settings.ENVIRONMENT = Environment(mqtt_port=1883, mqtt_tls_port=8883, public_url="https://iot.example.org/")
    served = get("/sta/v1.1", authorization=f"Bearer {key}").json()["serverSettings"]
    receive = next(one for one in served["conformance"] if one.endswith("/receive-updates"))
    assert served[receive] == {"endpoints": ["mqtt://iot.example.org:1883", "mqtts://iot.example.org:8883"]}


def test_a_person_reads_by_the_session(key: str) -> None:
    client = browser(make_actor("sensing.read_observations"))
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    assert get("/sta/v1.1/Things", cookie=cookies).status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sta/v1.1/Things(999)", 404, "no_such_entity"), ("/sta/v1.1/Nothing", 404, "no_such_path"),
        ("/sta/v1.1/Things?$filter=name%20eq", 400, "invalid"), ("/sta/v1.1/Things?$top=-1", 400, "invalid"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_words(key: str, path: str, status: int, code: str) -> None:
    answer = get(path, authorization=f"Bearer {key}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_nobody_and_who_may_not_are_kept_out(key: str) -> None:
    assert get("/sta/v1.1/Things").status_code == 401
    assert get("/sta/v1.1/Things", authorization="Bearer scoc_000000000000_nonsense").status_code == 401
    client = browser(make_actor("core.read_directory"))
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    assert get("/sta/v1.1/Things", cookie=cookies).status_code == 403


def test_entities_are_made_changed_and_removed(bearer: dict[str, str]) -> None:
    made = ask("POST", "/sta/v1.1/Things", BUOY, **bearer)
    assert (made.status_code, made.headers["location"]) == (201, made.json()["@iot.selfLink"])
    path = made.headers["location"].removeprefix("http://testserver")
    assert get(path, **bearer).json()["name"] == "浮标"
    assert ask("PATCH", path, {"name": "大浮标"}, **bearer).status_code == 200
    operations = [{"op": "replace", "path": "/description", "value": "Big"}]
    assert (
        ask("PATCH", path, operations, **bearer, **{"content-type": "application/json-patch+json"}).status_code == 200
    )
    found = get(path, **bearer).json()
    assert (found["name"], found["description"]) == ("大浮标", "Big")
    assert ask("DELETE", path, **bearer).status_code == 200
    assert get(path, **bearer).status_code == 404


def test_observations_are_committed_before_they_are_answered(bearer: dict[str, str]) -> None:
    thing = ask("POST", "/sta/v1.1/Things", BUOY, **bearer).headers["location"]
    stream = get(f"{thing}/Datastreams", **bearer).json()["value"][0]["@iot.selfLink"]
    made = ask("POST", f"{stream}/Observations", {"result": 22.25}, **bearer)
    assert made.status_code == 201
    assert Observation.objects.get(pk=made.json()["@iot.id"]).result == 22.25
    block = {"Datastream": {"@iot.id": int(stream[:-1].rpartition("(")[2])}, "components": ["result"],
             "dataArray": [[1], [2]]}  # fmt: skip
    assert len(ask("POST", "/sta/v1.1/CreateObservations", [block], **bearer).json()) == 2
    refused = ask("POST", f"{stream}/Observations", {"result": 1, "phenomenonTime": "soon"}, **bearer)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "phenomenonTime")
    assert RejectedCount.objects.get(source="sensorthings").n == 1


def test_the_same_request_twice_is_done_once(bearer: dict[str, str]) -> None:
    thing = ask("POST", "/sta/v1.1/Things", BUOY, **bearer).headers["location"]
    stream = get(f"{thing}/Datastreams", **bearer).json()["value"][0]["@iot.selfLink"]
    once = {**bearer, "idempotency-key": "0123456789"}
    first, second = (ask("POST", f"{stream}/Observations", {"result": 7}, **once) for _ in range(2))
    assert (first.status_code, first.json(), first.headers["location"]) == (
        second.status_code, second.json(), second.headers["location"],
    )  # fmt: skip
    assert Observation.objects.filter(result=7).count() == 1


def test_a_batch_over_http(bearer: dict[str, str]) -> None:
    requests = [
        {"id": "1", "method": "post", "url": "Things", "body": BUOY},
        {"id": "2", "method": "get", "url": "Nothing"},
    ]
    answer = ask("POST", "/sta/v1.1/$batch", {"requests": requests}, **bearer).json()["responses"]
    assert [one["status"] for one in answer] == [201, 404]
    assert answer[1]["body"]["code"] == "no_such_path"


def test_the_same_batch_twice_is_done_once(bearer: dict[str, str]) -> None:
    requests = [
        {"id": "1", "method": "post", "url": "Things", "body": BUOY},
        {"id": "2", "method": "post", "url": "Things", "body": {}},
        {"id": "3", "method": "post", "url": "$1/Datastreams", "body": {}},
    ]
    once = {**bearer, "idempotency-key": "0123456789"}
    first, second = (ask("POST", "/sta/v1.1/$batch", {"requests": requests}, **once) for _ in range(2))
    assert [one["status"] for one in first.json()["responses"]] == [201, 400, 400]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert Thing.objects.count() == 1


def test_what_is_observed_in_a_drill_stays_in_it(committed: City, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = make_actor("sensing.*", machines=True)
    device = make_device("dev-a")
    follow_devices(Device.objects.all())
    drill = Run.objects.create(kind=Run.Kind.EXERCISE, name=Text("演练", "Drill"), started_at=wall_now())
    line = Datastream.objects.get(device=device)
    line.pk, line.run = None, drill
    line.save()
    monkeypatch.setattr(serving, "presented_actor", lambda _: actor.on_run(drill.pk))
    monkeypatch.setattr(serving, "refuse_without_token", lambda _: None)
    stored = ask("POST", f"/sta/v1.1/Datastreams({line.pk})/Observations", {"result": 7})
    assert stored.status_code == 201
    block = {"Datastream": {"@iot.id": line.pk}, "components": ["result", "phenomenonTime"], "dataArray": [[1, "x"]]}
    assert ask("POST", "/sta/v1.1/CreateObservations", [block]).status_code == 201
    assert RejectedCount.objects.get(source="sensorthings").run_id == drill.pk
    Run.objects.filter(pk=drill.pk).update(ended_at=wall_now())
    forget_clocks()
    monkeypatch.setattr(serving, "presented_actor", lambda _: replace(actor, kind=User.Kind.PERSON, run_id=drill.pk))
    over = ask("POST", f"/sta/v1.1/Datastreams({line.pk})/Observations", {"result": 8})
    assert (over.status_code, over.json()["code"]) == (409, "run_ended")
    assert Observation.objects.filter(datastream=line).count() == 1


def test_a_page_that_shows_no_token_writes_nothing(bearer: dict[str, str]) -> None:
    client = browser(make_actor("sensing.*"))
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    refused = ask("POST", "/sta/v1.1/Things", BUOY, cookie=cookies)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/sta/v1.1/Things", b"{", 400), ("POST", "/sta/v1.1/Things", b"{}", 400),
        ("POST", "/sta/v1.1/Things", b" " * (doing.MOST_BODY + 1), 413), ("BREW", "/sta/v1.1/Things", b"", 405),
        ("DELETE", "/sta/v1.1/Things", b"", 405), ("POST", "/sta/v1.1", b"{}", 405),
        ("GET", "/sta/v1.1/CreateObservations", None, 404), ("POST", "/sta/v1.1/$batch", b"{}", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_in_words(
    bearer: dict[str, str], method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = ask(method, path, body, **bearer)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)


def test_bodies_that_wait_are_bounded(bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST_HELD", 1000)
    assert ask("POST", "/sta/v1.1/Things", {**BUOY, "Datastreams": []}, **bearer).status_code == 201
    answer = ask("POST", "/sta/v1.1/Things", b" " * 1001, **bearer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert serving._held == 0
