"""What the staff does and when: every next step of a situation or case is planned from its facts, with delays.

A plan depends on the seed, the subject and its version alone, so after a stop it is made again as it was. Somebody
else may be quicker, a person at the screen above all: then the refusal of the step is no failure, and the plan is
dropped.
"""

from __future__ import annotations

import heapq
import json
import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from scoc.command.cases import actions as cases
from scoc.command.cases import queries as case_queries
from scoc.command.cases.schemas import CaseIn, EvidenceIn
from scoc.command.intake import actions as intake
from scoc.command.intake import queries as intake_queries
from scoc.command.intake.schemas import Channel, DismissReason, ReporterIn, SignalIn
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.administration import hand_in_file
from scoc.core.clocks import calendar
from scoc.core.http.paging import PageQuery
from scoc.core.models import Area, FactRow
from scoc.core.now import city_time, current_run
from scoc.core.refusals import Refusal
from scoc.kit.identifiers import parse_subject
from scoc.kit.worktime import WorkCalendar
from scoc.rehearsal.simulator.chance import chance
from scoc.rehearsal.simulator.people import People
from scoc.rehearsal.simulator.photos import photo
from scoc.rehearsal.simulator.reports import COLLECTOR, Report, matter_of
from scoc.rehearsal.simulator.steps import LAST_MOVE, NEXT, CaseKnown, Desk
from scoc.rehearsal.simulator.town import ACTOR

log = logging.getLogger(__name__)
LATE_SHARE = 0.09
"""Of all cases that the units feed back too late."""
FALSE_SHARE = 0.05
"""Of situations that rest on one minor alarm and turn out to be nothing."""
FACTS_HEARD = ("intake.situation_opened", *(f"cases.{name}" for name in NEXT), "cases.closed")
OVERLAP_FACTS = 400
"""Facts of transactions that committed later than younger ones are among the last so many."""


@dataclass(order=True, slots=True)
class Plan:
    """A step that somebody will take."""

    at: datetime
    number: int
    do: Callable[[datetime], None] = field(compare=False)
    subject: str = field(compare=False)


class Staff:
    """Everybody who works on situations and cases."""

    def __init__(self, seed: int, people: People, *, alone: bool = True, pinned: bool = True) -> None:
        """`alone`: no other process writes facts meanwhile, so none can commit late. `pinned`: every step happens at
        its own time of the city (replays), else at the time of the running clock.
        """
        self.seed = seed
        self.pinned = pinned
        self.overlap = 0 if alone else OVERLAP_FACTS
        self.people = people
        self.viewer = system_actor(ACTOR)
        self.plans: list[Plan] = []
        self.cases: dict[int, CaseKnown] = {}
        self.counter = 0
        self.seen: set[int] = set()
        self.last_fact = 0
        self.calendar: WorkCalendar = calendar()
        self.done: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self._areas: dict[int, str] = {}
        self._conditions: dict[str, list[Any]] = {}

    # -- planning

    def _dice(self, *parts: object) -> Random:
        return chance(self.seed, "staff", *parts)

    def _plan(self, at: datetime, subject: str, do: Callable[[datetime], None]) -> None:
        self.counter += 1
        heapq.heappush(self.plans, Plan(at, self.counter, do, subject))

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.calendar.zone)

    def in_office(self, at: datetime) -> datetime:
        """The moment itself in office hours, else a few minutes into the next ones."""
        day = self.calendar.local_day(at)
        for _ in range(20):
            slots = self.calendar.slots(day) if day.year in self.calendar.years else ()
            for start, end in slots:
                if at < end:
                    return max(at, start + timedelta(minutes=1 + self._dice("office", start).random() * 20))
            day += timedelta(days=1)
        return at

    def by_day(self, at: datetime) -> datetime:
        """The moment itself between seven and nine in the evening, else the next morning."""
        local = self._local(at)
        if 7 <= local.hour < 21:
            return at
        morning = local.replace(hour=7, minute=10, second=0, microsecond=0)
        return morning if local.hour < 7 else morning + timedelta(days=1)

    # -- what they learn

    def learn(self) -> int:
        """Read the facts that came since; plan what follows from them. Returns how many were new."""
        floor = max(0, self.last_fact - self.overlap)
        rows = FactRow.objects.filter(id__gt=floor, run_id=current_run(), name__in=FACTS_HEARD).order_by("id")
        fresh = 0
        for row in rows.values_list("id", "name", "subject", "body", "happened_at", "area_id", "organisation_id"):
            if row[0] in self.seen:
                continue
            self.seen.add(row[0])
            self.last_fact = max(self.last_fact, row[0])
            fresh += 1
            self._learn_one(*row[1:])
        if len(self.seen) > 20 * OVERLAP_FACTS:
            self.seen = {pk for pk in self.seen if pk > self.last_fact - OVERLAP_FACTS}
        return fresh

    def _learn_one(
        self, name: str, subject: str, body: str, at: datetime, area_id: int | None, organisation_id: int | None
    ) -> None:
        key = int(parse_subject(subject)[1])
        told = json.loads(body)
        if name == "intake.situation_opened":
            self._plan_judgement(key, told, at)
            return
        known = self.cases.setdefault(key, CaseKnown(key))
        if name == "cases.reported":
            known.case_no, known.category = told["case_no"], told["category"]
        elif name == "cases.accepted":
            known.category, known.condition = told["category"], told["condition"]
        elif name in ("cases.dispatched", "cases.reworked"):
            known.unit, known.due_at = told["unit"], datetime.fromisoformat(told["due_at"])
            known.reworked = told.get("rework_count", known.reworked)
        if name != "cases.reported":
            known.version += 1
        if area_id is not None:
            known.area_path = self._area_path(area_id)
        if name == "cases.closed":
            self.cases.pop(key, None)
            return
        self._plan_case(name.partition(".")[2], known, at)

    def _area_path(self, area_id: int) -> str:
        if area_id not in self._areas:
            self._areas[area_id] = Area.objects.values_list("path", flat=True).get(pk=area_id)
        return self._areas[area_id]

    def skip_to_now(self) -> None:
        """Start with what is open instead of with the whole past: after a restart."""
        newest = FactRow.objects.order_by("-id").values_list("id", flat=True).first() or 0
        self.last_fact = newest
        self.seen = set(FactRow.objects.filter(id__gt=newest - OVERLAP_FACTS).values_list("id", flat=True))
        for row in _all_pages(lambda page: intake_queries.situations(self.viewer, page, state="open")):
            self._plan_judgement(row.id, {"category": row.category or "", "level": row.level}, row.first_at)
        for case in _all_pages(lambda page: case_queries.worklist(self.viewer, page, "open")):
            known = self.cases[case.id] = CaseKnown(
                case.id, case.version, case.case_no, case.category or "", "", "",
                case.current_unit.id if case.current_unit else None,
                case.disposal.deadline_at if case.disposal else None, case.rework_count,
            )  # fmt: skip
            area = Area.objects.filter(code=case.area, valid_to=None).first() if case.area else None
            known.area_path = area.path if area else ""
            known.condition = self._first_condition(known.category) if known.category else ""
            self._plan_case(LAST_MOVE[case.state], known, case.entered_at)

    # -- situations

    def _plan_judgement(self, situation_id: int, told: dict[str, Any], at: datetime) -> None:
        dice = self._dice("judge", situation_id)
        minutes = dice.uniform(3, 14) if told["level"] <= 2 else dice.uniform(6, 40)
        self._plan(at + timedelta(minutes=minutes), f"intake:{situation_id}", lambda at: self._judge(situation_id, at))

    def _judge(self, situation_id: int, at: datetime) -> None:
        situation = intake_queries.situation(self.viewer, situation_id)
        if situation.state != "open":
            return
        actor = self.people.on_shift("acceptor", self._local(at))
        if actor is None:
            return
        dice = self._dice("verdict", situation_id)
        for proposal in situation.proposals:
            self._decide(actor, proposal.id, dice)
        sensor_only = all(row.channel == Channel.SENSOR for row in situation.rows)
        if sensor_only and situation.level >= 3 and len(situation.rows) == 1 and dice.random() < FALSE_SHARE:
            intake.dismiss(actor, situation_id, DismissReason.FALSE_ALARM, "现场核对无异常，判为误报。")
            return
        words = " ".join(row.text for row in situation.rows)
        category = situation.category or matter_of(words)
        if category is None:
            intake.dismiss(actor, situation_id, DismissReason.NOT_OURS, "不属于受理范围，已告知反映人。")
            return
        intake.accept(actor, situation_id, category=category, opinion="")

    def _decide(self, actor: Actor, proposal_id: int, dice: Random) -> None:
        """Confirm most of the joins that wait for a person; one that was decided meanwhile is left alone."""
        try:
            if dice.random() < 0.7:
                intake.confirm(actor, proposal_id)
            else:
                intake.reject(actor, proposal_id)
        except Refusal as refusal:
            self._count(self.refused, refusal.code)

    # -- cases

    def _plan_case(self, move: str, known: CaseKnown, at: datetime) -> None:
        dice = self._dice(known.case_no or known.id, known.version)
        step = NEXT.get(move)
        if step is None:
            return
        low, high = step.minutes
        planned = at + timedelta(minutes=dice.uniform(low, high))
        urgent = known.due_at is not None and self._is_urgent(known)
        if step.when == "office" and not urgent:
            planned = self.in_office(planned)
        elif step.when == "day" and not urgent:
            planned = self.by_day(planned)
        elif step.when == "disposal":
            planned = self._fed_back_at(known, at, dice, urgent=urgent)
        version = known.version
        self._plan(planned, f"cases:{known.id}", lambda at: self._act(move, known, version, at))

    def _is_urgent(self, known: CaseKnown) -> bool:
        found = [row for row in self._of_class(known.category) if row.code == known.condition]
        return bool(found) and str(found[0].unit).startswith("URGENT")

    def _fed_back_at(self, known: CaseKnown, at: datetime, dice: Random, *, urgent: bool) -> datetime:
        """When the unit will be done: most within the limit, some after it."""
        due = known.due_at or at + timedelta(hours=4)
        left = max(due - at, timedelta(minutes=20))
        late = dice.random() < LATE_SHARE
        share = dice.uniform(1.05, 1.5) if late else dice.triangular(0.15, 0.92, 0.45)
        planned = at + left * share
        if urgent:
            return planned
        planned = self.in_office(planned)
        return planned if late or planned <= due else max(at, due - timedelta(minutes=dice.uniform(5, 30)))

    def _act(self, move: str, known: CaseKnown, version: int, at: datetime) -> None:
        if known.version != version or known.id not in self.cases:
            return
        desk = Desk(self.people, at, self._local(at), self._dice("step", known.case_no or known.id, version),
                    self._of_class(known.category))  # fmt: skip
        moved = NEXT[move].act(desk, known)
        self._count(self.done, moved.state)

    def _first_condition(self, category: str) -> str:
        found = self._of_class(category)
        return str(found[0].code) if found else ""

    def _of_class(self, category: str) -> list[Any]:
        if category not in self._conditions:
            self._conditions[category] = case_queries.conditions(self.viewer, category)
        return self._conditions[category]

    # -- reports

    def report(self, report: Report) -> None:
        """Somebody reports: a collector at the case desk, everybody else at intake."""
        if report.channel == COLLECTOR:
            area_path = f"{self.viewer_city()}{report.district}/"
            actor = self.people.in_area("collector", area_path, self._dice("by", report.key).randrange(1000))
            if actor is None:
                return
            row = hand_in_file(actor, photo("near", report.key), f"near-{report.key}.png", lon=report.lon,
                               lat=report.lat, taken_at=report.at)  # fmt: skip
            cases.report_case(
                actor,
                CaseIn(source=COLLECTOR, category=report.category, description=report.text, address=report.place,
                       lon=report.lon, lat=report.lat, external_id=report.key, happened_at=report.at,
                       evidence=[EvidenceIn.model_validate({"attachment_id": row.pk, "kind": "near"})]),
            )  # fmt: skip
            return
        actor = self.people.on_shift("acceptor", self._local(report.at))
        if actor is None:
            return
        intake.receive_signal(
            actor,
            SignalIn(channel=Channel(report.channel), external_id=report.key, category=report.category,
                     text=report.text, reporter=ReporterIn(name=report.name, phone=report.phone), lon=report.lon,
                     lat=report.lat, area=None, place=report.place, happened_at=report.at),
        )  # fmt: skip

    def report_now(self, report: Report) -> None:
        """Somebody reports while the clock runs."""
        self.at(report.at, partial(self.report, report))

    def viewer_city(self) -> str:
        """The path of the city, which all others begin with."""
        if 0 not in self._areas:
            self._areas[0] = Area.objects.values_list("path", flat=True).get(level="city", valid_to=None)
        return self._areas[0]

    # -- the clock

    def next_at(self) -> datetime | None:
        """When the next planned step is due."""
        return self.plans[0].at if self.plans else None

    def work_until(self, moment: datetime) -> int:
        """Take every step that is due up to a moment, each at its own time. Returns how many were tried."""
        count = 0
        while self.plans and self.plans[0].at <= moment:
            plan = heapq.heappop(self.plans)
            self.at(plan.at, partial(plan.do, plan.at))
            count += 1
        return count

    def at(self, moment: datetime, do: Callable[[], None]) -> None:
        """Do something at its own time of the city; a refusal is counted, since others may have been quicker."""
        try:
            with city_time(moment) if self.pinned else nullcontext():
                do()
        except Refusal as refusal:
            self._count(self.refused, refusal.code)
            log.debug("a simulated step was refused: %s", refusal)

    def _count(self, where: dict[str, int], what: str) -> None:
        where[what] = where.get(what, 0) + 1


def _all_pages(ask: Callable[[PageQuery], Any]) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        page = ask(PageQuery(cursor=cursor, limit=200))
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
