"""Everything that can be changed in sensing: readings in, alarms judged, credentials given and taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from scoc.core.access import visible
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, publish
from scoc.core.http.request import require_version
from scoc.core.now import city_now, current_run, in_run, wall_now
from scoc.core.refusals import Refusal, invalid, no_such
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text
from scoc.sensing import defining, facts, shelving
from scoc.sensing.actions.upkeep import cancel_maintenance, finish_maintenance, plan_maintenance
from scoc.sensing.facts import (
    AlarmAcknowledged,
    AlarmRefuted,
    AlarmSettled,
    CredentialIssued,
    CredentialRevoked,
    DeviceChanged,
    EntityWritten,
)
from scoc.sensing.finding import device_for as _device_for
from scoc.sensing.ingest import partitions
from scoc.sensing.ingest.accounting import settle
from scoc.sensing.ingest.checking import bounds, check_rows
from scoc.sensing.ingest.columns import Columns, Refused
from scoc.sensing.ingest.credentials import CREDENTIAL_PURPOSE, new_secret, token_of
from scoc.sensing.ingest.directory import devices, forget_directory
from scoc.sensing.ingest.files import ahead, read_file
from scoc.sensing.ingest.interest import leave_news_of
from scoc.sensing.ingest.storing import sparing
from scoc.sensing.ingest.tables import Batch, Checker, chunks
from scoc.sensing.ingest.taking import Taken, take
from scoc.sensing.models import Alarm, AlarmFlow, AlarmShelf, Device
from scoc.sensing.raising import device_subject, lock, subject_of, tell
from scoc.sensing.schemas import (
    CredentialOut,
    ImportResult,
    IngestResult,
    Reading,
    RowResult,
    RuleSet,
    RuleWanted,
    TableMap,
)
from scoc.sensing.sta.entities import SETS, EntitySet
from scoc.sensing.sta.observing import SOURCE
from scoc.sensing.sta.shaping import drafted
from scoc.sensing.sta.writing import Writing, place_of

__all__ = [
    "acknowledge_alarm",
    "cancel_maintenance",
    "change_device_state",
    "change_entity",
    "create_entity",
    "create_observations",
    "end_rule",
    "finish_maintenance",
    "import_file",
    "import_table",
    "ingest",
    "issue_credential",
    "plan_maintenance",
    "refute_alarm",
    "remove_entity",
    "revoke_credential",
    "set_rule",
    "settle_alarm",
    "shelve_alarm",
    "unlink_entity",
    "unshelve_alarm",
]
MOVES: dict[str, frozenset[str]] = {
    Alarm.State.NEW: frozenset({Alarm.State.ACKNOWLEDGED, Alarm.State.FALSE, Alarm.State.SETTLED}),
    Alarm.State.ACKNOWLEDGED: frozenset({Alarm.State.FALSE, Alarm.State.SETTLED}),
    Alarm.State.FALSE: frozenset(),
    Alarm.State.SETTLED: frozenset(),
}
"""From which state of an alarm to which."""
_LARGE = 10_000
"""Rows of a chunk from which on an import is a long one."""


@action("sensing.ingest")
def ingest(actor: Actor, source: str, readings: Sequence[Reading]) -> IngestResult:
    """Take live readings: each is stored once, found to be a duplicate, or refused with its reason and counted.

    One transaction: `latest`, roll-ups and rules follow. A bad reading never fails its neighbours. `source` says
    where they came from, e.g. `simulator`.
    """
    rows = [(r.device_key, r.property, r.at, r.value, r.dedup_key) for r in readings]
    named = {row[0] for row in rows if isinstance(row[0], str)}
    known = devices(current_run(), named)
    received = Counter(row[0] if isinstance(row[0], str) and row[0] in known else "" for row in rows)
    checked = check_rows(rows, known, bounds(history=False))
    columns = checked.columns()
    partitions.ensure_for(columns.at)
    taken = take(columns)
    settle(source[:60], received, columns, taken.fresh, taken.recorded, [row for _, row in checked.refused])
    results: list[RowResult | None] = [None] * len(rows)
    for position, fresh, pk in zip(checked.positions, taken.fresh.tolist(), taken.ids.tolist(), strict=True):
        results[position] = RowResult("stored" if fresh else "duplicate", pk)
    for position, row in checked.refused:
        results[position] = RowResult("rejected", None, row.reason, row.detail)
    stored = taken.stored
    return IngestResult(
        stored, len(columns) - stored, len(checked.refused), tuple(one for one in results if one is not None)
    )


@action("sensing.import")
def _import_chunk(
    actor: Actor, source: str, received: Mapping[str, int], columns: Columns, refused: Sequence[Refused],
    counts: Mapping[tuple[str, str], int], *, judged: bool,
) -> int:  # fmt: skip
    """Store one chunk of an import; how many of its readings were new."""
    taken = take(columns, judged=judged, first_ids=False)
    settle(source, received, columns, taken.fresh, taken.recorded, refused, counts)
    return taken.stored


def import_table(actor: Actor, source: str, table: Iterable[Batch], *, judged: bool = False) -> ImportResult:
    """Import readings from Arrow record batches with the columns device_key, property, at_micros, value.

    For history: there is no bound on the age of readings, and the rules do not look at them unless `judged`. A null
    value is a missing cell, no reading. Work goes chunk by chunk, each committed by itself, in flat memory; what was
    imported already is found to be a duplicate, so an import that broke off is simply done again.
    Needs no permission: of its own, since each chunk is the action `sensing.import`.
    """
    with in_run(actor.run_id):
        span, run_id = bounds(history=True), current_run()
    result = ImportResult()
    checker = Checker(run_id, span)
    for chunk in chunks(table):
        found = checker.check(chunk)
        partitions.ensure_for(found.columns.at)
        with sparing() if len(chunk) >= _LARGE else nullcontext():
            stored = _import_chunk(
                actor, source[:60], found.received, found.columns, found.kept, found.counts, judged=judged
            )
        result.rows += found.rows
        result.missing += found.missing
        result.stored += stored
        result.duplicate += len(found.columns) - stored
        for reason, number in found.reasons.items():
            result.rejected[reason] = result.rejected.get(reason, 0) + number
    return result


def import_file(actor: Actor, source: str, path: Path, columns: TableMap, *, judged: bool = False) -> ImportResult:
    """Import a CSV file, plain or compressed (.gz), whose columns `columns` explains. See `import_table`.

    Needs no permission: of its own, since each chunk is the action `sensing.import`.
    """
    return import_table(actor, source, ahead(read_file(path, columns)), judged=judged)


def _alarm_for(actor: Actor, alarm_id: int, permission: str) -> Alarm:
    """An alarm within the actor's scope, locked."""
    alarm = lock(visible(actor, Alarm.objects.filter(pk=alarm_id), permission)).first()
    if alarm is None:
        raise no_such("告警", "alarm", subject_of(alarm_id))
    return alarm


def _move(actor: Actor, alarm: Alarm, to_state: str, action_name: str, opinion: str) -> None:
    """Move an alarm along its table of moves and write the flow. Raises Refusal for another move."""
    if to_state not in MOVES[alarm.state]:
        raise Refusal(
            "wrong_state",
            Text(
                f"告警当前为“{Alarm.State(alarm.state).label}”，不能执行该操作。",
                f"The alarm is {alarm.state}; it cannot become {to_state}.",
            ),
            subject=subject_of(alarm.pk),
        )
    moment, recorded = city_now(), wall_now()
    AlarmFlow.objects.filter(alarm=alarm, version=alarm.version).update(left_at=moment)
    AlarmFlow.objects.create(
        alarm=alarm, version=alarm.version + 1, from_state=alarm.state, to_state=to_state, action=action_name,
        actor_id=actor.user_id, post_id=actor.post_id, organisation_id=actor.organisation_id, opinion=opinion,
        happened_at=moment, recorded_at=recorded,
    )  # fmt: skip
    alarm.state = to_state
    alarm.version += 1
    alarm.save(update_fields=["state", "version", "settled_by"])


@action("sensing.acknowledge_alarm")
def acknowledge_alarm(actor: Actor, alarm_id: int, opinion: str = "", *, version: int | None = None) -> int:
    """A person has seen a new alarm; returns its version. Raises Refusal when it is not new any more."""
    alarm = _alarm_for(actor, alarm_id, "sensing.acknowledge_alarm")
    require_version(version, alarm.version, subject_of(alarm_id))
    _move(actor, alarm, Alarm.State.ACKNOWLEDGED, "sensing.acknowledge_alarm", opinion)
    tell(alarm, AlarmAcknowledged(subject=subject_of(alarm_id)), city_now())
    return alarm.version


@action("sensing.refute_alarm")
def refute_alarm(actor: Actor, alarm_id: int, opinion: str, *, version: int | None = None) -> int:
    """A person judges an alarm false (误报) and says why; returns its version. Raises Refusal once it is settled."""
    if not opinion.strip():
        raise invalid("opinion", "Say why the alarm is false.", "Write a sentence.", zh="请说明误报理由。")
    alarm = _alarm_for(actor, alarm_id, "sensing.refute_alarm")
    require_version(version, alarm.version, subject_of(alarm_id))
    _move(actor, alarm, Alarm.State.FALSE, "sensing.refute_alarm", opinion)
    tell(alarm, AlarmRefuted(subject=subject_of(alarm_id)), city_now())
    return alarm.version


@action("sensing.settle_alarm")
def settle_alarm(actor: Actor, alarm_id: int, by: str) -> None:
    """What came of the alarm is over; `by` is its subject id. Said twice, or of a refuted alarm, it changes nothing."""
    alarm = _alarm_for(actor, alarm_id, "sensing.settle_alarm")
    if alarm.state in (Alarm.State.SETTLED, Alarm.State.FALSE):
        return
    alarm.settled_by = by
    _move(actor, alarm, Alarm.State.SETTLED, "sensing.settle_alarm", "")
    tell(alarm, AlarmSettled(subject=subject_of(alarm_id), by=Code(by)), city_now())


@action("sensing.set_rule", audited=True, shared=True)
def set_rule(actor: Actor, rule: RuleWanted, *, version: int | None = None) -> RuleSet:
    """Put an alarm rule into force, or the next version of one that was made in SCOC itself (`code`).

    Try it on past data first. Raises Invalid for a rule that does not fit the city, Refusal for one of the city pack.
    """
    made = defining.set_own(rule, version)
    publish(facts.RuleSet(subject=defining.rule_subject(made), rule=Code(made.code), version=made.version))
    return RuleSet(code=made.code, version=made.version)


@action("sensing.end_rule", audited=True, shared=True)
def end_rule(actor: Actor, code: str) -> None:
    """End a rule that was made in SCOC itself; what it raised clears. Raises Refusal for one of the city pack."""
    ended = defining.end_own(code)
    publish(facts.RuleEnded(subject=defining.rule_subject(ended), rule=Code(code)))


@action("sensing.shelve_alarm")
def shelve_alarm(actor: Actor, alarm_id: int, reason: str, until: datetime, *, version: int | None = None) -> None:
    """Set an open alarm aside (搁置) for a reason until a time, never for ever; then it comes back by itself.

    Until then nothing is told of its rule over its datastream; every occurrence is kept. Raises Invalid for a time
    that is past or further than the city allows.
    """
    alarm = _alarm_for(actor, alarm_id, "sensing.shelve_alarm")
    require_version(version, alarm.version, subject_of(alarm_id))
    shelving.shelve(actor, alarm, reason, until)


@action("sensing.unshelve_alarm")
def unshelve_alarm(actor: Actor, alarm_id: int) -> None:
    """Take a shelved alarm back before its time is up. Raises Refusal for one that is not shelved."""
    alarm = _alarm_for(actor, alarm_id, "sensing.unshelve_alarm")
    shelving.unshelve(shelving.shelf_of(alarm), AlarmShelf.End.TAKEN_BACK)


@action("sensing.issue_credential", audited=True, shared=True)
def issue_credential(actor: Actor, device_id: int) -> CredentialOut:
    """Give a device a new credential; the old one ends at once. The token is shown this once."""
    device = _device_for(actor, device_id, "sensing.issue_credential")
    if device.state == Device.State.RETIRED:
        raise Refusal(
            "wrong_state", Text("设备已退役，不能签发凭证。", "The device is retired; it gets no credential."),
            subject=device_subject(device_id),
        )  # fmt: skip
    secret = new_secret()
    device.credential_hash = keyed_hash(CREDENTIAL_PURPOSE, secret)
    device.credential_revoked_at = None
    device.changed = wall_now()
    device.save(update_fields=["credential_hash", "credential_revoked_at", "changed"])
    forget_directory()
    publish(
        CredentialIssued(subject=device_subject(device_id)), organisation_id=device.organisation_id,
        area_id=device.area_id,
    )  # fmt: skip
    return CredentialOut(device_id=device_id, token=token_of(device.key, secret))


@action("sensing.revoke_credential", audited=True, shared=True)
def revoke_credential(actor: Actor, device_id: int) -> None:
    """End a device's credential; it is refused within seconds. Without one nothing changes."""
    device = _device_for(actor, device_id, "sensing.revoke_credential")
    if not device.credential_hash or device.credential_revoked_at is not None:
        return
    device.credential_revoked_at = device.changed = wall_now()
    device.save(update_fields=["credential_revoked_at", "changed"])
    forget_directory()
    publish(
        CredentialRevoked(subject=device_subject(device_id)), organisation_id=device.organisation_id,
        area_id=device.area_id,
    )  # fmt: skip


@action("sensing.change_device_state", audited=True, shared=True)
def change_device_state(actor: Actor, device_id: int, state: str) -> None:
    """Put a device under maintenance, back to work, or retire it. Rules do not look at a device under maintenance."""
    device = _device_for(actor, device_id, "sensing.change_device_state")
    if state not in Device.State.values:
        raise invalid("state", f"There is no state {state}.", f"Use one of {', '.join(Device.State.values)}.",
                      zh=f"没有状态 {state}。")  # fmt: skip
    if state == device.state:
        return
    device.state, device.changed = state, wall_now()
    device.save(update_fields=["state", "changed"])
    forget_directory()
    publish(
        DeviceChanged(subject=device_subject(device_id), state=Code(state)), organisation_id=device.organisation_id,
        area_id=device.area_id,
    )  # fmt: skip


@action("sensing.create_observation")
def create_observations(
    actor: Actor, received: Mapping[str, int], columns: Columns, refused: Sequence[Refused] = ()
) -> Taken:
    """Store observations of SensorThings that were checked; `refused` are those beside them that do not fit.

    `received` says by device key how many came.
    """
    partitions.ensure_for(columns.at)
    taken = take(columns)
    settle(SOURCE, received, columns, taken.fresh, taken.recorded, refused)
    return taken


@action("sensing.create_entity", shared=True)
def create_entity(actor: Actor, entity: str, body: Any, given: Mapping[str, int]) -> int:
    """Make an entity of SensorThings, `entity` its set, with all that stands inside of it; its id.

    `given` are the relations that the path names, by their names. Raises Invalid with the place in the body.
    """
    of = SETS[entity]
    draft = drafted(of, body, given=frozenset(given))
    for name, number in given.items():
        if of.relations[name].many:
            draft.many.setdefault(name, []).append(number)
        else:
            draft.one[name] = number
    made = Writing.under(actor, "sensing.create_entity").make(draft)
    _tell_entity(actor, of, made, "made", place_of(of, made))
    return made


@action("sensing.change_entity", shared=True)
def change_entity(actor: Actor, entity: str, number: int, body: Any, *, whole: bool = False) -> None:
    """Write properties and links of an entity of SensorThings; with `whole` what is not said becomes empty."""
    Writing.under(actor, "sensing.change_entity").change(SETS[entity], number, body, whole=whole)
    _tell_entity(actor, SETS[entity], number, "changed", place_of(SETS[entity], number))


@action("sensing.remove_entity", audited=True, shared=True)
def remove_entity(actor: Actor, entity: str, number: int) -> None:
    """Remove an entity of SensorThings and what cannot be without it: of a thing its datastreams and observations."""
    place = place_of(SETS[entity], number)
    Writing.under(actor, "sensing.remove_entity").remove(SETS[entity], number)
    _tell_entity(actor, SETS[entity], number, "removed", place)


@action("sensing.unlink_entity", shared=True)
def unlink_entity(actor: Actor, entity: str, number: int, relation: str, other: int) -> None:
    """Take the tie between two entities of SensorThings away; both stay."""
    of = SETS[entity]
    Writing.under(actor, "sensing.unlink_entity").unlink(of, number, of.relations[relation], other)
    _tell_entity(actor, of, number, "changed", place_of(of, number))


def _tell_entity(
    actor: Actor, entity: EntitySet, number: int, how: str, place: tuple[int | None, int | None]
) -> None:  # fmt: skip
    """Those hear of it who see the entity; of what belongs to nobody, those who see who did it."""
    if how == "changed":  # what was made was told of then, with all that stood inside of it
        leave_news_of(entity.name, number)
    if entity.name != "Observations" or how == "removed":  # readings are never facts, but their end is
        publish(
            EntityWritten(
                subject=Code(f"sensing:{entity.single}-{number}"),
                entity=Code(entity.name),
                number=number,
                how=Code(how),
            ),
            organisation_id=place[0] or actor.organisation_id,
            area_id=place[1],
        )
