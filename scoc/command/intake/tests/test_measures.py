"""Open situations at a moment, by area, as known at another moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from scoc.command.intake import actions
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import FLOOD, report
from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.measures import Window, take
from scoc.core.models import Area
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.tests.factories import make_actor


def _count(viewer: Actor, end: datetime, as_of: datetime, area: str | None = None, **parameters: str) -> Decimal | None:
    chosen = Area.objects.get(code=area) if area else None
    window = Window(end - timedelta(hours=1), end, as_of, chosen)
    return take(viewer, "intake.open_situations", window, dict(parameters)).numerator


def test_open_situations(acceptor: Actor) -> None:
    """08:00 two open; 08:30 one accepted; 09:00 that one settled. Known with a delay of ten minutes each."""
    eight = now.city_now() - timedelta(hours=1)
    half, nine = eight + timedelta(minutes=30), eight + timedelta(hours=1)
    wall = now.wall_now() - timedelta(hours=3)

    @contextmanager
    def at(city: datetime, minutes: int) -> Iterator[None]:
        with now.city_time(city), now.wall_time(lambda: wall + timedelta(minutes=minutes)):
            yield

    with at(eight, 10):
        east = report(acceptor, metres=None, category=FLOOD, area="990102").situation_id
        report(acceptor, metres=None, category=FLOOD, area="990103")
    with at(half, 40):
        actions.accept(acceptor, east)
    with at(nine, 70):
        actions.take_over(system_actor("cases"), east, "cases:1")
        actions.settle(system_actor("cases"), east, "cases:1", "closed")
    late = wall + timedelta(hours=9)
    second = timedelta(seconds=1)
    assert _count(acceptor, eight - second, late) == 0
    assert _count(acceptor, eight, late) == 2
    assert _count(acceptor, half, late, state="open") == 1
    assert _count(acceptor, nine, late) == 1
    assert _count(acceptor, half + second, late) == 2
    assert _count(acceptor, half + second, late, state="open") == 1
    assert _count(acceptor, nine + second, late) == 1
    assert _count(acceptor, nine + second, late, "990102") == 0
    assert _count(acceptor, nine + second, late, "990103") == 1
    # an hour and five minutes in, nobody knew yet that it was settled
    assert _count(acceptor, nine + second, wall + timedelta(minutes=65)) == 2
    assert _count(acceptor, nine + second, wall + timedelta(minutes=65), state="accepted") == 1
    assert _count(acceptor, nine + second, wall + timedelta(minutes=5)) == 0


def test_the_same_whether_asked_live_or_as_of_now(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    report(acceptor, metres=5000, category=FLOOD)
    actions.dismiss(acceptor, first.situation_id, DismissReason.GONE, "已恢复")
    end = now.city_now() + timedelta(minutes=1)
    assert _count(acceptor, end, now.wall_now() + timedelta(hours=1)) == 1
    assert _count(acceptor, end, now.wall_now()) == 1


def test_scope_and_refusals(acceptor: Actor) -> None:
    report(acceptor, metres=None, category=FLOOD, area="990102")
    report(acceptor, metres=None, category=FLOOD, area="990103")
    end, late = now.city_now() + timedelta(minutes=1), now.wall_now() + timedelta(hours=1)
    officer = make_actor("intake.read_situations", scope="area_below", area=Area.objects.get(code="990102"))
    assert _count(officer, end, late) == 1
    with pytest.raises(Invalid):
        _count(acceptor, end, late, state="merged")
    with pytest.raises(NotAllowed):
        _count(make_actor(), end, late)
