"""What the city of the stories has behind it: Binhai, its clock on a Monday, and three cases of the week before.

Two of them were closed in time, one is overdue and nobody handled it: on time 2 ÷ 3 = 66.7 %. One more closed in time
makes 3 ÷ 4 = 75.0 %. Run as a program it founds that city in the installation of SCOC_HOME.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MONDAY = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
"""Monday 2026-06-15 09:00 in the city."""
FRIDAY = MONDAY - timedelta(days=3)
PASSWORD = "binhai-demo-2026"
GAUGE = "YW-0001"
FLOOD = "event/0506"
FLOOD_LIMIT = "event/0506-2"
"""Four hours, counted around the clock."""
PLACES = ((123.4048, 29.99818), (123.38809, 29.98834), (123.4050, 30.0060))
"""Of the three cases, in the reach of the same unit; each far from the gauge."""
OLD = (2, 3, "66.7")
"""Numerator, denominator and value of the on-time closing rate before the story."""
NEW = (3, 4, "75.0")
"""And after it."""


def found() -> None:
    """Apply the pack, live the three cases, and let the clock go on from Monday."""
    from scoc.core.access import system_actor
    from scoc.core.city import apply_pack, read_pack
    from scoc.core.now import city_time
    from scoc.core.tasks import deliver_all
    from scoc.rehearsal.actions import set_clock

    with city_time(FRIDAY - timedelta(days=1)):
        apply_pack(system_actor("city"), read_pack("binhai"))
    for number, (lon, lat) in enumerate(PLACES):
        _live(FRIDAY + timedelta(minutes=10 * number), lon, lat, whole=number < 2)
    set_clock(system_actor("rehearsal"), MONDAY, 1.0)
    deliver_all()


def _live(start: datetime, lon: float, lat: float, *, whole: bool) -> None:
    """A case: the whole way within two hours, or only as far as its dispatch."""
    from scoc.command.cases import actions as cases
    from scoc.command.cases.schemas import CaseAcceptIn, CaseDispatchIn, CaseIn, EvidenceIn
    from scoc.core.acting import Actor
    from scoc.core.administration import hand_in_file
    from scoc.core.now import city_time
    from scoc.rehearsal.simulator.people import read_people
    from scoc.rehearsal.simulator.photos import photo

    people = read_people()

    def desk(role: str) -> Actor:
        seat = people.by_role[role][0]
        return people.actor(seat)

    def in_unit(role: str) -> Actor:
        found = people.in_unit(role, unit)
        assert found is not None
        return found

    def shown(actor: Actor, kind: str) -> list[EvidenceIn]:
        row = hand_in_file(actor, photo(kind, lon, lat), f"{kind}.png", taken_at=start)
        return [EvidenceIn.model_validate({"attachment_id": row.pk, "kind": kind})]

    with city_time(start):
        case = cases.report_case(
            desk("acceptor"), CaseIn(source="11", category=FLOOD, description="路面积水", lon=lon, lat=lat)
        ).id
    with city_time(start + timedelta(minutes=10)):
        cases.accept_case(desk("acceptor"), case, CaseAcceptIn(condition=FLOOD_LIMIT, address="东海路"))
        cases.file_case(desk("shift_leader"), case)
        cases.dispatch_case(desk("dispatcher"), case, CaseDispatchIn())
    if not whole:
        return
    from scoc.command.cases.queries import case as case_of

    found = case_of(desk("shift_leader"), case)
    assert found.current_unit is not None
    unit = found.current_unit.id
    with city_time(start + timedelta(minutes=20)):
        cases.sign_case(in_unit("unit_clerk"), case)
    with city_time(start + timedelta(minutes=90)):
        handler = in_unit("unit_handler")
        cases.feed_back(handler, case, "积水已排干。", shown(handler, "after"))
        cases.send_to_check(desk("shift_leader"), case)
    with city_time(start + timedelta(minutes=110)):
        collector = people.in_area("collector", _area_path(found.area), 0)
        assert collector is not None
        cases.pass_check(collector, case, shown(collector, "check"))
        cases.close_case(desk("shift_leader"), case, criterion_met=True)


def _area_path(code: str | None) -> str:
    from scoc.core.models import Area

    return Area.objects.get(code=code, valid_to=None).path


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoc.site.settings")
    django.setup()
    found()
