"""The route of the cockpit: status, permission and shape."""

from __future__ import annotations

from datetime import datetime

from django.test import Client

from scoc.core.acting import Actor
from scoc.core.models import User
from scoc.core.tests.factories import City, make_actor

PATH = "/api/v1/cockpit/overview"


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=actor.username))
    session = client.session
    session["post_id"] = actor.post_id
    session.save()
    return client


def test_the_overview_needs_its_permission(city: City, monday: datetime) -> None:
    assert Client().get(PATH).status_code == 401
    assert client_of(make_actor()).get(PATH).status_code == 403
    answer = client_of(make_actor("cockpit.read_overview")).get(PATH)
    assert answer.status_code == 200
    assert answer.json()["city"] == {"zh": "试城", "en": "Testville"}
    assert answer.json()["signs"] is None
