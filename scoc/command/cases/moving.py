"""The one place where a case moves: every move of the table goes through `make`, every new case through `open_case`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from scoc.command.cases import timing
from scoc.command.cases.models import (
    MOVES,
    STAGE_OF,
    Case,
    CaseEvidence,
    CaseFlow,
    Clock,
    Move,
    Side,
    State,
    Timer,
)
from scoc.command.cases.models.cases import Evidence
from scoc.command.cases.models.moves import HANDLING, JUDGING, OVER, STATE_TEXT, STEP_CLOCK
from scoc.command.cases.outcomes import note_outcome
from scoc.command.cases.pack import CasesSettings
from scoc.command.cases.schemas import CaseMoved, EvidenceIn
from scoc.core import clocks
from scoc.core.access import allowed, in_scope, visible
from scoc.core.acting import Actor
from scoc.core.city import city_settings
from scoc.core.facts import Code, Fact, publish
from scoc.core.http.request import require_version
from scoc.core.models import Attachment, Post, User
from scoc.core.notify import notify
from scoc.core.now import city_now, current_run, wall_now
from scoc.core.refusals import NotAllowed, Refusal, invalid, no_such
from scoc.kit.text import Text
from scoc.kit.worktime import Unit

READ = "cases.read_cases"
PATHS = {"organisation": "organisation|current_unit", "self": "reported_by"}
"""Who sees a case: the organisation that reported it, the unit that has it, and for `self` who reported it."""
HANDLER_RULE = Text("处置单位不可核查、结案自己处置的案卷。",
                    "The unit that handles a case can never check or close it.")  # fmt: skip
LAST_SERIAL = 99_999


@dataclass(frozen=True, slots=True)
class Step:
    """What a public action hands in for its move."""

    prepare: Callable[[Case, datetime], None]
    """The guard: raises a refusal, or sets what the move changes of the case besides its state."""
    fact: Callable[[Case], Fact]
    opinion: str = ""
    evidence: Sequence[EvidenceIn] = ()
    photos: Evidence | None = None
    """A photo of this kind must come with it."""
    basis: Callable[[Case], str] | None = None


def prefixes(path: str) -> list[str]:
    """Every path that `path` lies in, itself included."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: n + 1]) + "/" for n in range(len(parts))]


def inside(actor: Actor, unit_path: str) -> bool:
    """Whether the actor's organisation is the unit or below it."""
    return bool(unit_path) and actor.organisation_path.startswith(unit_path)


def handled_by(actor: Actor, case: Case) -> bool:
    """Whether the actor is on the side of the unit that handles: by organisation, or by having signed or fed back."""
    if case.current_unit is not None and inside(actor, case.current_unit.path):
        return True
    who = Q(actor_id=actor.user_id)
    if actor.post_id is not None:
        who |= Q(post_id=actor.post_id)
    return CaseFlow.objects.filter(who, case=case, action__in=HANDLING).exists()


def in_reach(actor: Actor, case: Case, permission: str) -> bool:
    """Whether the case lies in the actor's data scope for a permission, in the case's present state."""
    units = {unit.path for unit in (case.organisation, case.current_unit) if unit is not None} or {""}
    return any(
        in_scope(actor, permission, organisation_path=path, area_path=case.area_path, user_id=case.reported_by_id,
                 state=case.state)
        for path in units
    )  # fmt: skip


def objection(actor: Actor, case: Case, move: Move) -> Refusal | None:
    """Why this actor may not make this move with this case in its present state; None: it may."""
    subject = case.subject
    if move.name in JUDGING and handled_by(actor, case):
        return NotAllowed("handling_unit_cannot_close", HANDLER_RULE, subject=subject)
    if actor.may(move.permission) is None:
        return NotAllowed(
            "no_permission", Text("您的岗位没有这项权限。", "Your post may not do this."), subject=subject
        )
    if actor.may(move.permission, case.state) is None:
        state = STATE_TEXT[State(case.state)]
        return NotAllowed(
            "not_in_state",
            Text(
                f"您的岗位不能对“{state.zh}”的案卷做这一步。", f"Your post may not do this while a case is {state.en}."
            ),
            subject=subject,
        )
    if not in_reach(actor, case, move.permission):
        return NotAllowed(
            "out_of_scope", Text("该案卷不在您岗位的数据范围内。", "The case is outside the scope of your post."),
            subject=subject,
        )  # fmt: skip
    if move.side is Side.UNIT and not (case.current_unit and inside(actor, case.current_unit.path)):
        return NotAllowed(
            "not_your_unit",
            Text("只有被派遣的单位可以做这一步。", "Only the unit that the case was dispatched to may do this."),
            subject=subject,
        )
    return None


def locked(actor: Actor, case_id: int) -> Case:
    """The case, locked until the action ends. Raises NotFound for what the actor may not know of."""
    case = lock(case_id, run_id=actor.run_id or current_run())
    if case is None:
        raise no_such("案卷", "case", f"cases:{case_id}")
    return case


def lock(case_id: int, **others: int) -> Case | None:
    """The case as it is once nobody else moves it.

    First the lock, then the reading: PostgreSQL joins a row that it waited for with what stood beside it before.
    """
    rows = Case.objects.filter(pk=case_id, **others)
    if rows.select_for_update().values_list("pk", flat=True).first() is None:
        return None
    beside = ("current_unit", "organisation", "area", "category", "condition", "asset__owner")
    return rows.select_related(*beside).get()


def may_know(actor: Actor, case: Case) -> bool:
    """Whether the actor may read the case at all."""
    return actor.may(READ) is not None and visible(actor, Case.objects.filter(pk=case.pk), READ, PATHS).exists()


def make(actor: Actor, name: str, case_id: int, step: Step, version: int | None) -> CaseMoved:
    """Make a move of the table: lock, version, state, permission, guard; then flow, clocks, fact and the next desk."""
    move = MOVES[name]
    case = locked(actor, case_id)
    against = objection(actor, case, move)
    if against is not None and against.code in {"out_of_scope", "not_in_state"} and not may_know(actor, case):
        raise no_such("案卷", "case", case.subject)
    require_version(version, case.version, case.subject)
    if case.state not in move.origins:
        state = STATE_TEXT[State(case.state)]
        raise Refusal(
            "not_now",
            Text(f"案卷现为“{state.zh}”，此时不能{move.label.zh}。",
                 f"The case is {state.en}: the move “{move.label.en}” is not possible now."),
            subject=case.subject,
        )  # fmt: skip
    if against is not None:
        raise against
    allowed(actor, move.permission, case.state)
    moment = city_now()
    files = evidence_of(actor, case, step.evidence, step.photos)
    try:
        step.prepare(case, moment)
    except Refusal as refusal:
        refusal.subject = refusal.subject or case.subject
        raise
    _leave(case, moment)
    origin, case.state = case.state, move.target
    case.version += 1
    _enter(actor, case, move, origin, step, files, moment)
    return moved(case)


def open_case(actor: Actor, case: Case, step: Step) -> CaseMoved:
    """Write a new case in REPORTED, with its number, first flow row, clock and fact."""
    move = MOVES["report_case"]
    moment = city_now()
    case.state, case.version, case.stage, case.is_open = State.REPORTED, 1, STAGE_OF[State.REPORTED], True
    case.entered_at = case.queue_at = moment
    files = evidence_of(actor, case, step.evidence, None)
    case.case_no = next_number(case.run_id, case.area_path, moment)
    case.save(force_insert=True)
    _enter(actor, case, move, "", step, files, moment)
    return moved(case)


def moved(case: Case) -> CaseMoved:
    """Where a case stands, as a shape."""
    return CaseMoved(id=case.pk, case_no=case.case_no, state=case.state, version=case.version, due_at=case.due_at)


def next_number(run_id: int, area_path: str, moment: datetime) -> str:
    """The next case number (案卷编号): 6 of the district, 8 of the city's day, 5 of the serial, without gaps.

    The counter's row stays locked until the transaction ends, so a case that is not written gives its number back.
    """
    codes = [code for code in area_path.split("/") if code]
    region = (codes[1] if len(codes) > 1 else codes[0])[:6]
    day = f"{moment.astimezone(clocks.calendar().zone):%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cases_serial (run_id, region, day, last) VALUES (%s, %s, %s, 1) "
            "ON CONFLICT (run_id, region, day) DO UPDATE SET last = cases_serial.last + 1 RETURNING last",
            [run_id, region, day],
        )
        serial = int(cursor.fetchone()[0])
    if serial > LAST_SERIAL:
        raise Refusal(
            "no_more_numbers",
            Text("当日案卷编号已用完。", "The district has used up its case numbers of this day."),
        )
    return f"{region}{day}{serial:05d}"


def evidence_of(
    actor: Actor, case: Case, items: Sequence[EvidenceIn], photos: Evidence | None
) -> list[tuple[Attachment, str]]:
    """The files handed in with a step. Raises Invalid for one of another's, and where a photo is missing."""
    ids = [item.attachment_id for item in items]
    rows = Attachment.objects.filter(pk__in=ids, run_id=case.run_id)
    if actor.kind != User.Kind.SYSTEM:
        rows = rows.filter(post=actor.post_id) if actor.post_id is not None else rows.none()
    found = rows.in_bulk()
    used = set(CaseEvidence.objects.filter(case=case).values_list("attachment_id", flat=True)) if case.pk else set()
    if len(set(ids)) != len(ids) or used & set(ids) or len(found) != len(ids):
        raise invalid(
            "evidence", "A file was not handed in by your post, or is with this case already.",
            "Hand in each photo once, then name its id.", zh="附件不存在、非本岗位上传，或已附在本案卷。",
        )  # fmt: skip
    files = [(found[item.attachment_id], str(item.kind)) for item in items]
    if photos is not None and not any(kind == photos and is_photo(row) for row, kind in files):
        raise invalid(
            "evidence", f"A photo of the kind `{photos.value}` is needed.", "Take one on the spot and hand it in.",
            code="photo_missing", zh=f"须附“{photos.label}”照片。",
        )  # fmt: skip
    return files


def is_photo(row: Attachment) -> bool:
    """Whether a file is a picture."""
    return row.media_type.startswith("image/")


def _leave(case: Case, moment: datetime) -> None:
    """Close the flow row of the state that the case leaves."""
    step = STEP_CLOCK.get(State(case.state))
    timer = timing.running(case, step) if step else None
    unit, version = (timer.unit, timer.calendar_version) if timer else (Unit.WORK_HOUR, None)
    CaseFlow.objects.filter(case=case, version=case.version, left_at=None).update(
        left_at=moment,
        elapsed=clocks.used(case.entered_at, moment, unit, version=version),
        overtime=moment > timer.deadline_at if timer else None,
    )


def _enter(
    actor: Actor, case: Case, move: Move, origin: str, step: Step, files: list[tuple[Attachment, str]], moment: datetime
) -> None:
    """Write the stay in the new state: flow row, evidence, clocks, columns of the lists, fact, notice."""
    recorded = wall_now()
    CaseFlow.objects.create(
        case=case, version=case.version, from_state=origin, to_state=case.state, action=move.name,
        actor_id=actor.user_id, post_id=actor.post_id, organisation_id=actor.organisation_id, opinion=step.opinion,
        receiver=case.current_unit, basis=step.basis(case) if step.basis else "", rework_count=case.rework_count,
        happened_at=moment, recorded_at=recorded,
    )  # fmt: skip
    CaseEvidence.objects.bulk_create(
        CaseEvidence(case=case, attachment=row, kind=kind, flow_version=case.version, recorded_at=recorded)
        for row, kind in files
    )
    for clock in move.stops:
        stopped = timing.stop_clock(case, clock, moment)
        if stopped is not None and clock == Clock.DISPOSAL:
            case.handled_in_time = moment <= stopped.deadline_at
    for clock in move.starts:
        timing.start_clock(case, clock, moment)
    case.stage, case.is_open, case.entered_at = STAGE_OF[State(case.state)], case.state not in OVER, moment
    set_queue(case)
    case.save()
    note_outcome(case, move, moment, recorded)
    publish(step.fact(case), organisation_id=case.current_unit_id or case.organisation_id, area_id=case.area_id)
    _tell_next_desk(case)


def set_queue(case: Case) -> None:
    """Set the columns that lists are ordered and lit by, from the running clock whose deadline comes first.

    Between dispatch and signature two run: at night an urgent disposal is due before the office opens to sign.
    """
    timer = Timer.objects.filter(case=case, status=Timer.Status.RUNNING).order_by("deadline_at", "id").first()
    case.due_at, case.yellow_at = (timer.deadline_at, timer.yellow_at) if timer else (None, None)
    if not case.is_open:
        case.queue_at = case.entered_at
    elif timer is not None:
        case.queue_at = timer.deadline_at
    else:
        disposal = Timer.objects.filter(case=case, clock=Clock.DISPOSAL, status=Timer.Status.STOPPED)
        last = disposal.order_by("-bundle", "-span").first()
        case.queue_at = last.deadline_at if last else case.entered_at


def nothing(case: Case, moment: datetime) -> None:
    """Prepare a move that has no guard of its own."""


def must_say(opinion: str) -> None:
    """Raises Invalid where a move needs a word of reason and none is given."""
    if len(opinion.strip()) < 2:
        raise invalid(
            "opinion", "This move needs a word of reason.", "Write at least two characters.",
            code="opinion_missing", zh="此步骤须填写意见。",
        )  # fmt: skip


def subject_of(case: Case) -> Code:
    """Its subject id as facts carry it."""
    return Code(case.subject)


def unit_of(case: Case) -> int:
    """Id of the unit that a dispatched case is with."""
    assert case.current_unit_id is not None
    return case.current_unit_id


def disposal_due(case: Case) -> datetime:
    """The deadline of its running disposal clock."""
    timer = timing.running(case, Clock.DISPOSAL)
    assert timer is not None
    return timer.deadline_at


UNIT_STATES = frozenset({State.DISPATCHED, State.HANDLING, State.SUSPENDED})
"""States in which it is the unit's turn."""
UNIT_CLOCKS = frozenset({Clock.SIGN, Clock.DISPOSAL})
"""Clocks in which the unit's time runs."""


def posts_of(case: Case, roles: Iterable[str], *, of_unit: bool) -> list[int]:
    """Posts with one of these roles whose area holds the case; of its unit and below, or of anybody."""
    posts = Post.objects.filter(role__code__in=list(roles), valid_to=None)
    posts = posts.filter(Q(area=None) | Q(area__path__in=prefixes(case.area_path)))
    if of_unit:
        if case.current_unit is None:
            return []
        posts = posts.filter(organisation__path__startswith=case.current_unit.path)
    return list(posts.order_by("id").values_list("id", flat=True))


def _tell_next_desk(case: Case) -> None:
    roles = city_settings(CasesSettings).desks.get(case.state, ())
    posts = posts_of(case, roles, of_unit=case.state in UNIT_STATES)
    if posts:
        state = STATE_TEXT[State(case.state)]
        notify(case.subject, Text(f"案卷 {case.case_no} {state.zh}", f"Case {case.case_no} is {state.en}"), posts=posts)


def columns_of(case: Case) -> dict[str, Any]:
    """The envelope columns that rows about a case share with it."""
    return {"run_id": case.run_id, "area_id": case.area_id, "grade": case.grade}
