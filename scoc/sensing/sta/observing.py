"""Observations that somebody writes through SensorThings, as the rows that every reading becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoc.core.acting import Viewer
from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now, current_run
from scoc.core.refusals import Invalid, Refusal, invalid
from scoc.kit.text import Text
from scoc.sensing.ingest import partitions
from scoc.sensing.ingest.accounting import move, settle
from scoc.sensing.ingest.checking import REASONS, Bounds, bounds
from scoc.sensing.ingest.columns import Columns, Refused
from scoc.sensing.ingest.directory import Stream, stream
from scoc.sensing.ingest.rebuilding import hold, recount
from scoc.sensing.ingest.taking import take
from scoc.sensing.models import Datastream, Observation
from scoc.sensing.sta.entities import SETS, target_of
from scoc.sensing.sta.seeing import need, sight_of
from scoc.sensing.sta.shaping import Draft, Json

CREATE = "sensing.create_observation"
SOURCE = "sensorthings"
"""Under which refused observations are kept and counted."""

Owner = Mapping[str, int]
"""The datastream that an observation belongs to, by the name of the relation."""
_TIMES = frozenset({"at", "until", "result_at", "valid_from", "valid_until"})


class Unfit(Invalid):
    """An observation that came by itself and does not fit: a reading of that device that is rejected."""

    def __init__(self, of: Invalid, device_key: str) -> None:
        super().__init__(of.code, of.message, subject=of.subject, errors=of.errors)
        self.device_key = device_key
        self.run_id = current_run()


def takes(number: int) -> Stream:
    """A datastream that takes observations now. Raises Refusal where it takes none."""
    found = stream(current_run(), number)
    if found is None:
        raise Refusal("stream_ended", Text("该数据流不再接收观测值。", "This datastream takes no more observations."),
                      subject=f"sensing:Datastream-{number}")  # fmt: skip
    return found


def row_of(of: Stream, written: Json, span: Bounds) -> Json:
    """The columns of one observation; without a time it is as of now. Raises Invalid."""
    columns = dict(written)
    if columns.get("at") is None:
        columns["at"] = columns.get("result_at") or to_micros(city_now())
    if columns["at"] > span.latest:
        raise invalid("phenomenonTime", "It is ahead of the city's clock.", "Set the sender's clock.",
                      zh="时间超前于城市时钟。", code="in_future")  # fmt: skip
    if columns["at"] < span.earliest:
        raise invalid("phenomenonTime", "It lies before 1970.", "Give the time of the observation.",
                      zh="时间早于 1970 年。", code="too_old")  # fmt: skip
    if of.several:
        parts = columns.get("other")
        if not isinstance(parts, list) or len(parts) != of.several:
            raise invalid("result", f"It is no list of {of.several} results.", "Give one for each observed property.",
                          zh=f"须为 {of.several} 个结果的列表。")  # fmt: skip
    return columns


def as_columns(rows: Sequence[tuple[Stream, Json]]) -> Columns:
    """Observations in the form in which all readings are stored."""
    streams = {one.id: one for one, _ in rows}
    dedup: list[str | None] | None = None
    if any(one.keep for one in streams.values()):
        dedup = [None if one.keep else "" for one, _ in rows]
    more: dict[int, dict[str, Any]] = {}
    for n, (_, columns) in enumerate(rows):
        said = {name: value for name, value in columns.items() if name not in ("at", "result") and value is not None}
        if said:
            more[n] = said
    return Columns(
        np.array([one.id for one, _ in rows], np.int64), np.array([columns["at"] for _, columns in rows], np.int64),
        np.array([np.nan if columns["result"] is None else columns["result"] for _, columns in rows], np.float64),
        np.array([one.scale for one, _ in rows], np.float64), dedup, streams, more,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sifted:
    """Observations that were looked at one by one: rows to be stored, and of each what is wrong with it, or None."""

    columns: Columns
    faults: list[Invalid | None]
    refused: list[Refused]
    """The faulty ones, to be kept and counted."""
    received: Counter[str]
    """How many came, by device key."""


def sifted(viewer: Viewer, found: Sequence[tuple[Owner, Draft | Invalid]]) -> Sifted:
    """Look at observations whose datastreams and features are there already. Raises Refusal where they are not.

    Of what could not even be drafted its owner alone is known, if that.
    """
    _need(viewer, [one for _, one in found if isinstance(one, Draft)])
    said: dict[int | None, Stream | None] = {}
    received: Counter[str] = Counter()
    span = bounds(history=True)
    rows: list[tuple[Stream, Json]] = []
    faults: list[Invalid | None] = []
    refused: list[Refused] = []
    for owner, one in found:
        of: Stream | None
        if isinstance(one, Draft):
            of = takes(_owner(one))
        else:
            number = next(iter(owner.values()), None)
            if number not in said:
                said[number] = _said(viewer, owner)
            of = said[number]
        received[of.device_key if of else ""] += 1
        try:
            if isinstance(one, Invalid):
                raise one
            assert of is not None
            feature = one.one.get("FeatureOfInterest")
            rows.append((of, row_of(of, one.columns | ({} if feature is None else {"feature_id": feature}), span)))
            faults.append(None)
        except Invalid as refusal:
            faults.append(refusal)
            refused.append(_refused(of, refusal))
    columns = as_columns(rows)
    partitions.ensure_for(columns.at)  # here already: many months at once would keep the one writer busy
    return Sifted(columns, faults, refused, received)


def one_of(viewer: Viewer, owner: Owner, found: Draft | Invalid) -> Sifted:
    """One observation by itself. Raises Refusal; Unfit where the observation does not fit."""
    made = sifted(viewer, [(owner, found)])
    if made.faults[0] is not None:
        raise Unfit(made.faults[0], made.refused[0].device_key)
    return made


def owner_said(body: Any) -> Owner:
    """The datastream that a body names, as far as one can tell."""
    for name in ("Datastream", "MultiDatastream"):
        of = body.get(name) if isinstance(body, dict) else None
        if isinstance(of, dict) and isinstance(number := of.get("@iot.id"), int) and 0 < number < 2**63:
            return {name: number}
    return {}


def _said(viewer: Viewer, owner: Owner) -> Stream | None:
    """The datastream that somebody names whose observation does not fit, if that is there and may be written to."""
    try:
        for name, number in owner.items():
            need(sight_of(viewer, CREATE), target_of(SETS["Observations"].relations[name]), [number])
            return takes(number)
    except Refusal:
        pass
    return None


def _owner(draft: Draft) -> int:
    found = draft.one.get("Datastream", draft.one.get("MultiDatastream"))
    assert isinstance(found, int)
    return found


def _need(viewer: Viewer, drafts: Sequence[Draft]) -> None:
    sight = sight_of(viewer, CREATE)
    wanted: dict[str, set[int]] = {}
    for draft in drafts:
        for name, one in draft.one.items():
            if isinstance(one, int):
                wanted.setdefault(draft.entity.relations[name].target, set()).add(one)
    for target, numbers in sorted(wanted.items()):
        need(sight, SETS[target], sorted(numbers))


def reason_of(refusal: Invalid) -> str:
    """Under which of the reasons of sensing a refusal is counted."""
    return refusal.code if refusal.code in REASONS else "malformed"


def _refused(of: Stream | None, refusal: Invalid) -> Refused:
    told = f"{refusal.errors[0].field}: {refusal.message.en}"[:200]
    return Refused(of.device_key if of else "", of.property if of else "", reason_of(refusal), told, "", of is not None)


def store(number: int, written: Sequence[Json]) -> list[int]:
    """Store observations of one datastream in the open transaction; their ids, of repeats those of the first."""
    if not written:
        return []
    of, span = takes(number), bounds(history=True)
    columns = as_columns([(of, row_of(of, one, span)) for one in written])
    partitions.ensure_for(columns.at)
    taken = take(columns)
    settle(SOURCE, {of.device_key: len(written)}, columns, taken.fresh, taken.recorded)
    return [int(pk) for pk in taken.ids]


def change(number: int, columns: Json) -> None:
    """Write columns of an observation; what was counted of it is counted anew."""
    stream_before = Observation.objects.values_list("datastream_id", flat=True).get(pk=number)
    of = takes(columns.get("datastream_id", stream_before))
    hold({stream_before, of.id})
    row = Observation.objects.select_for_update().get(pk=number)
    if of.id != stream_before:
        move(row, Datastream.objects.select_related("device").get(pk=of.id), SOURCE)
    before = row.at
    stood = {"at": to_micros(row.at), "result": row.result, "other": row.other}
    columns = columns | {"at": row_of(of, stood | columns, bounds(history=True))["at"]}
    for name, value in columns.items():
        setattr(row, name, from_micros(value) if name in _TIMES and value is not None else value)
    if of.id != stream_before:
        row.dedup_key = None if of.keep else ""
    same = Observation.objects.filter(datastream=of.id, at=row.at, dedup_key=row.dedup_key)
    if row.dedup_key is not None and same.exclude(pk=number).exists():
        raise invalid("phenomenonTime", "There is an observation of this time, and this datastream takes one alone.",
                      "Change that one.", zh="该数据流在此时间已有观测值。")  # fmt: skip
    partitions.ensure_for(np.array([to_micros(row.at)], np.int64))
    Observation.objects.filter(pk=number).update(
        **{
            field.attname: getattr(row, field.attname)
            for field in Observation._meta.concrete_fields
            if field.attname != "id"
        }
    )
    recount(Datastream.objects.get(pk=stream_before), [before, row.at])
    if of.id != stream_before:
        recount(Datastream.objects.get(pk=of.id), [row.at])
