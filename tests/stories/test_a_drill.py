"""A drill goes on beside real life: people join it by their session, devices and everybody else stay where they are."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from scoc.command.intake.tests.factories import FLOOD, LAT, LON, make_categories
from scoc.core import live
from scoc.core.access import system_actor
from scoc.core.acting import Actor, unit_of_work
from scoc.core.models import Notice
from scoc.core.notify import notify
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text
from scoc.sensing import actions as sensing
from scoc.sensing.tests.factories import make_device, readings

pytestmark = pytest.mark.django_db
CORE = "/api/v1/core"


def post(client: Client, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send it; gives the answer's content."""
    answer = client.post(path, json.dumps(body or {}), content_type="application/json")
    assert answer.status_code < 300, answer.content
    return answer.json()


def run_of(client: Client) -> str:
    """The kind of run that this browser shows."""
    return str(client.get(f"{CORE}/session").json()["run"]["kind"])


@pytest.fixture
def director(city: City) -> Actor:
    """Who leads the drill."""
    make_categories()
    return make_actor("core.*", "intake.*", "sensing.*", "cases.*")


@pytest.fixture
def drill(director: Actor) -> int:
    """A flood drill."""
    body = {"kind": "exercise", "name_zh": "防汛演练", "name_en": "Flood drill"}
    return int(post(browser(director), f"{CORE}/runs", body)["id"])


def situations(client: Client) -> int:
    """How many situations this browser shows."""
    return len(client.get("/api/v1/intake/situations").json()["items"])


def test_who_joins_a_drill_acts_in_it_and_nobody_else_does(director: Actor, drill: int) -> None:
    inside, outside = browser(director), browser(director)
    assert [run["kind"] for run in inside.get(f"{CORE}/session").json()["runs"]] == ["normal", "exercise"]
    post(inside, f"{CORE}/runs/{drill}/show")
    assert (run_of(inside), run_of(outside)) == ("exercise", "normal")
    post(inside, "/api/v1/intake/signals", {"channel": "11", "category": FLOOD, "lon": LON, "lat": LAT,
                                            "text": "演练：下穿桥积水"})  # fmt: skip
    assert (situations(inside), situations(outside)) == (1, 0)
    viewer = live._viewer_of("; ".join(f"{key}={cookie.value}" for key, cookie in inside.cookies.items()))
    assert viewer is not None
    assert viewer.run_id == drill


def test_devices_report_into_real_life_while_a_drill_is_on(
    director: Actor, drill: int, city: City, monday: datetime
) -> None:
    post(browser(director), f"{CORE}/runs/{drill}/show")
    result = sensing.ingest(system_actor("sensing"), "test", readings(make_device(), 10.0))
    assert (result.stored, result.rejected) == (1, 0)


def test_notices_of_a_drill_stay_in_it(director: Actor, drill: int, city: City) -> None:
    inside, outside = browser(director), browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    with unit_of_work(system_actor("intake").on_run(drill)):
        notify("intake:1", Text("演练", "Drill"), users=[director.user_id])
    assert Notice.objects.count() == 1
    assert len(inside.get(f"{CORE}/notices").json()["items"]) == 1
    assert outside.get(f"{CORE}/notices").json()["items"] == []


def test_an_ended_drill_puts_its_people_back_into_real_life(director: Actor, drill: int) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    post(browser(director), f"{CORE}/runs/{drill}/end")
    assert run_of(inside) == "normal"


def test_a_person_goes_back_and_one_without_the_permission_cannot_join(director: Actor, drill: int, city: City) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    post(inside, f"{CORE}/runs/{city.run.pk}/show")
    assert run_of(inside) == "normal"
    stranger = browser(make_actor("intake.*"))
    assert [run["kind"] for run in stranger.get(f"{CORE}/session").json()["runs"]] == ["normal"]
    assert stranger.post(f"{CORE}/runs/{drill}/show").status_code == 403
