"""SensorThings as a client meets it over HTTP: who is let in, what the landing page says, problems in words."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from scoc.core import lean as router
from scoc.core.clients import issue
from scoc.core.models import Post, User
from scoc.core.now import wall_now
from scoc.core.tests.factories import City, browser, make_actor
from scoc.sensing import lean
from scoc.sensing.models import Device
from scoc.sensing.sta import serving
from scoc.sensing.tests.factories import make_device
from scoc.sensing.things import follow_devices

ROOT = "http://testserver/sta/v1.1"


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked.")


def get(path: str, **headers: str) -> httpx.Response:
    """One request through the router in front of Django."""

    async def course() -> httpx.Response:
        await serving.startup()
        try:
            transport = httpx.ASGITransport(app=router.route(_refuse, [lean]))
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
                return await client.get(path, headers=headers)
        finally:
            await serving.shutdown()

    return asyncio.run(course())


@pytest.fixture
def key(committed: City) -> str:
    """The key of a machine that may read observations."""
    make_device("dev-a")
    follow_devices(Device.objects.all())
    actor = make_actor("sensing.read_observations", machines=True)
    user = User.objects.create(username="machine:reader", kind=User.Kind.MACHINE, password="!")
    assert actor.post_id is not None
    post = Post.objects.get(pk=actor.post_id)
    return issue(user, post, "reader", per_minute=100, per_day=1000, valid_to=wall_now() + timedelta(days=1))


def test_a_machine_reads_by_its_key(key: str) -> None:
    landing = get("/sta/v1.1", authorization=f"Bearer {key}").json()
    assert {"name": "Things", "url": f"{ROOT}/Things"} in landing["value"]
    assert any(one.endswith("/request-data/filter") for one in landing["serverSettings"]["conformance"])
    found = get("/sta/v1.1/Things?$count=true", authorization=f"Bearer {key}")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    assert found.json()["@iot.count"] == 1
    assert get("/sta/v1.1/", authorization=f"Bearer {key}").json() == landing


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
