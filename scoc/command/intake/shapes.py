"""Rows of intake as shapes. Persons are masked here, whatever the viewer's grants: plain only by view-plain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from scoc.command.intake.models import Join, Signal, Situation, SituationFlow
from scoc.command.intake.schemas import (
    CHANNEL_NAMES,
    DISMISS_NAMES,
    FlowOut,
    ReasonOut,
    ReporterOut,
    SignalRow,
    SituationRow,
)
from scoc.command.intake.scoring import Reason
from scoc.core import contacts
from scoc.core.acting import Viewer
from scoc.core.models import Contact
from scoc.core.now import city_now
from scoc.core.queries import actor_name
from scoc.core.registry import categories
from scoc.core.schemas import text_out
from scoc.kit.geometry import distance_m
from scoc.kit.masks import mask_text
from scoc.kit.text import Text


def category_names(codes: Iterable[str]) -> dict[str, Text]:
    """Names of categories as they are called now."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    return dict(categories(city_now()).filter(code__in=wanted).values_list("code", "name"))


def situation_row(row: Situation, names: dict[str, Text], waiting: int) -> SituationRow:
    """A situation in a list, with the number of undecided joins that touch it."""
    name = names.get(row.category)
    return SituationRow(
        id=row.pk, number=row.number, state=row.state, category=row.category or None,
        category_name=text_out(name) if name else None, title=text_out(row.title), level=row.level,
        first_at=row.first_at, last_at=row.last_at, lon=row.lon, lat=row.lat,
        area=row.area.code if row.area else None, area_name=text_out(row.area.name) if row.area else None,
        signals=row.signals, occurrences=row.occurrences, counts=row.counts,
        judge_by=row.judge_by if row.state == Situation.State.OPEN else None, escalated=row.escalated_at is not None,
        taken_over_by=row.taken_over_by or None, open_proposals=waiting, version=row.version,
    )  # fmt: skip


def reason_out(reason: Reason) -> ReasonOut:
    """A reason with its figures in words."""
    return ReasonOut(
        what=reason.what, name=text_out(reason.name), weight=reason.weight, value=reason.value,
        evidence=text_out(reason.evidence),
    )  # fmt: skip


def reasons_out(stored: Sequence[dict[str, object]]) -> list[ReasonOut]:
    """Reasons as they were stored with a join or proposal."""
    return [reason_out(Reason.from_dict(reason)) for reason in stored]


def _reporter(contact: Contact | None, persons: str) -> ReporterOut | None:
    if contact is None or persons == "hidden":
        return None
    person = contacts.shown(contact, "masked")
    return ReporterOut(contact_id=contact.pk, name=person.name, phone=person.phone)


def _between(signal: Signal, situation: Situation) -> int | None:
    if signal.lon is None or signal.lat is None or situation.lon is None or situation.lat is None:
        return None
    return round(distance_m(signal.lon, signal.lat, situation.lon, situation.lat))


def signal_row(join: Join, situation: Situation, persons: str, undo_until: datetime | None) -> SignalRow:
    """A signal in its situation; `persons` is what the viewer's grant says of persons' fields."""
    signal = join.signal
    answer = getattr(signal, "answer", None)
    return SignalRow(
        id=signal.pk,
        channel=signal.channel,
        channel_name=text_out(CHANNEL_NAMES[signal.channel]),
        external_id=signal.external_id,
        happened_at=signal.happened_at,
        last_at=signal.last_at,
        cleared_at=signal.cleared_at,
        category=signal.category or None,
        level=signal.level,
        name=text_out(signal.name) if signal.name else None,
        said=text_out(signal.said) if signal.said else None,
        text="" if persons == "hidden" else mask_text(signal.text),
        reporter=_reporter(signal.contact, persons),
        lon=signal.lon,
        lat=signal.lat,
        place=mask_text(signal.place),
        asset=signal.asset.code if signal.asset else None,
        device=signal.device or None,
        alarm_id=signal.alarm_id,
        count=signal.count,
        attachments=sorted(file.pk for file in signal.attachments.all()),
        distance_m=_between(signal, situation),
        join_id=join.pk,
        how=join.how,
        score=join.score,
        reasons=reasons_out(join.reasons),
        joined_at=join.happened_at,
        undo_until=undo_until,
        answer=answer.outcome if answer else None,
    )


def flow_out(viewer: Viewer, row: SituationFlow, names: Mapping[str, Text], persons: str) -> FlowOut:
    """One step of a situation; `names` are those of categories."""
    code = row.reason.partition("/")[2]
    reason = DISMISS_NAMES.get(row.reason)
    if row.reason in names:
        reason = Text(f"{code} {names[row.reason].zh}", f"{code} {names[row.reason].en}")
    return FlowOut(
        version=row.version, from_state=row.from_state, to_state=row.to_state, action=row.action, reason=row.reason,
        reason_name=text_out(reason) if reason else None, level=row.level, opinion=mask_text(row.opinion),
        post=text_out(row.post.title) if row.post else None, actor=text_out(actor_name(viewer, row.actor, persons)),
        happened_at=row.happened_at,
    )  # fmt: skip


def summary(joins: Sequence[Join]) -> list[ReasonOut]:
    """Why these joins make one situation: for each reason the mean of its known values, with the extreme figures."""
    told: dict[str, list[Reason]] = {}
    for join in joins:
        for stored in join.reasons:
            reason = Reason.from_dict(stored)
            told.setdefault(reason.what, []).append(reason)
    return [_summed(what, reasons) for what, reasons in told.items()]


def _summed(what: str, reasons: list[Reason]) -> ReasonOut:
    known = [reason for reason in reasons if reason.value is not None]
    value = mean([reason.value for reason in known if reason.value is not None])
    widest = max(known, key=lambda reason: reason.has or 0, default=reasons[0])
    n = len(known)
    match what:
        case "space" | "time" if known:
            zh, en = widest.evidence.zh, widest.evidence.en
            evidence = Text(f"{n} 条，最远者{zh}", f"signals: {n}, the farthest {en}")
        case "kind":
            same = sum(reason.how == "same" for reason in reasons)
            evidence = Text(f"{len(reasons)} 条中 {same} 条同一类别", f"{same} of {len(reasons)} of the same category")
        case "asset" if known:
            same = sum(reason.how in {"same", "device", "linked"} for reason in known)
            evidence = Text(
                f"{n} 条已知设施，其中 {same} 条相同或相连", f"{same} of {n} known assets are the same or linked"
            )
        case _:
            evidence = reasons[0].evidence
    return ReasonOut(
        what=what, name=text_out(reasons[0].name), weight=reasons[-1].weight, value=value, evidence=text_out(evidence)
    )


def mean(values: Sequence[Decimal]) -> Decimal | None:
    """The mean to four places; None of none."""
    return None if not values else (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.0001"))
