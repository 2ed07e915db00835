"""A closed case shows in its rate at once: real cases, taken through their moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from scoc.command.cases.tests.factories import Cast, bring, make_cast
from scoc.command.indicators import queries
from scoc.command.indicators.models import HealthValue, IndicatorValue
from scoc.command.indicators.tests.factories import make_count, make_indicator
from scoc.core.models import Delivery
from scoc.core.now import city_time
from scoc.core.tasks import deliver_all
from scoc.core.tests.factories import City, make_actor

D = Decimal


@pytest.fixture
def cast(city: City, monday: datetime) -> Cast:
    return make_cast(city)


def test_closing_a_case_moves_its_rate_at_once(city: City, monday: datetime, cast: Cast) -> None:
    """Limits of four office hours from 09:00: the deadline is 15:00.

    09:00: one closed in time, one open inside its limit, which is in neither: 1 of 1 = 100 %. 14:01: another closed in
    time, 2 of 2. 17:00: a third is closed, and the open one is overdue and due though nobody handled it: 3 of 4 = 75 %.
    """
    make_indicator("CI01", measure="cases.on_time_closing", period="current", span="month")
    make_count(measure="intake.open_situations")
    reader = make_actor("indicators.read_values")
    bring(cast, "handling")  # inside its limit of four office hours
    bring(cast, "closed")
    deliver_all()
    (sign, _) = queries.vital_signs(reader)
    assert sign.newest is not None
    assert (sign.newest.value, sign.newest.numerator, sign.newest.denominator) == (D("100.0"), D(1), D(1))
    assert not IndicatorValue.objects.filter(code="TS02").exists()  # only what cases count is measured
    assert HealthValue.objects.filter(area_code=city.area.code).latest("id").value == 100
    with city_time(monday + timedelta(hours=5, minutes=1)):
        bring(cast, "closed")
        deliver_all()
        (sign, _) = queries.vital_signs(reader)
        assert sign.newest is not None
        assert (sign.newest.numerator, sign.newest.denominator) == (D(2), D(2))
    with city_time(monday + timedelta(hours=8)):
        bring(cast, "closed")
        deliver_all()
        (sign, _) = queries.vital_signs(reader)
        assert sign.newest is not None
        assert (sign.newest.value, sign.newest.numerator, sign.newest.denominator) == (D("75.0"), D(3), D(4))


def test_many_that_close_together_are_measured_once(city: City, monday: datetime, cast: Cast) -> None:
    make_indicator("CI01", measure="cases.on_time_closing", period="current", span="month", by_district=False)
    for _ in range(3):
        bring(cast, "closed")
    deliver_all()
    assert Delivery.objects.filter(handler="task:indicators.compute").count() == 1
    assert IndicatorValue.objects.filter(code="CI01").count() == 1


def test_without_such_an_indicator_nothing_is_done(city: City, monday: datetime, cast: Cast) -> None:
    bring(cast, "closed")
    deliver_all()
    assert not Delivery.objects.filter(handler="task:indicators.compute").exists()
