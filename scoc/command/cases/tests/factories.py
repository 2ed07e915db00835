"""A cast for tests: the desks of the centre, two units, definitions with round limits, and cases in any state."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from scoc.command.cases import actions
from scoc.command.cases.models import Case, Evidence, FilingCondition, ResponsibilityRow, State
from scoc.command.cases.schemas import CaseAcceptIn, CaseDispatchIn, CaseIn, CaseMoved, EvidenceIn
from scoc.core.acting import Actor, unit_of_work
from scoc.core.files import keep_file
from scoc.core.models import Category, Organisation
from scoc.core.pack import ALWAYS
from scoc.core.tests.factories import LONG_AGO, City, make_actor
from scoc.kit.text import Text
from scoc.spatial.tests.factories import make_outline

_numbers = count(1)
EAST = (121.75, 30.0)
WEST = (121.25, 30.0)
OUTSIDE = (118.0, 30.0)
COVER, FLOOD, SLOW = "component/0101-2", "event/0506-1", "component/0101-3"
"""Conditions of 4 office hours, 2 urgent hours and 2 working days."""
SUPERVISION = ("accept_case", "file_case", "send_to_check", "rework_case", "close_case", "pass_check", "comment_case")


def may(*names: str) -> tuple[str, ...]:
    """Permissions of the module by their short names, with those to read."""
    return (*(f"cases.{name}" for name in names), "cases.read_cases", "cases.read_conditions", "cases.read_evaluation")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: each with the grants of the role, no more."""

    city: City
    collector: Actor
    acceptor: Actor
    leader: Actor
    dispatcher: Actor
    clerk: Actor
    """Of the utility."""
    handler: Actor
    """Of the utility."""
    other: Actor
    """The clerk of the bureau."""
    evaluator: Actor
    street: Actor
    """Officer of the east."""
    mayor: Actor
    """A leader, who reads all."""

    @property
    def roles(self) -> dict[str, Actor]:
        """The ten by name."""
        names = [name for name in self.__slots__ if name != "city"]
        return {name: getattr(self, name) for name in names}


def make_category(code: str, zh: str, en: str) -> Category:
    """A class that always held."""
    kind, _, digits = code.partition("/")
    return Category.objects.create(
        code=code, version=1, kind=kind, major=digits[:2], minor=digits[2:], name=Text(zh, en), valid_from=ALWAYS,
        recorded_at=LONG_AGO,
    )  # fmt: skip


def make_condition(code: str, limit: str, unit: str, **rest: Any) -> FilingCondition:
    """A filing condition that always held."""
    values: dict[str, Any] = {
        "code": code, "version": 1, "valid_from": ALWAYS, "recorded_at": LONG_AGO, "category": code.rpartition("-")[0],
        "name": Text(f"条件 {code}", f"condition {code}"), "limit": Decimal(limit), "unit": unit, "urgency": 3,
        "criterion": Text("已修复", "repaired"), "basis": Text("立案标准", "filing standard"),
    }  # fmt: skip
    return FilingCondition.objects.create(**{**values, **rest})


def make_row(code: str, organisation: Organisation, **rest: Any) -> ResponsibilityRow:
    """A row of the matrix that always held."""
    values: dict[str, Any] = {
        "code": code, "version": 1, "valid_from": ALWAYS, "recorded_at": LONG_AGO, "organisation": organisation,
        "priority": 5, "basis": Text("权责清单", "duty list"),
    }  # fmt: skip
    return ResponsibilityRow.objects.create(**{**values, **rest})


def make_cast(city: City) -> Cast:
    """The cast in the made-up city, with outlines, three conditions and a matrix that names the utility."""
    make_outline(city.west, 121.0, 29.5, 121.5, 30.5)
    make_outline(city.east, 121.5, 29.5, 122.0, 30.5)
    make_category("component/0101", "上水井盖", "Water manhole cover")
    make_category("event/0506", "道路积水", "Water on the road")
    make_condition(COVER, "4", "WORK_HOUR")
    make_condition(SLOW, "2", "WORK_DAY")
    make_condition(FLOOD, "2", "URGENT_HOUR", urgency=1)
    make_row("water-covers", city.utility, category="component/0101")
    make_row("water-road", city.utility, category="event/0506")
    centre: dict[str, Any] = {"organisation": city.centre}
    utility: dict[str, Any] = {"organisation": city.utility, "scope": "unit"}
    return Cast(
        city=city,
        collector=make_actor(*may("report_case", "pass_check"), role="collector", **centre),
        acceptor=make_actor(*may("report_case", "accept_case", "comment_case"), role="acceptor", **centre),
        leader=make_actor(*may("file_case", "send_to_check", "rework_case", "close_case", "comment_case"),
                          role="shift_leader", **centre),
        dispatcher=make_actor(*may("dispatch_case"), role="dispatcher", **centre),
        clerk=make_actor(*may("sign_case", "feed_back", "comment_case"), role="unit_clerk", **utility),
        handler=make_actor(*may("sign_case", "feed_back"), role="unit_handler", **utility),
        other=make_actor(role="unit_clerk", organisation=city.bureau),  # the same role, so the same grants
        evaluator=make_actor(*may(), role="evaluator", **centre),
        street=make_actor(*may("report_case"), role="street_officer", area=city.east, scope="area_below"),
        mayor=make_actor(*may(), role="city_leader"),
    )  # fmt: skip


def photo(actor: Actor, kind: str = "near") -> EvidenceIn:
    """A photo that the actor handed in."""
    with unit_of_work(actor):
        row = keep_file(b"\xff\xd8\xff" + f"photo {next(_numbers)}".encode(), "photo.jpg")
    return EvidenceIn(attachment_id=row.pk, kind=Evidence(kind))


def report_in(cast: Cast, place: tuple[float, float] = EAST, **rest: Any) -> CaseIn:
    """A collector's report of a broken cover, with its photo."""
    lon, lat = place
    values: dict[str, Any] = {"source": "01", "category": "component/0101", "address": "中山东路 213 号"}
    values |= {"lon": lon, "lat": lat}
    return CaseIn(**{**values, "evidence": [photo(cast.collector)], **rest})


def report(cast: Cast, place: tuple[float, float] = EAST, **rest: Any) -> Case:
    """A case in REPORTED, by a collector; under other sources by the desk."""
    if (source := rest.get("source", "01")) == "01":
        return Case.objects.get(pk=actions.report_case(cast.collector, report_in(cast, place, **rest)).id)
    desks = {"evidence": [], **rest, "source": source}
    return Case.objects.get(pk=actions.report_case(cast.acceptor, report_in(cast, place, **desks)).id)


def attempt(actor: Actor, case_id: int, name: str, *, condition: str = COVER, unit_id: int | None = None) -> CaseMoved:
    """One move by an actor, with everything that it needs."""
    match name:
        case "accept_case":
            return actions.accept_case(actor, case_id, CaseAcceptIn(condition=condition))
        case "file_case":
            return actions.file_case(actor, case_id)
        case "dispatch_case":
            return actions.dispatch_case(actor, case_id, CaseDispatchIn(unit_id=unit_id, opinion="人工指定"))
        case "sign_case":
            return actions.sign_case(actor, case_id)
        case "feed_back":
            return actions.feed_back(actor, case_id, "已更换井盖", [photo(actor, "after")])
        case "send_to_check":
            return actions.send_to_check(actor, case_id)
        case "pass_check":
            return actions.pass_check(actor, case_id, [photo(actor, "check")])
        case "rework_case":
            return actions.rework_case(actor, case_id, "新盖与井座错台")
        case _:
            return actions.close_case(actor, case_id, criterion_met=True)


PLAYED_BY = {
    "accept_case": "acceptor", "file_case": "leader", "dispatch_case": "dispatcher", "sign_case": "clerk",
    "feed_back": "handler", "send_to_check": "leader", "pass_check": "collector", "rework_case": "leader",
    "close_case": "leader",
}  # fmt: skip
"""Move → the one of the cast whose move it is."""


def step(cast: Cast, case_id: int, name: str, *, condition: str = COVER, unit_id: int | None = None) -> CaseMoved:
    """One legal move by the one whose move it is."""
    return attempt(cast.roles[PLAYED_BY[name]], case_id, name, condition=condition, unit_id=unit_id)


PATH = (
    "accept_case",
    "file_case",
    "dispatch_case",
    "sign_case",
    "feed_back",
    "send_to_check",
    "pass_check",
    "close_case",
)
"""The moves after the report, in order."""
REACHED = dict(
    zip(
        (State.REPORTED, State.ACCEPTED, State.FILED, State.DISPATCHED, State.HANDLING, State.HANDLED, State.CHECKING,
         State.PENDING_CLOSE, State.CLOSED),
        range(9),
        strict=True,
    )
)  # fmt: skip


def bring(cast: Cast, state: str, case: Case | None = None, *, condition: str = COVER) -> Case:
    """A case in a state, by its regular moves from where it is."""
    case = case or report(cast)
    for name in PATH[REACHED[State(case.state)] : REACHED[State(state)]]:
        step(cast, case.pk, name, condition=condition)
    case.refresh_from_db()
    return case
