"""Reading: what screens get, as of any time, within the viewer's scope, in few queries."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.command.indicators import actions, queries
from scoc.command.indicators.models import Indicator, IndicatorValue
from scoc.command.indicators.tests.factories import HOUR, MINUTES, end_things, make_count, make_indicator
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.http import PageQuery
from scoc.core.now import city_time
from scoc.core.refusals import Invalid, NotAllowed, NotFound
from scoc.core.tests.factories import City, make_actor

D = Decimal
SEE = "indicators.read_values"


@pytest.fixture
def reader(city: City) -> Actor:
    return make_actor(SEE)


def page_query(**given: Any) -> PageQuery:
    return PageQuery.model_validate(given)


def refresh(at: datetime) -> None:
    with city_time(at):
        actions.refresh(system_actor("indicators"))


def test_a_vital_sign_whole(city: City, monday: datetime, reader: Actor) -> None:
    """Yesterday 9 of 10 = 90.0; today 19 of 20 = 95.0: 5 percentage points more."""
    make_indicator(owner=city.bureau)
    end_things(city.east, monday - 30 * HOUR, good=9, bad=1)
    refresh(monday - 24 * HOUR)
    end_things(city.west, monday - HOUR, good=10)
    refresh(monday)
    (sign,) = queries.vital_signs(reader)
    assert sign.newest is not None
    assert (sign.code, sign.area_code, sign.newest.value, sign.newest.level) == ("TS01", "990100", D("95.0"), "green")
    assert (sign.newest.numerator, sign.newest.denominator) == (D(19), D(20))
    assert (sign.change, sign.change_unit.zh, sign.compared_with, sign.comparable) == (
        D("5.0"), "个百分点", monday - 24 * HOUR, True,
    )  # fmt: skip
    assert (sign.age_seconds, sign.newest.window_end, sign.owner and sign.owner.id) == (0, monday, city.bureau.pk)
    assert sign.thresholds.low is not None
    assert (sign.thresholds.low.green, sign.thresholds.high) == (D(95), None)
    assert [(point.at, point.value) for point in sign.points] == [(monday, 95.0)]


def test_nothing_to_compare_with_shows_nothing(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator()
    end_things(city.east, monday - HOUR, good=1)
    refresh(monday)
    (sign,) = queries.vital_signs(reader)
    assert (sign.change, sign.compared_with, sign.comparable) == (None, None, False)


def test_a_comparison_across_versions_is_marked(city: City, monday: datetime, reader: Actor) -> None:
    old = make_indicator(by_district=False)
    end_things(city.east, monday - 30 * HOUR, good=1)
    refresh(monday - 24 * HOUR)
    Indicator.objects.filter(pk=old.pk).update(valid_to=monday - HOUR)
    make_indicator(by_district=False, valid_from=monday - HOUR)
    refresh(monday)
    (sign,) = queries.vital_signs(reader)
    assert (sign.version, sign.change, sign.comparable) == (2, D("0.0"), False)


def test_a_value_that_nothing_followed_is_stale(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(latency_seconds=600, by_district=False)
    end_things(city.east, monday - HOUR, good=1)
    refresh(monday)
    ages = [(15, "ok"), (16, "stale")]  # grain 5 min and 10 min allowed
    for minutes, status in ages:
        with city_time(monday + timedelta(minutes=minutes)):
            (sign,) = queries.vital_signs(reader)
            assert sign.newest is not None
            assert (sign.newest.status, sign.age_seconds) == (status, minutes * 60)


def test_unknown_is_null_and_a_gap(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(by_district=False)
    refresh(monday)
    (sign,) = queries.vital_signs(reader)
    assert sign.newest is not None
    assert (sign.newest.value, sign.newest.status, sign.newest.level) == (None, "unknown", "unknown")
    assert [point.value for point in sign.points] == [None]


def test_a_sign_never_measured_has_no_value(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator()
    (sign,) = queries.vital_signs(reader)
    assert (sign.newest, sign.age_seconds, sign.points) == (None, None, [])


def test_reading_as_of_a_time_gives_what_was_known_then(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(by_district=False)
    end_things(city.east, monday - HOUR, good=1)
    refresh(monday)
    end_things(city.east, monday, bad=1)
    refresh(monday + HOUR)
    with city_time(monday + 2 * HOUR):
        then = queries.vital_signs(reader, as_of=monday + 30 * MINUTES // 5)[0]
        now = queries.vital_signs(reader)[0]
        index_then, index_now = queries.health_index(reader, as_of=monday + MINUTES), queries.health_index(reader)
    assert then.newest is not None
    assert now.newest is not None
    assert (then.newest.value, now.newest.value) == (D("100.0"), D("50.0"))
    assert (index_then.value, index_now.value) == (D("100.0"), D("0.0"))


def test_a_short_line_is_thinned_to_quarters_of_an_hour(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(by_district=False)
    for step in range(7):
        refresh(monday + step * MINUTES)
    with city_time(monday + 6 * MINUTES):
        (sign,) = queries.vital_signs(reader)
    assert [point.at - monday for point in sign.points] == [2 * MINUTES, 5 * MINUTES, 6 * MINUTES]


def test_a_daily_figure_has_thirty_days_of_points(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(grain="day", period="span", span="", by_district=False)
    refresh(monday - timedelta(days=40))
    refresh(monday)
    (sign,) = queries.vital_signs(reader)
    assert len(sign.points) == 30


def test_scope_of_a_district(city: City, monday: datetime) -> None:
    make_indicator()
    end_things(city.east, monday - HOUR, bad=1)
    end_things(city.west, monday - HOUR, good=1)
    refresh(monday)
    leader = make_actor(SEE, area=city.east, scope="area_below")
    (sign,) = queries.vital_signs(leader)
    assert sign.newest is not None
    assert (sign.area_code, sign.newest.value) == (city.east.code, D("0.0"))
    for hidden in (city.area.code, city.west.code):
        with pytest.raises(NotFound):
            queries.vital_signs(leader, hidden)
        with pytest.raises(NotFound):
            queries.health_index(leader, hidden)
    assert [row.area_code for row in queries.district_indices(leader)] == [city.east.code]
    assert [row.area_code for row in queries.indicator(leader, "TS01").districts] == [city.east.code]


def test_scope_of_a_unit_is_what_it_answers_for(city: City, monday: datetime) -> None:
    make_indicator(owner=city.bureau)
    make_count(owner=city.utility)
    refresh(monday)
    clerk = make_actor(SEE, organisation=city.bureau, scope="unit")
    assert [sign.code for sign in queries.vital_signs(clerk)] == ["TS01"]
    assert queries.vital_signs(clerk)[0].newest is not None
    with pytest.raises(NotFound):
        queries.indicator(clerk, "TS02")
    with pytest.raises(NotAllowed):
        queries.vital_signs(make_actor())


def test_one_indicator_whole(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator()
    end_things(city.east, monday - HOUR, good=3, bad=1)
    refresh(monday)
    found = queries.indicator(reader, "TS01")
    assert (found.definition.formula.zh, found.definition.factor, found.definition.measure) == (
        "甲 ÷ 乙", 100, "testing.in_time",
    )  # fmt: skip
    assert found.inputs == {"ended": 4}
    by_district = {row.area_code: row.newest.value if row.newest else None for row in found.districts}
    assert by_district == {city.east.code: D("75.0"), city.west.code: None}
    assert [version.version for version in found.definition.versions] == [1]
    with pytest.raises(NotFound):
        queries.indicator(reader, "TS99")
    with pytest.raises(NotFound):
        queries.indicator(reader, "TS01", "123456")
    with pytest.raises(Invalid):
        queries.indicator(reader, "TS01", start=monday + HOUR)
    with pytest.raises(Invalid):
        queries.indicator(reader, "TS01", start=monday - timedelta(days=500))


def test_values_page_through_every_revision(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(by_district=False)
    for step in range(5):
        refresh(monday + step * MINUTES)
    with city_time(monday + HOUR):
        seen, cursor = [], None
        while True:
            page = queries.values(reader, "TS01", page_query(limit=2, cursor=cursor))
            seen += [row.window_end for row in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == [monday + step * MINUTES for step in (4, 3, 2, 1, 0)]
        assert page.total == 5
        early = queries.values(reader, "TS01", page_query(as_of=monday + MINUTES))
        assert len(early.items) == 2
        assert queries.values(make_actor(SEE, area=city.east, scope="area_below"), "TS01", page_query()).items == []


def test_definitions_page(city: City, monday: datetime, reader: Actor) -> None:
    for number in range(3):
        make_indicator(f"TS0{number}")
    page = queries.indicators(reader, page_query(limit=2))
    assert [row.code for row in page.items] == ["TS00", "TS01"]
    assert [row.code for row in queries.indicators(reader, page_query(cursor=page.next)).items] == ["TS02"]


def test_the_health_index_says_why(city: City, monday: datetime, reader: Actor) -> None:
    """Management (weight 40): rate 93.6 -> 74.4 points, twice; operation (20): count 15 -> 70 points.

    Rate 93.6 = 117 of 125: 80 - 20 * (95-93.6)/5 = 74.4. Count: 125 facts is beyond worst, so limits are stretched:
    best 0, green 100, yellow 150: 80 - 20 * 25/50 = 70. Index = (40*74.4 + 20*70) / 60 = 72.93… -> 72.9.
    Lost: rate 40/60 * 25.6 = 17.06…, count 20/60 * 30 = 10: tenths 17.1 and 10.0 make 27.1 = 100 - 72.9.
    """
    make_indicator(by_district=False)
    make_count(
        by_district=False, theme="operation", high={"best": "0", "green": "100", "yellow": "150", "worst": "300"}
    )
    end_things(city.east, monday - HOUR, good=117, bad=8)
    refresh(monday)
    index = queries.health_index(reader)
    assert (index.value, index.mark, index.mark_name.zh) == (D("72.9"), "fair", "一般")
    assert (index.coverage, index.known, index.total, index.version) == (D(1), 2, 2, 1)
    assert [(one.code, one.name.zh, one.score, one.lost) for one in index.contributions] == [
        ("TS01", "按时率", D("74.4"), D("17.1")), ("TS02", "计数", D("70.0"), D("10.0")),
    ]  # fmt: skip
    assert [(theme.code, theme.name.zh, theme.score, theme.lost, theme.weight) for theme in index.themes] == [
        ("management", "城市管理", D("74.4"), D("17.1"), D("0.666667")),
        ("operation", "运行保障", D("70.0"), D("10.0"), D("0.333333")),
    ]  # fmt: skip


def test_the_index_of_districts(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator()
    end_things(city.east, monday - HOUR, good=19, bad=1)
    refresh(monday)
    rows = {row.area_code: (row.value, row.mark, row.coverage) for row in queries.district_indices(reader)}
    assert rows == {city.east.code: (D("80.0"), "good", D(1)), city.west.code: (None, "", D(0))}
    assert queries.health_index(reader, city.west.code).value is None


def test_before_anything_was_measured(city: City, monday: datetime, reader: Actor) -> None:
    index = queries.health_index(reader)
    assert (index.value, index.at, index.version, index.themes) == (None, None, 0, [])
    assert [row.value for row in queries.district_indices(reader)] == [None, None]
    assert queries.vital_signs(reader) == []


def test_the_change_of_the_index(city: City, monday: datetime, reader: Actor) -> None:
    make_indicator(by_district=False)
    end_things(city.east, monday - 30 * HOUR, good=9, bad=1)
    refresh(monday - 24 * HOUR)
    end_things(city.west, monday - HOUR, good=10)
    refresh(monday)
    index = queries.health_index(reader)
    assert (index.value, index.change, index.comparable) == (D("80.0"), D("20.0"), True)


def test_other_runs_stay_apart(city: City, monday: datetime, reader: Actor) -> None:
    from scoc.core.models import Run
    from scoc.core.now import forget_clocks, in_run

    make_indicator(by_district=False)
    end_things(city.east, monday - HOUR, good=1)
    refresh(monday)
    drill = Run.objects.create(kind="exercise", name=city.run.name, started_at=monday)
    forget_clocks()
    with in_run(drill.pk):
        refresh(monday)
        (sign,) = queries.vital_signs(reader.on_run(drill.pk))
        assert sign.newest is not None
        assert sign.newest.value is None
    (sign,) = queries.vital_signs(reader)
    assert sign.newest is not None
    assert sign.newest.value == D("100.0")


@pytest.mark.parametrize("count", [1, 6])
def test_the_cost_of_a_screen_does_not_grow_with_indicators(
    city: City, monday: datetime, reader: Actor, count: int
) -> None:
    for number in range(count):
        make_indicator(f"TS{number:02}")
    refresh(monday - 24 * HOUR)
    refresh(monday)
    costs: dict[str, int] = {}
    asked: dict[str, Any] = {
        "signs": queries.vital_signs, "health": queries.health_index, "districts": queries.district_indices,
    }  # fmt: skip
    for name, ask in asked.items():
        with CaptureQueriesContext(connection) as captured:
            ask(reader)
        costs[name] = len(captured)
    # Two more each when what the process remembers of clocks and settings has just grown old.
    most = {"signs": 9, "health": 7, "districts": 4}
    assert all(cost <= most[name] for name, cost in costs.items()), costs


def every_five_minutes(code: str, start: datetime, days: int) -> None:
    """Copies of the figure's one value, every five minutes from `start` on, counting up."""
    row = IndicatorValue.objects.get(code=code)
    fields = {field.attname: getattr(row, field.attname) for field in IndicatorValue._meta.fields}
    rows = []
    for number in range(1, days * 288 + 1):
        end = start + number * MINUTES
        moved = {"id": None, "window_start": end, "window_end": end, "happened_at": end, "value": D(number)}
        rows.append(IndicatorValue(**{**fields, **moved}))
    IndicatorValue.objects.bulk_create(rows, batch_size=2000)


@pytest.mark.parametrize(("days", "step", "points"), [(7, 900, 7 * 96), (30, 3600, 30 * 24), (80, 86400, 81)])
def test_a_long_line_is_coarser_and_never_loses_its_newest_end(
    city: City, monday: datetime, reader: Actor, days: int, step: int, points: int
) -> None:
    make_count(by_district=False)
    refresh(monday - timedelta(days=100))
    every_five_minutes("TS02", monday - timedelta(days=days), days)
    with city_time(monday):
        found = queries.indicator(reader, "TS02", start=monday - timedelta(days=days))
    assert (found.step_seconds, found.series[-1].at, found.series[-1].value) == (step, monday, days * 288)
    assert abs(len(found.series) - points) <= 1
    assert found.series == sorted(found.series, key=lambda point: point.at)
