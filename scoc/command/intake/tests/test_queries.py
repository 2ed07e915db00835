"""Lists, counts, points and the detail: what is shown, to whom, in which order, as of when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from scoc.command.intake import actions, queries
from scoc.command.intake.models import Signal
from scoc.command.intake.schemas import DismissReason, SituationRow
from scoc.command.intake.tests.factories import FLOOD, NOISE, make_asset, report
from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import Area
from scoc.core.refusals import NotFound
from scoc.core.tests.factories import make_actor
from scoc.core.tests.plans import reads_text_index

ALL = PageQuery(cursor=None, limit=50)


def test_the_detail_explains_itself(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD, place="东海路下穿通道", channel="42", device="YW-0317", rule="depth")
    report(acceptor, metres=48, minutes=4, category=FLOOD, text="水很深，电话 13812345678",
           reporter={"name": "张三丰", "phone": "13812345678"})  # fmt: skip
    asked = report(acceptor, metres=-100, minutes=6, category=FLOOD)
    shown = queries.situation(acceptor, first.situation_id)
    assert shown.title.zh == "东海路下穿通道 道路积水"
    assert [row.how for row in shown.rows] == ["automatic", "seed"]
    joined = shown.rows[0]
    assert [reason.evidence.en for reason in joined.reasons] == [
        "48 m of 200 m", "4 min of 30 min", "the same category", "asset unknown, not counted",
    ]  # fmt: skip
    assert joined.reasons[0].evidence.zh == "相距 48 米，范围 200 米"
    assert joined.reasons[1].evidence.zh == "相隔 4 分钟，窗口 30 分钟"
    assert joined.reporter is not None
    assert (joined.reporter.name, joined.reporter.phone) == ("张**", "138****5678")
    assert joined.text == "水很深，电话 138****5678"
    assert joined.distance_m == 24
    assert [(row.signal_id, row.incoming) for row in shown.proposals] == [(asked.signal_id, True)]
    assert [row.id for row in shown.nearby] == [asked.situation_id]
    assert [step.action for step in shown.flow] == ["open"]
    assert shown.actions == ["accept", "confirm", "dismiss", "join", "merge", "reject", "separate", "undo"]
    outgoing = queries.situation(acceptor, asked.situation_id)
    assert [(row.situation_id, row.incoming) for row in outgoing.proposals] == [(first.situation_id, False)]


def test_a_viewer_who_may_not_see_persons_sees_neither_reporter_nor_words(acceptor: Actor) -> None:
    made = report(acceptor, text="我是张三", reporter={"name": "张三", "phone": "13812345678"})
    viewer = make_actor("intake.read_situations", persons="hidden")
    row = queries.situation(viewer, made.situation_id).rows[0]
    assert (row.reporter, row.text) == (None, "")


def test_even_a_grant_of_plain_shows_masks(acceptor: Actor) -> None:
    made = report(acceptor, reporter={"name": "张三", "phone": "13812345678"})
    viewer = make_actor("intake.read_situations", persons="plain")
    reporter = queries.situation(viewer, made.situation_id).rows[0].reporter
    assert reporter is not None
    assert (reporter.name, reporter.phone) == ("张*", "138****5678")


@pytest.fixture
def east_and_west(acceptor: Actor) -> tuple[int, int]:
    """Two situations, one in each district."""
    east = report(acceptor, metres=None, category=FLOOD, area="990102").situation_id
    west = report(acceptor, metres=None, category=NOISE, area="990103").situation_id
    return east, west


def test_a_district_officer_sees_and_touches_the_own_district_only(
    acceptor: Actor, east_and_west: tuple[int, int]
) -> None:
    east, west = east_and_west
    officer = make_actor("intake.*", scope="area_below", area=Area.objects.get(code="990102"))
    assert [row.id for row in queries.situations(officer, ALL).items] == [east]
    assert queries.situation_counts(officer).states["open"] == 1
    assert queries.last_hour(officer).signals == 1
    with pytest.raises(NotFound):
        queries.situation(officer, west)
    with pytest.raises(NotFound):
        actions.accept(officer, west)
    with pytest.raises(NotFound):
        actions.separate(officer, Signal.objects.get(situation_id=west).pk)
    with pytest.raises(NotFound):
        actions.join(officer, Signal.objects.get(situation_id=east).pk, west)


def test_nearby_shows_only_what_the_viewer_may_see(acceptor: Actor) -> None:
    near = report(acceptor, category=FLOOD, area="990102")
    report(acceptor, metres=300, category=FLOOD, area="990103")
    officer = make_actor("intake.*", scope="area_below", area=Area.objects.get(code="990102"))
    assert len(queries.situation(acceptor, near.situation_id).nearby) == 1
    assert queries.situation(officer, near.situation_id).nearby == []


def test_filters(acceptor: Actor, east_and_west: tuple[int, int]) -> None:
    east, west = east_and_west
    actions.accept(acceptor, west)

    def found(**wanted: object) -> list[int]:
        return [row.id for row in queries.situations(acceptor, ALL, **wanted).items]  # type: ignore[arg-type]  # any filter

    assert found() == [west, east]
    assert found(state="accepted") == [west]
    assert found(category=FLOOD) == [east]
    assert found(area="990103") == [west]
    assert found(area="990100") == [west, east]
    assert found(area="123456") == []
    assert found(level=3) == [west, east]
    assert found(level=1) == []
    assert found(text="东区") == [east]
    assert found(text="s-20260615-0002") == [west]
    assert found(text='"zh"') == []
    assert found(text="%") == []


def test_the_most_urgent_first_page_by_page(acceptor: Actor) -> None:
    for number in range(7):
        report(acceptor, metres=number * 1000, minutes=number, level=1 + number % 3)
    whole = queries.situations(acceptor, ALL, state="open")
    assert [row.level for row in whole.items] == [1, 1, 1, 2, 2, 3, 3]
    assert [row.last_at for row in whole.items[:3]] == sorted((row.last_at for row in whole.items[:3]), reverse=True)
    assert whole.total == 7
    seen, cursor = [], None
    while True:
        page = queries.situations(acceptor, PageQuery(limit=3, cursor=cursor), state="open")
        seen += [row.id for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [row.id for row in whole.items]


def test_as_of_shows_what_was_known_then(acceptor: Actor) -> None:
    base = now.city_now()

    @contextmanager
    def after(minutes: int) -> Iterator[None]:
        """Both clocks stand so many minutes later."""
        moment = base + timedelta(minutes=minutes)
        with now.city_time(moment), now.wall_time(lambda: moment):
            yield

    def known(minutes: int, state: str | None = None) -> list[SituationRow]:
        page = PageQuery(cursor=None, limit=50, as_of=base + timedelta(minutes=minutes))
        return queries.situations(acceptor, page, state=state).items

    with after(0):
        first = report(acceptor, category=FLOOD)
    with after(10):
        report(acceptor, metres=10, category=FLOOD)
        actions.accept(acceptor, first.situation_id)
    with after(20):
        report(acceptor, metres=5000, minutes=20, category=NOISE)
    with after(30):
        assert [(row.id, row.signals, row.counts, row.state) for row in known(5, "open")] == [
            (first.situation_id, 1, {"11": 1}, "open")
        ]  # fmt: skip
        assert [(row.id, row.signals, row.state) for row in known(15)] == [(first.situation_id, 2, "accepted")]
        assert not known(-1)


def test_counts_of_tabs_and_the_last_hour(acceptor: Actor) -> None:
    for number in range(3):
        report(acceptor, minutes=30 + number, channel="41", device="CAM-1", rule="water", category=FLOOD)
    report(acceptor, minutes=40, channel="41", device="CAM-1", rule="water", category=FLOOD)
    other = report(acceptor, metres=9000, minutes=50, category=NOISE)
    actions.dismiss(acceptor, other.situation_id, DismissReason.NOT_OURS, "不属受理范围")
    states = queries.situation_counts(acceptor).states
    assert (states["open"], states["dismissed"], states["settled"]) == (1, 1, 0)
    hour = queries.last_hour(acceptor)
    assert (hour.signals, hour.situations) == (5, 2)
    with now.city_time(now.city_now() + timedelta(days=30)):  # a tab counts what its list shows, however old
        listed = queries.situations(acceptor, ALL, state="dismissed")
        assert queries.situation_counts(acceptor).states["dismissed"] == listed.total == 1


def test_counts_are_under_the_filters_of_the_list(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD, place="东海路下穿通道")
    report(acceptor, metres=9000, category=NOISE, place="学府路")
    assert queries.situation_counts(acceptor).states["open"] == 2
    assert queries.situation_counts(acceptor, category=FLOOD).states["open"] == 1
    assert queries.situation_counts(acceptor, level=1).states["open"] == 0
    assert queries.situation_counts(acceptor, text="学府").states["open"] == 1


def test_words_are_looked_for_by_the_text_index(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD, place="东海路下穿通道")
    assert reads_text_index("intake_situation", lambda: queries.situations(acceptor, ALL, state="open", text="东海路"))
    assert reads_text_index("intake_situation", lambda: queries.situation_counts(acceptor, text="东海路"))


def test_points_are_live_situations_with_a_position(acceptor: Actor, east_and_west: tuple[int, int]) -> None:
    make_asset("9901020101000001")
    point = report(acceptor, metres=None, asset="9901020101000001", category=FLOOD)
    ended = report(acceptor, metres=9000, category=NOISE)
    actions.dismiss(acceptor, ended.situation_id, DismissReason.GONE, "已恢复")
    assert [row.id for row in queries.situation_points(acceptor)] == [point.situation_id]
