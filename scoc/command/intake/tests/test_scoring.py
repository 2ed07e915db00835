"""The score of a join, computed by hand; each threshold at its edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from scoc.command.intake import scoring
from scoc.command.intake.models import Join, Proposal, Situation
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.scoring import Side
from scoc.command.intake.tests.factories import (
    COVER,
    FLOOD,
    LAT,
    LON,
    NOISE,
    WATER,
    make_asset,
    make_rule,
    north,
    report,
)
from scoc.core.acting import Actor
from scoc.core.models import AssetLink, Installation
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import SETTINGS, SINCE

NOON = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
HOLDS = IntakeSettings()


def side(metres: float | None, minutes: float, category: str = FLOOD) -> Side:
    at = NOON + timedelta(minutes=minutes)
    return Side(at, at, category, None if metres is None else LON, None if metres is None else north(metres))


def scored(one: Side, other: Side, asset: str = "unknown", related: frozenset[frozenset[str]] = frozenset()) -> Decimal:
    return scoring.score(
        one, other, radius_m=200, window_minutes=30, asset_how=asset, related=related, settings=HOLDS
    ).value


@pytest.mark.parametrize(
    ("one", "asset", "expected"),
    [
        # same place, time, kind and device: every reason is whole
        (side(0, 0), "device", "1.0000"),
        (side(0, 0), "unknown", "1.0000"),
        # 48 m: .76; 4 min: .8667 (to four places); kind 1; (35×.76 + 25×.8667 + 25) ÷ 85 = 73.2675 ÷ 85
        (side(48, 4), "unknown", "0.8620"),
        # the same with the device known: (73.2675 + 15) ÷ 100
        (side(48, 4), "device", "0.8827"),
        # linked assets count .8: (73.2675 + 12) ÷ 100
        (side(48, 4), "linked", "0.8527"),
        # two other assets: 73.2675 ÷ 100
        (side(48, 4), "different", "0.7327"),
        # no position: (25×.8667 + 25) ÷ 50
        (side(None, 4), "unknown", "0.9334"),
        # half the radius, half the window, another major class: (35×.5 + 25×.5 + 0) ÷ 85
        (side(100, 15, NOISE), "unknown", "0.3529"),
        # the same major class counts .6: (17.5 + 12.5 + 15) ÷ 85
        (side(100, 15, WATER), "unknown", "0.5294"),
        # unknown kind counts .5: (17.5 + 12.5 + 12.5) ÷ 85
        (side(100, 15, ""), "unknown", "0.5000"),
        # component/01 is not event/01: nothing in common but half of place and time
        (side(100, 15, COVER), "unknown", "0.3529"),
        # at the edges of radius and window: kind alone
        (side(200, 30), "unknown", "0.2941"),
        (side(900, 300), "unknown", "0.2941"),
    ],
)  # fmt: skip
def test_scores_by_hand(one: Side, asset: str, expected: str) -> None:
    assert scored(one, side(0, 0), asset) == Decimal(expected)
    assert scored(side(0, 0), one, asset) == Decimal(expected)  # neither side comes first


def test_related_categories_count_as_the_pack_says() -> None:
    # (35×.5 + 25×.5 + 25×.8) ÷ 85
    related = frozenset({frozenset({FLOOD, NOISE})})
    assert scored(side(100, 15, NOISE), side(0, 0), related=related) == Decimal("0.5882")


def test_within_the_span_of_a_situation_no_time_lies_between() -> None:
    long = Side(NOON, NOON + timedelta(hours=3), FLOOD, LON, LAT)
    reason = scoring.time(25, side(0, 90), long, 30)
    assert (reason.value, reason.has, reason.evidence.en) == (Decimal(1), 0, "0 s of 30 min")
    late = scoring.time(25, side(0, 184.5), long, 30)
    assert (late.has, late.value) == (270, Decimal("0.8500"))
    assert (late.evidence.zh, late.evidence.en) == ("相隔 4 分 30 秒，窗口 30 分钟", "4 min 30 s of 30 min")


def test_every_reason_reads_in_both_languages() -> None:
    made = [
        *(scoring.kind(25, FLOOD, other, frozenset({frozenset({FLOOD, NOISE})}), HOLDS) for other in
          (FLOOD, NOISE, WATER, "", COVER)),
        *(scoring.asset(15, how, HOLDS) for how in ("device", "same", "linked", "different", "unknown")),
        scoring.space(35, side(None, 0), side(0, 0), 200),
    ]  # fmt: skip
    for reason in made:
        assert reason.evidence.zh
        assert reason.evidence.en.isascii()
        assert scoring.Reason.from_dict(reason.as_dict()) == reason
    assert [reason.how for reason in made[:5]] == ["same", "related", "major", "unknown", "different"]


def _thresholds(**intake: object) -> None:
    Installation.objects.update(settings={**SETTINGS, "intake": intake})
    forget_all()


def test_at_the_threshold_it_joins_below_it_asks(acceptor: Actor) -> None:
    # 48 m and 4 min score .8620
    _thresholds(auto_join=0.8620)
    report(acceptor, category=FLOOD)
    assert report(acceptor, metres=48, minutes=4, category=FLOOD).joined
    _thresholds(auto_join=0.8621)
    report(acceptor, metres=5000, category=FLOOD)
    asked = report(acceptor, metres=5048, minutes=4, category=FLOOD)
    assert not asked.joined
    assert asked.proposal_id is not None


def test_at_the_lower_threshold_it_asks_below_it_opens(acceptor: Actor) -> None:
    # 100 m and 15 min of another minor class score .5294
    _thresholds(ask=0.5294)
    report(acceptor, category=FLOOD)
    assert report(acceptor, metres=100, minutes=15, category=WATER).proposal_id is not None
    _thresholds(ask=0.5295)
    report(acceptor, metres=5000, category=FLOOD)
    assert report(acceptor, metres=5100, minutes=15, category=WATER).proposal_id is None
    assert Situation.objects.count() == 4


def test_outside_of_radius_or_window_nothing_is_compared(acceptor: Actor) -> None:
    make_rule(FLOOD, radius_m=100, window_minutes=10)
    _thresholds(auto_join=0, ask=0)
    report(acceptor, category=FLOOD)
    assert report(acceptor, metres=100, minutes=10, category=FLOOD).joined  # on the edge of both
    Situation.objects.all().update(lon=LON, lat=LAT)
    report(acceptor, metres=3000, category=FLOOD)
    assert not report(acceptor, metres=3101, category=FLOOD).joined
    report(acceptor, metres=6000, category=FLOOD)
    assert not report(acceptor, metres=6000, minutes=10.1, category=FLOOD).joined
    assert not Proposal.objects.exists()


def test_the_best_one_wins_and_of_equal_ones_the_older(acceptor: Actor) -> None:
    first = report(acceptor, metres=-150, category=FLOOD)
    second = report(acceptor, metres=150, minutes=1, category=NOISE)
    assert report(acceptor, metres=140, minutes=2, category=NOISE).situation_id == second.situation_id
    # in the middle of two equal ones
    third = report(acceptor, metres=5100, category=FLOOD)
    report(acceptor, metres=4900, category=NOISE)
    _thresholds(auto_join=0, ask=0)
    between = report(acceptor, metres=5000)
    assert between.situation_id == third.situation_id
    assert first.situation_id != third.situation_id


def test_a_call_without_a_position_joins_only_where_its_asset_was_seen(acceptor: Actor) -> None:
    cover = make_asset("9901020101000001", north(400))
    other = make_asset("9901020101000002", north(405))
    report(acceptor, category=COVER)
    assert not report(acceptor, metres=None, category=COVER).joined
    seen = report(acceptor, metres=None, asset=cover.code, category=COVER)
    assert not seen.joined
    again = report(acceptor, metres=None, minutes=5, asset=cover.code, category=COVER)
    assert again.situation_id == seen.situation_id
    assert Join.objects.get(signal_id=again.signal_id).reasons[3]["how"] == "same"
    # 5 m away, but another cover: (35×.975 + 25×.8333 + 25) ÷ 100 = .7996, so a person is asked
    asked = report(acceptor, metres=None, minutes=10, asset=other.code, category=COVER)
    assert asked.proposal_id is not None
    assert Proposal.objects.get(signal_id=asked.signal_id).reasons[3]["how"] == "different"


def test_linked_assets_speak_of_one_event(acceptor: Actor) -> None:
    pipe, valve = make_asset("9901020101000001"), make_asset("9901020101000002", north(60))
    AssetLink.objects.create(origin=pipe, target=valve, kind="feeds", valid_from=SINCE)
    report(acceptor, metres=None, asset=pipe.code, category=COVER)
    joined = report(acceptor, metres=None, asset=valve.code, category=COVER)
    assert joined.joined
    assert Join.objects.get(signal_id=joined.signal_id).reasons[3]["how"] == "linked"


def test_the_rule_of_the_major_class_holds_for_minor_ones_without_their_own(acceptor: Actor) -> None:
    make_rule("event/0500", radius_m=500, version=3)
    make_rule(WATER, radius_m=50, version=2)
    flood = report(acceptor, category=FLOOD)
    pipe = report(acceptor, metres=9000, category=WATER)
    reach = {row.pk: (row.radius_m, row.rule_version) for row in Situation.objects.all()}
    assert reach == {flood.situation_id: (500, 3), pipe.situation_id: (50, 2)}
