"""The city lives in the test database: the whole loop, in the order of the city's time, and again after a stop."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from scoc.command.cases import queries as cases
from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.city import read_pack
from scoc.core.models import Attachment, AuditEntry, Contact, Delivery, FactRow, Run
from scoc.core.now import city_time
from scoc.core.refusals import Invalid
from scoc.rehearsal.actions import set_clock
from scoc.rehearsal.history import found_city, live_through, lived_until
from scoc.rehearsal.simulator.life import Life, MadeUp
from scoc.rehearsal.simulator.people import read_people
from scoc.rehearsal.simulator.staff import Staff
from scoc.rehearsal.simulator.town import read_town

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 6, 15, 22, 0, tzinfo=UTC)
"""Tuesday 2026-06-16 06:00 in the city."""


def quiet(_: datetime) -> None:
    """Tell nobody."""


@pytest.fixture
def binhai() -> None:
    """The made-up city as of the morning."""
    found_city(read_pack("binhai"), MORNING)


@pytest.mark.usefixtures("binhai")
def test_a_day_goes_through_the_whole_loop() -> None:
    """Readings, alarms, reports, situations and cases; staff moves cases to the end; times are those of the city."""
    evening = MORNING + timedelta(hours=15)
    life = live_through(MORNING, evening, quiet, resumed=False)
    told = Counter(FactRow.objects.values_list("name", flat=True))
    assert life.tally.stored > 20_000
    assert life.tally.stored + sum(life.tally.rejected.values()) == life.tally.readings
    assert life.tally.duplicate == 0
    assert life.tally.reports > 2
    assert told["cases.reported"] >= 3
    assert told["cases.closed"] >= 1
    assert told["intake.situation_opened"] >= 1
    assert not Delivery.objects.exclude(state=Delivery.State.DONE).exists()
    steps = FactRow.objects.filter(name__startswith="cases.").order_by("id")
    assert all(MORNING <= row.happened_at <= evening for row in steps)
    closed = steps.filter(name="cases.closed").first()
    assert closed is not None
    times = list(FactRow.objects.filter(subject=closed.subject).order_by("id").values_list("happened_at", flat=True))
    assert times == sorted(times)
    with city_time(evening):
        case = cases.case(system_actor("test"), int(closed.subject.split(":")[1]))
    posts = [step.post.en for step in case.flow if step.post is not None and step.kind == "move"]
    assert len(set(posts)) >= 5, "acceptor, shift leader, dispatcher, unit and collector, each in an own post"
    assert Attachment.objects.filter(name__startswith="after").exists()
    refused = Counter(AuditEntry.objects.filter(kind="refusal").values_list("code", flat=True))
    assert set(refused) <= {"wrong_state", "stale"}, refused
    names = " ".join(FactRow.objects.values_list("body", flat=True))
    assert Contact.objects.filter(staff=False).exists()
    assert "先生" not in names, "facts carry no persons"


@pytest.mark.usefixtures("binhai")
def test_after_a_stop_life_goes_on_where_it_was() -> None:
    """What was lived is found to be there; open work is picked up from the lists; nothing is done twice."""
    town, noon = read_town(), MORNING + timedelta(hours=6)
    first = Life(MadeUp(town), Staff(town.seed, read_people()))
    first.pass_time(MORNING, noon, timedelta(hours=1), quiet)
    assert first.staff is not None
    waiting = {plan.subject for plan in first.staff.plans}
    reached = lived_until()
    assert reached is not None
    assert noon - timedelta(minutes=5) <= reached <= noon
    before = FactRow.objects.count()
    second = Staff(town.seed, read_people())
    with city_time(noon):
        second.skip_to_now()
    assert second.learn() == 0, "the past is not planned again"
    open_cases = {f"cases:{case}" for case in second.cases}
    assert {subject for subject in waiting if subject.startswith("cases:")} == open_cases
    again = Life(MadeUp(town), second)
    again.take_readings(again.source.batch(MORNING, noon))
    assert again.tally.stored == 0
    assert again.tally.duplicate == first.tally.stored
    assert FactRow.objects.count() == before
    again.pass_time(noon, noon + timedelta(hours=3), timedelta(hours=1), quiet)
    twice = Counter(FactRow.objects.filter(name="cases.accepted").values_list("subject", flat=True))
    assert not [subject for subject, number in twice.items() if number > 1]


@pytest.mark.usefixtures("binhai")
def test_somebody_quicker_is_no_failure() -> None:
    """A case that a person moved is not moved by the plan that was made before; the staff goes on from there."""
    town, noon = read_town(), MORNING + timedelta(hours=9)
    staff = Staff(town.seed, read_people())
    life = Life(MadeUp(town), staff)
    life.pass_time(MORNING, noon, timedelta(hours=1), quiet)
    plan = next(plan for plan in staff.plans if plan.subject.startswith("cases:"))
    known = staff.cases[int(plan.subject.split(":")[1])]
    known.version += 1  # as a fact of another's step tells
    before = FactRow.objects.count()
    with city_time(plan.at):
        plan.do(plan.at)
    assert FactRow.objects.count() == before


@pytest.mark.usefixtures("binhai")
def test_a_clock_goes_on_from_where_it_was_set() -> None:
    """Ten times as fast from a moment on; at speed 0 it stands; a speed that nobody could follow is refused."""
    actor = system_actor("test")
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)
    wall = [start]
    with now.wall_time(lambda: wall[0]):
        set_clock(actor, MORNING, 10)
        wall[0] += timedelta(minutes=3)
        assert now.city_now() == MORNING + timedelta(minutes=30)
        set_clock(actor, now.city_now(), 0)
        wall[0] += timedelta(hours=5)
        assert now.city_now() == MORNING + timedelta(minutes=30)
        with pytest.raises(Invalid, match="3600"):
            set_clock(actor, MORNING, 4000)
    assert Run.objects.get().speed_millis == 0
    assert FactRow.objects.filter(name="rehearsal.clock_set").count() == 2


@pytest.mark.usefixtures("binhai")
def test_the_newest_reading_says_how_far_the_city_lived() -> None:
    """Before the first reading there is none."""
    assert lived_until() is None


def test_office_hours_and_mornings() -> None:
    """Staff comes at eight, rests at noon and on Sundays; collectors walk by day."""
    found_city(read_pack("binhai"), MORNING)
    staff = Staff(1, read_people())
    zone = staff.calendar.zone

    def local(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 6, day, hour, minute, tzinfo=zone)

    assert staff.in_office(local(16, 9, 30)) == local(16, 9, 30)
    assert local(16, 14) < staff.in_office(local(16, 12, 30)) < local(16, 14, 30)
    assert local(17, 8) < staff.in_office(local(16, 18, 1)) < local(17, 8, 30)
    assert local(15, 8) < staff.in_office(local(13, 10)) < local(15, 8, 30), "Saturday and Sunday are off"
    assert staff.by_day(local(16, 12)) == local(16, 12)
    assert staff.by_day(local(16, 23)) == local(17, 7, 10)
    assert staff.by_day(local(16, 3)) == local(16, 7, 10)
