"""Which datastreams a rule looks at: of a property, a type of device, within an area, of named devices (private)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from scoc.core.models import Area
from scoc.core.validity import in_area
from scoc.sensing.models import Datastream, Rule

_NOTHING = Q(pk__in=())


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule is narrowed to. Empty parts do not narrow."""

    observed: str
    """The property."""
    device_type_id: int | None = None
    within: str = ""
    """Code of an area; what lies below it is within it."""
    devices: tuple[str, ...] = ()
    """Keys of devices."""

    @property
    def narrowed(self) -> bool:
        """Whether it is anything else than a property of all devices of one type."""
        return self.device_type_id is None or bool(self.within or self.devices)


def target_of(rule: Rule) -> Target:
    """The target of a rule in force."""
    return target(rule.property, rule.device_type_id, rule.target)


def target(property_: str, device_type_id: int | None, more: Mapping[str, Any]) -> Target:
    """A target from its stored parts."""
    return Target(property_, device_type_id, str(more.get("within", "")), tuple(more.get("devices", ())))


def condition(wanted: Target) -> Q:
    """The look-up of its datastreams."""
    found = Q(property=wanted.observed)
    if wanted.device_type_id is not None:
        found &= Q(device__type_id=wanted.device_type_id)
    if wanted.devices:
        found &= Q(device__key__in=wanted.devices)
    if wanted.within:
        inside = in_area(wanted.within, "device__area__path")
        found &= _NOTHING if inside is None else inside
    return found


def streams_of(wanted: Target) -> QuerySet[Datastream]:
    """The datastreams that it looks at, in whichever run and whether or not they take readings."""
    return Datastream.objects.filter(condition(wanted))


def paths_of(codes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The paths of areas, in all versions, by code: what begins with one of them lies within."""
    found: dict[str, set[str]] = {code: set() for code in codes}
    for code, path in Area.objects.filter(code__in=found).values_list("code", "path"):
        found[code].add(path)
    return {code: tuple(sorted(paths)) for code, paths in found.items()}
