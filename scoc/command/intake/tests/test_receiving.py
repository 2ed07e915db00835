"""Signals come in: repeated, checked, joined, asked about, or on their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from scoc.command.intake import queries
from scoc.command.intake.models import Join, Proposal, Signal, Situation
from scoc.command.intake.tests.factories import FLOOD, NOISE, report
from scoc.core import queries as core_queries
from scoc.core.acting import Actor, GrantRule
from scoc.core.administration import hand_in_file
from scoc.core.models import Area, FactRow
from scoc.core.refusals import Invalid, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor, make_organisation
from scoc.spatial.tests.factories import make_outline, next_version


def test_the_first_signal_opens_a_situation_and_a_near_one_joins_it(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    assert (first.joined, first.number) == (False, "S-20260615-0001")
    second = report(acceptor, metres=48, minutes=4, category=FLOOD)
    assert second.joined
    assert second.situation_id == first.situation_id
    # space 1-48/200 = .76; time 1-4/30 = .8667; kind 1; asset unknown: (35*.76 + 25*.8667 + 25) / 85
    join = Join.objects.get(signal_id=second.signal_id)
    assert join.score == Decimal("0.8620")
    assert [reason["value"] for reason in join.reasons] == ["0.7600", "0.8667", "1", None]
    situation = Situation.objects.get()
    assert (situation.signals, situation.counts, situation.located) == (2, {"11": 2}, 2)
    assert list(FactRow.objects.order_by("id").values_list("name", flat=True)) == [
        "intake.situation_opened", "intake.signal_received", "intake.signal_received", "intake.signal_joined",
    ]  # fmt: skip


def test_between_the_thresholds_a_person_is_asked(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    second = report(acceptor, metres=100, minutes=4, category=FLOOD)
    assert second.situation_id != first.situation_id
    proposal = Proposal.objects.get(signal_id=second.signal_id)
    assert second.proposal_id == proposal.pk
    assert (proposal.situation_id, proposal.score) == (first.situation_id, Decimal("0.7549"))


def test_something_else_near_by_is_a_situation_of_its_own(acceptor: Actor) -> None:
    first = report(acceptor, category=FLOOD)
    second = report(acceptor, metres=60, minutes=12, category=NOISE)
    assert second.situation_id != first.situation_id
    assert second.proposal_id is None


def test_the_same_number_comes_in_once(acceptor: Actor) -> None:
    first = report(acceptor, external_id="call-1", category=FLOOD)
    again = report(acceptor, external_id="call-1", metres=9000, category=FLOOD)
    assert again.known
    assert again.signal_id == first.signal_id
    assert Signal.objects.count() == 1


def test_a_number_that_another_organisation_gave_is_refused_not_swallowed(acceptor: Actor) -> None:
    report(acceptor, channel="52", external_id="1001")
    other = make_actor("intake.receive_signal", organisation=make_organisation("上级平台"))
    with pytest.raises(Refusal) as refused:
        report(other, channel="52", external_id="1001", metres=7000)
    assert refused.value.code == "number_taken"
    assert not report(other, channel="52", external_id="upper:1001", metres=7000).known


def test_a_position_outside_of_the_city_is_refused(acceptor: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        report(acceptor, metres=None, lon=116.4, lat=39.9)
    assert refused.value.code == "outside_city"
    assert not Signal.objects.exists()


def test_what_happened_before_a_border_moved_lies_in_the_area_of_then(acceptor: Actor, city: City) -> None:
    """The report is of this morning; a late one tells of February, when the place was still the eastern district's."""
    make_outline(city.east, 121.45, 29.9, 121.6, 30.1)
    moved = date(2026, 3, 1)
    west = next_version(city.west, moved)
    make_outline(west, 121.4, 29.9, 121.6, 30.1)
    Area.objects.filter(pk=city.east.pk).update(valid_to=moved)
    assert Signal.objects.get(pk=report(acceptor).signal_id).area == west
    late = report(acceptor, minutes=-110 * 24 * 60)
    assert Signal.objects.get(pk=late.signal_id).area == city.east


def test_files_go_with_the_report_of_the_post_that_handed_them_in(acceptor: Actor) -> None:
    photo = hand_in_file(make_actor_like(acceptor), b"\xff\xd8\xff photo", "near.jpg").pk
    made = report(acceptor, attachments=[photo])
    assert queries.situation(acceptor, made.situation_id).rows[0].attachments == [photo]
    stranger = make_actor("intake.receive_signal", "core.hand_in_file")
    with pytest.raises(Invalid) as refused:
        report(stranger, attachments=[photo])
    assert refused.value.code == "unknown_file"
    reader = make_actor("intake.read_situations", "core.read_files")
    assert core_queries.attachment(reader, photo).pk == photo
    with pytest.raises(NotFound):
        core_queries.attachment(make_actor("core.read_files"), photo)


def make_actor_like(actor: Actor) -> Actor:
    """The same person, who may hand in files too."""
    may = (GrantRule("core.hand_in_file", allow=True, scope="city", persons="masked", states=frozenset()),)
    return replace(actor, grants=(*actor.grants, *may))
