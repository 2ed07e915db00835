"""One case with everything that explains it, and the content of its photos."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from scoc.command.cases.models import (
    Case,
    CaseEvidence,
    CaseFlow,
    CaseNote,
    FilingSnapshot,
    Move,
    State,
    Timer,
    moves_from,
)
from scoc.command.cases.models.cases import Evidence
from scoc.command.cases.models.definitions import UNIT_TEXT
from scoc.command.cases.models.moves import MOVES, NEED_TEXT, STAGES, STATE_TEXT
from scoc.command.cases.models.timers import CLOCK_TEXT, Clock
from scoc.command.cases.moving import HANDLER_RULE, PATHS, READ, objection
from scoc.command.cases.pack import CasesSettings
from scoc.command.cases.places import cells_around
from scoc.command.cases.responsibility import told_bases
from scoc.command.cases.schemas import (
    CaseFlowOut,
    CaseOut,
    CaseReporterOut,
    EvidenceOut,
    HistoryRow,
    MoveOut,
    NeedOut,
    SnapshotOut,
    StageOut,
    TimerOut,
    TimerSpan,
)
from scoc.command.cases.shapes import (
    JOINED,
    Moment,
    as_known,
    bilingual,
    case_row,
    case_title,
    clock_now,
    clocks_of,
    minutes,
    moment_of,
    organisation_of,
    stop_known,
    timers_of,
    words,
)
from scoc.core import clocks, contacts
from scoc.core.access import allowed, query, visible
from scoc.core.acting import Viewer
from scoc.core.city import city_settings
from scoc.core.files import holds_files
from scoc.core.models import Area, Attachment
from scoc.core.queries import actor_name
from scoc.core.refusals import no_such
from scoc.core.schemas import TextOut, text_out
from scoc.kit.geometry import distance_m
from scoc.kit.text import Text
from scoc.kit.worktime import Unit

MOST_HISTORY = 20
MOST_NOTES = 200
_EVIDENCE = {
    Evidence.NEAR: Text("近景", "Near"),
    Evidence.FAR: Text("远景", "Far"),
    Evidence.REFERENCE: Text("参照物", "Reference"),
    Evidence.BEFORE: Text("处置前", "Before"),
    Evidence.AFTER: Text("处置后", "After"),
    Evidence.CHECK: Text("核查", "Check"),
}
_RULE = Text(
    f"结案须先反馈并核查通过；{HANDLER_RULE.zh}", f"Closing needs feedback and a passed check. {HANDLER_RULE.en}"
)


@query(READ)
def case(viewer: Viewer, case_id: int, as_of: datetime | None = None) -> CaseOut:
    """A case with everything that explains it, now or as it was known. Raises NotFound outside the viewer's scope."""
    moment = moment_of(as_of)
    rows = visible(viewer, Case.objects.select_related(*JOINED, "organisation", "contact", "asset__owner",
                                                       "first_unit", "final_unit"), READ, PATHS)  # fmt: skip
    row = rows.filter(pk=case_id).first()
    flow = list(
        CaseFlow.objects.known(moment.until, moment.recorded)
        .filter(case=case_id)
        .select_related("actor__contact", "post", "receiver")
        .order_by("version")
    )
    if row is None or not flow:
        raise no_such("案卷", "case", f"cases:{case_id}")
    persons = allowed(viewer, READ).persons
    as_known([row], moment)
    timers = timers_of([row], moment)[row.pk]
    base = case_row(row, timers, moment, persons)
    snapshot = (
        FilingSnapshot.objects.filter(case=row, flow_version__lte=flow[-1].version)
        .select_related("condition", "responsible")
        .order_by("-flow_version")
        .first()
    )
    return CaseOut(
        **base.model_dump(), description=words(row.description, persons), external_id=row.external_id,
        situation_id=row.situation_id, reporter=_reporter(row, persons),
        asset=row.asset.code if row.asset else None, asset_name=bilingual(row.asset.name if row.asset else None),
        asset_owner=organisation_of(row.asset.owner if row.asset else None), attributes=row.attributes,
        area_names=_area_names(row), first_unit=organisation_of(row.first_unit),
        final_unit=organisation_of(row.final_unit), recorded_at=row.recorded_at, stages=_stages(row, flow),
        snapshot=_snapshot(snapshot), timers=_timers(timers, moment), flow=_flow(viewer, row, flow, moment, persons),
        evidence=_evidence(row, flow), history=_history(viewer, row, moment, persons),
        moves=[] if moment.past else _moves(viewer, row), rule=text_out(_RULE), as_of=moment.at,
    )  # fmt: skip


@query(READ)
def evidence_file(viewer: Viewer, case_id: int, evidence_id: int) -> Attachment:
    """A photo of a case that the viewer may read. Raises NotFound."""
    rows = visible(viewer, Case.objects.filter(pk=case_id), READ, PATHS)
    found = CaseEvidence.objects.filter(pk=evidence_id, case__in=rows).select_related("attachment").first()
    if found is None:
        raise no_such("照片", "photo", f"cases:{case_id}")
    return found.attachment


@holds_files(READ)
def _holds_file(viewer: Viewer, attachment_id: int) -> bool:
    """Whether a case that the viewer may read has this file as evidence."""
    rows = visible(viewer, Case.objects.filter(evidence__attachment=attachment_id), READ, PATHS)
    return rows.exists()


def _reporter(row: Case, persons: str) -> CaseReporterOut | None:
    """The public reporter, masked whatever the viewer was granted: `core.view_plain`, with its reason and its trace in
    the audit, is the only road to plain."""
    if row.contact is None or persons == "hidden":
        return None
    person = contacts.shown(row.contact, "masked")
    return CaseReporterOut(contact_id=row.contact.pk, name=person.name, phone=person.phone)


def _area_names(row: Case) -> list[TextOut]:
    codes = [code for code in row.area_path.split("/") if code][1:]
    areas = {area.code: area for area in Area.objects.filter(code__in=codes).order_by("version")}
    return [text_out(areas[code].name) for code in codes if code in areas]


def _stages(row: Case, flow: Sequence[CaseFlow]) -> list[StageOut]:
    """When each stage was last done; what lies beyond the present one is ahead again, also after rework.

    A closed case is evaluated by the rates of its period at once, so its last stage is done, not in work.
    """
    done_by = {1: "report_case", 2: "file_case", 4: "feed_back", 5: "send_to_check", 6: "close_case"}
    stages = []
    status: Literal["done", "current", "ahead"]
    reached: datetime | None
    for number, name in enumerate(STAGES, 1):
        if number == row.stage:
            status, reached = ("done" if row.state == State.CLOSED else "current"), row.entered_at
        elif number > row.stage:
            status, reached = "ahead", None
        else:
            status = "done"
            steps = [
                step for step in flow
                if (step.to_state == State.DISPATCHED if number == 3 else step.action == done_by[number])
            ]  # fmt: skip
            reached = steps[-1].happened_at if steps else None
        stages.append(StageOut(number=number, name=text_out(name), status=status, reached_at=reached))
    return stages


def _snapshot(row: FilingSnapshot | None) -> SnapshotOut | None:
    if row is None:
        return None
    return SnapshotOut(
        condition=row.condition.code, condition_version=row.condition.version, name=text_out(row.name),
        limit=row.limit, unit=row.unit, unit_name=text_out(UNIT_TEXT[Unit(row.unit)]),
        criterion=text_out(row.criterion), basis=text_out(row.basis), responsible=organisation_of(row.responsible),
        taken_at=row.taken_at,
    )  # fmt: skip


def _timers(timers: Sequence[Timer], moment: Moment) -> list[TimerOut]:
    """Each bundle as one clock with its rounds, in the order in which they began."""
    bundles: dict[tuple[str, int], list[Timer]] = {}
    for timer in timers:
        bundles.setdefault((timer.clock, timer.bundle), []).append(timer)
    made = []
    for spans in sorted(bundles.values(), key=lambda spans: spans[0].started_at):
        last = spans[-1]
        now_ = clock_now(last, moment)
        over = Decimal(now_.used_minutes - now_.limit_minutes)
        late = now_.in_time is False or (now_.running and last.deadline_at < moment.at)
        made.append(
            TimerOut(
                **now_.model_dump(), bundle=last.bundle, calendar_version=last.calendar_version,
                unit_of_work=organisation_of(last.organisation),
                overdue_multiple=round(max(over, Decimal(0)) / now_.limit_minutes, 2)
                if late and now_.limit_minutes else None,
                spans=[_span(span, moment) for span in spans],
            )
        )  # fmt: skip
    return made


def _span(timer: Timer, moment: Moment) -> TimerSpan:
    stopped = stop_known(timer, moment)
    used = timer.used if stopped and timer.used is not None else clocks.used(
        timer.started_at, moment.at, timer.unit, version=timer.calendar_version
    )  # fmt: skip
    return TimerSpan(
        span=timer.span, started_at=timer.started_at, stopped_at=timer.stopped_at if stopped else None,
        used_minutes=minutes(used), deadline_at=timer.deadline_at, calendar_version=timer.calendar_version,
        status=timer.status if stopped else Timer.Status.RUNNING,
    )  # fmt: skip


def _flow(viewer: Viewer, row: Case, flow: Sequence[CaseFlow], moment: Moment, persons: str) -> list[CaseFlowOut]:
    """Moves and side actions, newest first."""
    notes = CaseNote.objects.filter(case=row).select_related("actor__contact", "post")
    if moment.past:
        notes = notes.filter(happened_at__lte=moment.at)
    if moment.recorded is not None:
        notes = notes.filter(recorded_at__lte=moment.recorded)
    known_left = {before.version: after.happened_at for before, after in pairwise(flow)}
    bases = told_bases({step.basis for step in flow if step.basis})
    moves = [
        CaseFlowOut(
            version=step.version, kind="move", action=step.action, action_name=text_out(MOVES[step.action].label),
            from_state=step.from_state, to_state=step.to_state, post=bilingual(step.post.title if step.post else None),
            actor=text_out(actor_name(viewer, step.actor, persons)), receiver=organisation_of(step.receiver),
            opinion=words(step.opinion, persons), basis=step.basis, basis_name=bilingual(bases.get(step.basis)),
            happened_at=step.happened_at, recorded_at=step.recorded_at, left_at=known_left.get(step.version),
            elapsed_minutes=minutes(step.elapsed) if step.elapsed is not None and step.version in known_left else None,
            overtime=step.overtime if step.version in known_left else None,
        )
        for step in flow
    ]  # fmt: skip
    sides = [
        CaseFlowOut(
            version=None, kind="urge" if note.kind == "urge" else "comment", action=note.kind,
            action_name=text_out(_note_name(note)), from_state="", to_state="",
            post=bilingual(note.post.title if note.post else None),
            actor=text_out(actor_name(viewer, note.actor, persons)), receiver=None,
            opinion=words(note.text, persons), basis="", basis_name=None, happened_at=note.happened_at,
            recorded_at=note.recorded_at, left_at=None, elapsed_minutes=None, overtime=None,
        )
        for note in notes.order_by("-id")[:MOST_NOTES]
    ]  # fmt: skip
    return sorted([*moves, *sides], key=lambda item: (item.happened_at, item.version or 0), reverse=True)


def _note_name(note: CaseNote) -> Text:
    if note.kind != "urge":
        return Text("评论", "Comment")
    clock = CLOCK_TEXT[Clock(note.clock)]
    return Text(f"催办：{clock.zh}时限已用 {note.percent}%", f"Urged: {note.percent} % of the time for {clock.en} used")


def _evidence(row: Case, flow: Sequence[CaseFlow]) -> list[EvidenceOut]:
    rows = CaseEvidence.objects.filter(case=row, flow_version__lte=flow[-1].version)
    came = {step.version: step.happened_at for step in flow}
    return [
        EvidenceOut(
            id=item.pk, attachment_id=item.attachment_id, kind=item.kind,
            kind_name=text_out(_EVIDENCE[Evidence(item.kind)]), name=item.attachment.name,
            media_type=item.attachment.media_type, digest=item.attachment.digest, taken_at=item.attachment.taken_at,
            came_at=came[item.flow_version],
            distance_m=_distance(row, item.attachment.lon, item.attachment.lat), flow_version=item.flow_version,
            by=bilingual(item.attachment.post.title if item.attachment.post else None),
        )
        for item in rows.select_related("attachment__post").order_by("id")
    ]  # fmt: skip


def _distance(row: Case, lon: float | None, lat: float | None) -> int | None:
    if row.lon is None or row.lat is None or lon is None or lat is None:
        return None
    return round(distance_m(row.lon, row.lat, lon, lat))


def _history(viewer: Viewer, row: Case, moment: Moment, persons: str) -> list[HistoryRow]:
    """Earlier cases of the same asset, or at the same place, that the viewer may see."""
    settings = city_settings(CasesSettings)
    since = row.happened_at - timedelta(days=settings.history_months * 365 // 12)
    rows = visible(viewer, Case.objects.exclude(pk=row.pk), READ, PATHS).select_related(*JOINED)
    rows = rows.filter(happened_at__gte=since, happened_at__lte=moment.at)
    found = list(rows.filter(asset=row.asset_id).order_by("-happened_at")[:MOST_HISTORY]) if row.asset_id else []
    if row.h3 and len(found) < MOST_HISTORY:
        near = (
            rows.filter(h3__in=cells_around(row.h3, settings.same_place_metres))
            .exclude(pk__in=[case.pk for case in found])
            .order_by("-happened_at")
        )
        found += [
            other for other in near[: MOST_HISTORY * 5]
            if (_distance(row, other.lon, other.lat) or 0) <= settings.same_place_metres
        ]  # fmt: skip
    known = {step.case_id for step in CaseFlow.objects.last_known(moment.until, moment.recorded).filter(case__in=found)}
    found = sorted((other for other in found if other.pk in known), key=lambda other: other.happened_at, reverse=True)
    found = found[:MOST_HISTORY]
    as_known(found, moment)
    timers = timers_of(found, moment)
    made = []
    for other in found:
        _, last = clocks_of(timers[other.pk], moment)
        made.append(
            HistoryRow(
                id=other.pk, case_no=other.case_no, happened_at=other.happened_at,
                title=text_out(case_title(other, persons)),
                condition=bilingual(other.condition.name if other.condition else None), state=other.state,
                state_name=text_out(STATE_TEXT[State(other.state)]),
                disposal=clock_now(last, moment) if last else None,
                same_asset=row.asset_id is not None and other.asset_id == row.asset_id,
                distance_m=_distance(row, other.lon, other.lat),
            )
        )  # fmt: skip
    return made


def _moves(viewer: Viewer, row: Case) -> list[MoveOut]:
    made = []
    for move in moves_from(row.state):
        against = objection(viewer, row, move)
        made.append(
            MoveOut(
                move=move.name, number=move.number, name=text_out(move.label), route=move.route,
                permission=move.permission, target=move.target, allowed=against is None,
                why=text_out(against.message) if against else None, code=against.code if against else None,
                needs=_needs(move), turn=row.state in move.turn,
            )
        )  # fmt: skip
    return made


def _needs(move: Move) -> list[NeedOut]:
    asked = [(need, True) for need in move.needs] + [(need, False) for need in move.optional]
    return [NeedOut(field=need, name=text_out(NEED_TEXT[need]), required=required) for need, required in asked]
