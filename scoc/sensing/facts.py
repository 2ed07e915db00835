"""What sensing tells the city: changes of state only, never readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scoc.core.facts import Code, Fact, fact

SEE = "sensing.read_alarms"


@fact("sensing.alarm_raised", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Fact):
    """A rule was broken; `subject` is `sensing:<alarm id>`."""

    rule: Code
    device: int
    datastream: int
    level: Code
    category: Code


@fact("sensing.alarm_recurred", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRecurred(Fact):
    """An alarm that had cleared came back; it is the same alarm."""

    recurrences: int


@fact("sensing.alarm_cleared", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Fact):
    """The condition of an alarm is gone; whether it was handled is another matter."""

    recurrences: int


@fact("sensing.alarm_suppressed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSuppressed(Fact):
    """An alarm is kept back, since the alarm `by` above it explains it."""

    by: int


@fact("sensing.alarm_released", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReleased(Fact):
    """An alarm that was told of before it was kept back stands before people again."""


@fact("sensing.alarm_hushed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmHushed(Fact):
    """An alarm comes and goes too often to be told each time; it is quiet until it is stable."""

    recurrences: int


@fact("sensing.alarm_steadied", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSteadied(Fact):
    """A flapping alarm is stable again; whether it stands or is over says its row."""

    recurrences: int


@fact("sensing.alarm_shelved", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmShelved(Fact):
    """A person set an alarm aside (搁置) until a time."""

    until: datetime


@fact("sensing.alarm_unshelved", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmUnshelved(Fact):
    """An alarm that was set aside is back."""


@fact("sensing.alarm_acknowledged", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged(Fact):
    """A person has seen the alarm."""


@fact("sensing.alarm_refuted", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRefuted(Fact):
    """A person judged the alarm false (误报)."""


@fact("sensing.alarm_settled", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettled(Fact):
    """What came of the alarm above is over; `by` names it, e.g. `intake:7`."""

    by: Code


@fact("sensing.rule_set", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet(Fact):
    """A person put a rule, or its next version, into force; `subject` is `sensing:rule-<id of the version>`."""

    rule: Code
    version: int


@fact("sensing.rule_ended", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEnded(Fact):
    """A person ended a rule; what it raised cleared."""

    rule: Code


@fact("sensing.credential_issued", permission="sensing.read_devices")
@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialIssued(Fact):
    """A device was given a new credential; the old one ended."""


@fact("sensing.credential_revoked", permission="sensing.read_devices")
@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRevoked(Fact):
    """A device's credential ended."""


@fact("sensing.device_changed", permission="sensing.read_devices")
@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChanged(Fact):
    """A device went into another state of its life."""

    state: Code


@fact("sensing.maintenance_planned", permission="sensing.read_devices")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenancePlanned(Fact):
    """Maintenance of a device was planned; `subject` is `sensing:device-<id>`."""

    maintenance: int
    kind: Code


@fact("sensing.maintenance_ended", permission="sensing.read_devices")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceEnded(Fact):
    """Maintenance of a device was done, or called off."""

    maintenance: int
    how: Code
    """`done` or `cancelled`."""


@fact("sensing.accounts_disagreed", permission="sensing.read_accounting")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsDisagreed(Fact):
    """The accounts of a day do not agree with the tables; `subject` is `sensing:accounts-<day>`."""

    wrong: int
    """How much does not agree."""
    amiss: int
    """By how many readings."""


@fact("sensing.accounts_agreed", permission="sensing.read_accounting")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsAgreed(Fact):
    """They agree again."""


@fact("sensing.entity_written", permission="sensing.read_observations")
@dataclass(frozen=True, slots=True, kw_only=True)
class EntityWritten(Fact):
    """An entity of SensorThings was made, changed or removed; `subject` is `sensing:<entity>-<id>`."""

    entity: Code
    number: int
    how: Code
    """`made`, `changed` or `removed`."""
