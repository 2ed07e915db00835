"""The routes: status, permission and shape."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from django.test import Client

from scoc.command.indicators import actions
from scoc.command.indicators.tests.factories import HOUR, end_things, make_indicator
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.models import User
from scoc.core.tests.factories import City, make_actor

BASE = "/api/v1/indicators"


def client_of(actor: Actor) -> Client:
    """A browser signed in as this actor in the actor's post."""
    client = Client()
    user = User.objects.get(username=actor.username)
    client.force_login(user)
    session = client.session
    session["post_id"] = actor.post_id
    session.save()
    return client


@pytest.fixture
def measured(city: City, monday: datetime) -> City:
    make_indicator()
    end_things(city.east, monday - HOUR, good=19, bad=1)
    actions.refresh(system_actor("indicators"))
    return city


READS = ["", "/signs", "/health", "/districts", "/TS01", "/TS01/values"]


@pytest.mark.parametrize("path", READS)
def test_reads_need_their_permission(measured: City, path: str) -> None:
    assert Client().get(BASE + path).status_code == 401
    assert client_of(make_actor()).get(BASE + path).status_code == 403
    assert client_of(make_actor("indicators.read_values")).get(BASE + path).status_code == 200


def test_figures_are_decimals_in_text(measured: City) -> None:
    client = client_of(make_actor("indicators.read_values"))
    (sign,) = client.get(f"{BASE}/signs").json()
    assert (sign["newest"]["value"], sign["newest"]["numerator"], sign["points"][0]["value"]) == (
        "95.0", "19.000000", 95.0,
    )  # fmt: skip
    health = client.get(f"{BASE}/health", {"area": measured.east.code}).json()
    assert (health["value"], health["contributions"][0]["lost"]) == ("80.0", "20.0")


def test_actions_by_http(measured: City, monday: datetime) -> None:
    reader = client_of(make_actor("indicators.read_values"))
    doer = client_of(make_actor("indicators.compute", "indicators.recompute"))
    compute = json.dumps({"codes": ["TS01"]})
    past = json.dumps({"codes": [], "start": (monday - HOUR).isoformat(), "end": monday.isoformat()})
    for path, body in (("/compute", compute), ("/recompute", past)):
        assert reader.post(BASE + path, body, content_type="application/json").status_code == 403
        assert doer.post(BASE + path, body, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    ("path", "query"),
    [("/signs", {"as_of": "2026-06-15T09:00:00"}), ("/signs", {"as_of": "0001-01-01T00:00:00Z"}),
     ("/TS01", {"start": "9999-12-31T00:00:00Z"}), ("/signs", {"area": "1" * 21}), ("", {"cursor": "!"})],
)  # fmt: skip
def test_what_does_not_fit_is_refused(measured: City, path: str, query: dict[str, str]) -> None:
    answer = client_of(make_actor("indicators.read_values")).get(BASE + path, query)
    assert answer.status_code == 422


def test_what_is_not_there(measured: City) -> None:
    client = client_of(make_actor("indicators.read_values"))
    assert client.get(f"{BASE}/XX00").status_code == 404
    assert client.get(f"{BASE}/signs", {"area": "000000"}).status_code == 404
