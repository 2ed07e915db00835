"""A drill goes on beside real life: people join it by their session, devices and everybody else stay where they are."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client, RequestFactory

from scoc.command.intake.tests.factories import FLOOD, LAT, LON, make_categories
from scoc.core import live
from scoc.core.access import system_actor
from scoc.core.acting import Actor, unit_of_work
from scoc.core.actions import ACTIONS, SHARED
from scoc.core.http import identity
from scoc.core.http.identity import RUN_KEY
from scoc.core.models import FactRow, Grant, Notice, User
from scoc.core.notify import notify
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text
from scoc.sensing import actions as sensing
from scoc.sensing.tests.factories import make_device, readings

pytestmark = pytest.mark.django_db
CORE = "/api/v1/core"
SIGNAL = {"channel": "11", "category": FLOOD, "lon": LON, "lat": LAT, "text": "下穿桥积水"}


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
    post(inside, "/api/v1/intake/signals", SIGNAL)
    assert (situations(inside), situations(outside)) == (1, 0)
    viewer = identity.session_viewer("; ".join(f"{key}={cookie.value}" for key, cookie in inside.cookies.items()))
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


def refused(client: Client, path: str, body: dict[str, Any] | None = None, **headers: str) -> str:
    """Send it; gives the code of the refusal that it must meet."""
    answer = client.post(path, json.dumps(body or {}), content_type="application/json", headers=headers)
    assert answer.status_code == 409, answer.content
    return str(answer.json()["code"])


def test_an_ended_drill_takes_nothing_more_and_its_people_go_back(director: Actor, drill: int, city: City) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    post(browser(director), f"{CORE}/runs/{drill}/end")
    run = inside.get(f"{CORE}/session").json()["run"]
    assert (run["kind"], run["ended"]) == ("exercise", True)
    assert refused(inside, "/api/v1/intake/signals", SIGNAL) == "run_ended"
    row = FactRow.objects.get(name="core.run_ended")
    event = live.event_of(row)
    assert event is not None
    assert event.for_viewer(director.on_run(drill))
    once = {"Idempotency-Key": "back-to-real-life"}
    assert inside.post(f"{CORE}/runs/{city.run.pk}/show", headers=once).status_code == 200
    assert situations(inside) == 0
    post(inside, "/api/v1/intake/signals", SIGNAL)
    assert situations(inside) == 1


def test_a_page_that_shows_another_run_or_post_changes_nothing(director: Actor, drill: int, city: City) -> None:
    tabs = browser(director)
    post(tabs, f"{CORE}/runs/{drill}/show")
    real = {"SCOC-Run": str(city.run.pk)}
    assert refused(tabs, "/api/v1/intake/signals", SIGNAL, **real) == "other_run"
    assert refused(tabs, "/api/v1/intake/signals", SIGNAL, **{"SCOC-Post": "999"}) == "other_post"
    assert situations(tabs) == 0
    shown = {"SCOC-Run": str(drill), "SCOC-Post": str(director.post_id)}
    answer = tabs.post("/api/v1/intake/signals", json.dumps(SIGNAL), content_type="application/json", headers=shown)
    assert answer.status_code == 200


def test_nothing_real_is_changed_from_inside_a_drill(director: Actor, drill: int, city: City) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    device = make_device()
    body = {"state": "retired"}
    assert refused(inside, f"/api/v1/sensing/devices/{device.pk}/state", body) == "in_a_drill"
    device.refresh_from_db()
    assert device.state == "active"


def test_who_may_no_longer_join_is_back_in_real_life(director: Actor, drill: int) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    Grant.objects.filter(role__code=director.role, permission="core.*").delete()
    assert run_of(inside) == "normal"


def test_a_request_that_began_before_the_drill_was_joined_does_not_undo_it(director: Actor, drill: int) -> None:
    client = browser(director)
    post(client, f"{CORE}/runs/{drill}/show")
    slow = RequestFactory().get(f"{CORE}/session")
    slow.session, slow.user = client.session, User.objects.get(pk=director.user_id)
    del slow.session[RUN_KEY]  # as it was before
    slow.session.modified = False
    identity.session_actor(slow)
    assert client.session[RUN_KEY] == drill


def test_a_person_goes_back_and_one_without_the_permission_cannot_join(director: Actor, drill: int, city: City) -> None:
    inside = browser(director)
    post(inside, f"{CORE}/runs/{drill}/show")
    post(inside, f"{CORE}/runs/{city.run.pk}/show")
    assert run_of(inside) == "normal"
    stranger = browser(make_actor("intake.*"))
    assert [run["kind"] for run in stranger.get(f"{CORE}/session").json()["runs"]] == ["normal"]
    assert stranger.post(f"{CORE}/runs/{drill}/show").status_code == 403


def test_every_action_lives_in_a_run_or_says_that_it_is_shared(city: City) -> None:
    """A new action of the kernel or of sensing is put on one side or the other, on purpose."""
    browser(make_actor()).get(f"{CORE}/session")  # loads all routes, and so all actions
    in_a_run = {
        "core.hand_in_file", "core.read_notice", "core.view_plain", "core.retry_delivery", "core.start_run",
        "core.switch_run", "core.end_run", "core.export_city", "sensing.ingest", "sensing.import",
        "sensing.create_observation",
        "sensing.acknowledge_alarm", "sensing.refute_alarm", "sensing.settle_alarm", "rehearsal.set_clock",
        "sensing.shelve_alarm", "sensing.unshelve_alarm",
    }  # fmt: skip
    by_nature = {"cases", "intake", "indicators"}
    real = {name for name, call in ACTIONS.items() if call.__module__.startswith("scoc.")}
    assert {name for name in real - in_a_run if name.partition(".")[0] not in by_nature} == SHARED & real
