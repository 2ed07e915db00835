"""The devices that readings name, remembered by this process and kept true while others change them.

A device is looked up when it is first named. Once a second the rows that changed lately are read, whatever process
changed them, so a revoked credential or a retired device is known within seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max

from scoc.core.fields import from_micros, to_micros
from scoc.core.now import wall_now
from scoc.core.remembered import forgettable
from scoc.sensing.models import Datastream, Device, Feature, Rule
from scoc.sensing.targets import paths_of

POLL_SECONDS = 1.0
OVERLAP_MICROS = 120 * 1_000_000
"""Changes are written before they are committed: so far back the poll looks again."""
FORGET_SECONDS = 600.0
UNKNOWN_SECONDS = 2.0
MOST_UNKNOWN = 10_000
_SLICE = 500
MOST_KEY = 60


@dataclass(frozen=True, slots=True)
class RuleNow:
    """A rule in its current version."""

    id: int
    code: str
    kind: str
    level: str
    category: str
    recurrence_micros: int
    settings: dict[str, Any]
    paths: tuple[str, ...] | None = None
    """Paths of the area that it is narrowed to; None for a rule over all areas."""
    type_id: int | None = None
    """The type that it is narrowed to, where it looks at named devices."""
    suppresses: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A datastream with all that taking a reading needs."""

    id: int
    device_id: int
    device_key: str
    property: str
    minimum: float
    maximum: float
    scale: float
    cadence_micros: int
    keep: bool
    replace: bool
    """Whether a second reading at one time is kept beside the first, or takes its place."""
    judged: bool
    """Whether rules are applied: not to devices under maintenance."""
    type_id: int
    organisation_id: int
    area_id: int | None
    area_path: str
    hangs: bool
    """Whether its device hangs on another one, or on an asset."""
    thing_id: int | None
    feature: int | None
    """What its observations are about unless they say so: the place where its thing is."""
    several: int
    """How many results each observation holds; 0 for one alone, which is no list."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device with its datastreams in one run."""

    id: int
    key: str
    state: str
    credential_hash: str
    credential_revoked: bool
    changed: int
    streams: dict[str, Stream]


@dataclass(slots=True)
class _Known:
    devices: dict[str, dict[int, KnownDevice]] = field(default_factory=dict)
    """By key, then by run."""
    unknown: dict[tuple[int, str], float] = field(default_factory=dict)
    keys: dict[int, str] = field(default_factory=dict)
    """Of datastreams that were asked for by their id, the device."""
    rules: dict[tuple[str, int | str | None], list[RuleNow]] = field(default_factory=dict)
    """By property, with the type of device, the key of a device, or None for devices of every type."""
    ruled: dict[int, tuple[Stream, tuple[RuleNow, ...]]] = field(default_factory=dict)
    """Of datastreams that were asked for, the rules over them."""
    rules_mark: tuple[int, int] | None = None
    polled: float = 0.0
    forgotten: float = field(default_factory=time.monotonic)
    mark: int = field(default_factory=lambda: to_micros(wall_now()))


_known = _Known()
_lock = threading.Lock()


@forgettable
def forget_directory() -> None:
    """Read devices and rules anew at the next question."""
    global _known
    _known = _Known()


def stale() -> bool:
    """Whether it is time to look for changes."""
    return time.monotonic() - _known.polled > POLL_SECONDS


def refresh() -> None:
    """Look for what changed since the last look, if that is a second ago."""
    if not stale():
        return
    with _lock:
        known = _known
        moment = time.monotonic()
        if moment - known.forgotten > FORGET_SECONDS:  # devices that fell silent need not be remembered for ever
            known.devices.clear()
            known.keys.clear()
            known.ruled.clear()
            known.forgotten = moment
        changes = Device.objects.filter(changed__gte=from_micros(known.mark - OVERLAP_MICROS))
        for key, changed in changes.values_list("key", "changed").iterator(2000):
            micros = to_micros(changed)
            known.mark = max(known.mark, micros)
            found = known.devices.get(key)
            if found is not None and any(device.changed != micros for device in found.values()):
                del known.devices[key]
        known.unknown.clear()
        _refresh_rules(known)
        known.polled = time.monotonic()


def _refresh_rules(known: _Known) -> None:
    now_valid = Rule.objects.filter(valid_to=None)
    totals = now_valid.aggregate(newest=Max("id"), number=Count("id"))
    mark = (totals["newest"] or 0, totals["number"])
    if mark == known.rules_mark:
        return
    rows = list(now_valid.order_by("code"))
    paths = paths_of([row.target["within"] for row in rows if "within" in row.target])
    rules: dict[tuple[str, int | str | None], list[RuleNow]] = {}
    for row in rows:
        rule = RuleNow(
            row.pk, row.code, row.kind, row.level, row.category, row.recurrence_seconds * 1_000_000, row.settings,
            paths[row.target["within"]] if "within" in row.target else None, row.device_type_id, row.suppresses,
        )  # fmt: skip
        for place in row.target.get("devices") or [row.device_type_id]:
            rules.setdefault((row.property, place), []).append(rule)
    known.rules, known.ruled = rules, {}
    known.rules_mark = mark


def rules_of(line: Stream) -> tuple[RuleNow, ...]:
    """The rules over a datastream by code, as of the last `refresh`."""
    known = _known
    found = known.ruled.get(line.id)
    if found is not None and found[0] is line:
        return found[1]
    rules = sorted(
        (
            rule
            for place in (line.type_id, line.device_key, None)
            for rule in known.rules.get((line.property, place), ())
            if rule.type_id in (None, line.type_id)
            and (rule.paths is None or any(line.area_path.startswith(path) for path in rule.paths))
        ),
        key=lambda rule: rule.code,
    )
    known.ruled[line.id] = line, tuple(rules)
    return known.ruled[line.id][1]


def peek(run_id: int, key: str) -> KnownDevice | None:
    """A device if it is remembered; asks nobody."""
    found = _known.devices.get(key)
    return found.get(run_id) if found else None


def unknown_lately(run_id: int, key: str) -> bool:
    """Whether the device was looked up a moment ago and is not there."""
    until = _known.unknown.get((run_id, key))
    return until is not None and until > time.monotonic()


def devices(run_id: int, keys: Iterable[str]) -> dict[str, KnownDevice]:
    """The devices with these keys, those that exist; looked up together where they are not remembered."""
    refresh()
    wanted = set(keys)
    found = {key: device for key in wanted if (device := peek(run_id, key)) is not None}
    missing = sorted(key for key in wanted - found.keys() if _possible(key) and not unknown_lately(run_id, key))
    if missing:
        known = _known
        for start in range(0, len(missing), _SLICE):
            for device in _load(run_id, missing[start : start + _SLICE]):
                known.devices.setdefault(device.key, {})[run_id] = found[device.key] = device
        if len(known.unknown) > MOST_UNKNOWN:
            known.unknown.clear()
        until = time.monotonic() + UNKNOWN_SECONDS
        known.unknown.update({(run_id, key): until for key in missing if key not in found})
    return found


def stream(run_id: int, number: int) -> Stream | None:
    """A datastream that takes readings, by its id."""
    key = _known.keys.get(number)
    if key is None:
        key = Datastream.objects.filter(pk=number).values_list("device__key", flat=True).first()
        if key is None:
            return None
        _known.keys[number] = key
    device = devices(run_id, [key]).get(key)
    found = None if device is None else next((one for one in device.streams.values() if one.id == number), None)
    if found is None:
        _known.keys.pop(number, None)  # perhaps another device has it by now
    return found


def _possible(key: str) -> bool:
    """Whether a device may have this key; texts that no database takes are not even looked up."""
    return 0 < len(key) <= MOST_KEY and key.isascii() and key.isprintable()


def _load(run_id: int, keys: list[str]) -> list[KnownDevice]:
    rows = {row.pk: row for row in Device.objects.filter(key__in=keys).select_related("area")}
    streams: dict[int, dict[str, Stream]] = {pk: {} for pk in rows}
    here = Feature.objects.filter(location__things__device__in=rows).order_by("-id")
    features = dict(here.values_list("location__things__device_id", "id"))
    for line in Datastream.objects.filter(device__in=rows, run_id=run_id, active=True):
        device = rows[line.device_id]
        streams[line.device_id][line.property] = Stream(
            id=line.pk, device_id=line.device_id, device_key=device.key, property=line.property,
            minimum=line.minimum, maximum=line.maximum,
            scale=10.0**line.places, cadence_micros=line.cadence_seconds * 1_000_000,
            keep=line.repeat == Datastream.Repeat.KEEP, replace=line.repeat == Datastream.Repeat.REPLACE,
            judged=device.state in (Device.State.ACTIVE, Device.State.REGISTERED),
            type_id=device.type_id, organisation_id=device.organisation_id, area_id=device.area_id,
            area_path=device.area.path if device.area else "",
            hangs=device.parent_id is not None or device.asset_id is not None, thing_id=line.thing_id,
            feature=features.get(line.device_id),
            several=len(line.multi_types or ()) if line.multi else 0,
        )  # fmt: skip
    return [
        KnownDevice(
            row.pk, row.key, row.state, row.credential_hash, row.credential_revoked_at is not None,
            to_micros(row.changed), streams[row.pk],
        )
        for row in rows.values()
    ]  # fmt: skip
