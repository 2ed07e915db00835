"""Routes of sensing. Devices send their readings on the lean path (`lean.py`), not here."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Field, Schema
from ninja.params.functions import Path, Query

from scoc.core.http import Page, PageQuery, Request, expected_version, with_version
from scoc.core.http.exports import ExportQuery, exported
from scoc.core.schemas import Day, Done, Moment
from scoc.sensing import actions, queries
from scoc.sensing.http import upkeep as _upkeep  # noqa: F401  # its routes are registered
from scoc.sensing.http.routing import ID, routes
from scoc.sensing.schemas import (
    AccountingProof,
    AccountingRow,
    AccountingSum,
    AlarmOut,
    AlarmRow,
    CredentialOut,
    DeviceOut,
    DevicePoint,
    DeviceRow,
    DeviceTypeRow,
    OpinionIn,
    RefuteIn,
    RejectedCountRow,
    RejectedRow,
    RuleDraft,
    RuleRow,
    RuleSet,
    RuleWanted,
    SeriesOut,
    ShelveIn,
    StateIn,
    TrialOut,
)
from scoc.sensing.sheets import ACCOUNTING, ALARMS, DEVICES, REJECTED

__all__ = ["routes"]


@routes.get("/types", permission="sensing.read_devices", response=list[DeviceTypeRow])
def device_types(request: Request) -> list[DeviceTypeRow]:
    """The kinds of devices."""
    return queries.device_types(request.viewer)


class DeviceQuery(Schema):
    """What the list of devices is narrowed to."""

    type: str | None = Field(None, max_length=40)
    state: str | None = Field(None, max_length=12)
    area: str | None = Field(None, max_length=20, pattern=r"^\d*$")
    organisation_id: int | None = Field(None, ge=1, le=2**53)
    online: bool | None = None
    search: str | None = Field(None, max_length=60)
    calibrated_before: Day | None = None
    """Those whose calibration is due."""


class AlarmQuery(Schema):
    """What the list of alarms is narrowed to."""

    state: str | None = Field(None, max_length=12)
    level: str | None = Field(None, max_length=8)
    active: bool | None = None
    device_id: int | None = Field(None, ge=1, le=2**53)
    rule: str | None = Field(None, max_length=60)
    area: str | None = Field(None, max_length=20, pattern=r"^\d*$")
    since: Moment | None = None
    kept: queries.Kept | None = None
    suppressed_by: int | None = Field(None, ge=1, le=2**53)


class RejectedQuery(Schema):
    """What the list of refused readings is narrowed to."""

    device_key: str | None = Field(None, max_length=60)
    reason: str | None = Field(None, max_length=30)


class AccountingQuery(Schema):
    """What the accounts of a day are narrowed to."""

    source: str | None = Field(None, max_length=60)
    device_key: str | None = Field(None, max_length=60)
    gap: bool = False


@routes.get("/devices", permission="sensing.read_devices", response=Page[DeviceRow])
def devices(request: Request, page: PageQuery = Query(...), filters: DeviceQuery = Query(...)) -> Page[DeviceRow]:
    """The devices by key."""
    return queries.devices(request.viewer, page, **filters.dict())


@routes.get("/devices/export", permission="sensing.read_devices")
def devices_export(
    request: Request, wanted: ExportQuery = Query(...), filters: DeviceQuery = Query(...)
) -> HttpResponse:
    """The same list as a file."""
    return exported(request, DEVICES, wanted, lambda page: queries.devices(request.viewer, page, **filters.dict()))


@routes.get("/devices/points", permission="sensing.read_devices", response=list[DevicePoint])
def device_points(
    request: Request,
    type: str | None = Query(None, max_length=40),  # noqa: A002  # the word of the API
) -> list[DevicePoint]:
    """The devices for a map."""
    return queries.device_points(request.viewer, type)


@routes.get("/devices/{device_id}", permission="sensing.read_devices", response=DeviceOut)
def device(request: Request, device_id: int = ID) -> DeviceOut:
    """One device with its series."""
    return queries.device(request.viewer, device_id)


@routes.post("/devices/{device_id}/credential", permission="sensing.issue_credential", response=CredentialOut)
def issue_credential(request: Request, device_id: int = ID) -> CredentialOut:
    """Give the device a new credential; the old one ends."""
    return actions.issue_credential(request.viewer, device_id)


@routes.post("/devices/{device_id}/credential/revoke", permission="sensing.revoke_credential", response=Done)
def revoke_credential(request: Request, device_id: int = ID) -> Done:
    """End the device's credential."""
    actions.revoke_credential(request.viewer, device_id)
    return Done()


@routes.post("/devices/{device_id}/state", permission="sensing.change_device_state", response=Done)
def change_device_state(request: Request, payload: StateIn, device_id: int = ID) -> Done:
    """Put the device under maintenance, back to work, or retire it."""
    actions.change_device_state(request.viewer, device_id, payload.state)
    return Done()


@routes.get("/datastreams/{datastream_id}/series", permission="sensing.read_observations", response=SeriesOut)
def series(
    request: Request,
    start: Moment,
    end: Moment,
    datastream_id: int = ID,
    grain: queries.Grain = "auto",
    as_of: Moment | None = None,
) -> SeriesOut:
    """A datastream over a span of time, at the grain asked for or the finest that fits a chart."""
    return queries.series(request.viewer, datastream_id, start, end, grain, as_of=as_of)


@routes.get("/alarms", permission="sensing.read_alarms", response=Page[AlarmRow])
def alarms(request: Request, page: PageQuery = Query(...), filters: AlarmQuery = Query(...)) -> Page[AlarmRow]:
    """The alarms, newest first."""
    return queries.alarms(request.viewer, page, **filters.dict())


@routes.get("/alarms/export", permission="sensing.read_alarms")
def alarms_export(request: Request, wanted: ExportQuery = Query(...), filters: AlarmQuery = Query(...)) -> HttpResponse:
    """The same list as a file."""
    return exported(request, ALARMS, wanted, lambda page: queries.alarms(request.viewer, page, **filters.dict()))


@routes.get("/alarms/{alarm_id}", permission="sensing.read_alarms", response=AlarmOut)
def alarm(request: Request, response: HttpResponse, alarm_id: int = ID) -> AlarmOut:
    """One alarm; its version is in the ETag."""
    found = queries.alarm(request.viewer, alarm_id)
    with_version(response, found.version)
    return found


@routes.post("/alarms/{alarm_id}/acknowledge", permission="sensing.acknowledge_alarm", response=Done)
def acknowledge(request: Request, payload: OpinionIn, alarm_id: int = ID) -> Done:
    """Say that the alarm was seen."""
    actions.acknowledge_alarm(request.viewer, alarm_id, payload.opinion, version=expected_version(request))
    return Done()


@routes.post("/alarms/{alarm_id}/refute", permission="sensing.refute_alarm", response=Done)
def refute(request: Request, payload: RefuteIn, alarm_id: int = ID) -> Done:
    """Judge the alarm false."""
    actions.refute_alarm(request.viewer, alarm_id, payload.opinion, version=expected_version(request))
    return Done()


@routes.post("/alarms/{alarm_id}/shelve", permission="sensing.shelve_alarm", response=Done)
def shelve(request: Request, payload: ShelveIn, alarm_id: int = ID) -> Done:
    """Set the alarm aside for a while."""
    actions.shelve_alarm(
        request.viewer, alarm_id, payload.reason, payload.until, version=expected_version(request)
    )  # fmt: skip
    return Done()


@routes.post("/alarms/{alarm_id}/unshelve", permission="sensing.unshelve_alarm", response=Done)
def unshelve(request: Request, alarm_id: int = ID) -> Done:
    """Take the alarm back before its time is up."""
    actions.unshelve_alarm(request.viewer, alarm_id)
    return Done()


@routes.get("/rules", permission="sensing.read_alarms", response=Page[RuleRow])
def rules(request: Request, page: PageQuery = Query(...)) -> Page[RuleRow]:
    """The alarm rules in words."""
    return queries.rules(request.viewer, page)


@routes.post("/rules", permission="sensing.set_rule", response=RuleSet)
def set_rule(request: Request, payload: RuleWanted) -> RuleSet:
    """Put a rule into force, or the next version of one that was made here."""
    return actions.set_rule(request.viewer, payload, version=expected_version(request))


@routes.post("/rules/{code}/end", permission="sensing.end_rule", response=Done)
def end_rule(request: Request, code: str = Path(..., max_length=60)) -> Done:
    """End a rule that was made here."""
    actions.end_rule(request.viewer, code)
    return Done()


class TrialIn(RuleDraft):
    """A rule to try, the span, and what it is narrowed to."""

    start: Moment
    end: Moment
    device_id: int | None = Field(None, ge=1, le=2**53)
    area: str | None = Field(None, max_length=20, pattern=r"^\d*$")


@routes.post("/rules/try", permission="sensing.try_rule", response=TrialOut)
def try_rule(request: Request, payload: TrialIn) -> TrialOut:
    """What a rule would have raised in a span of the past. Nothing is changed."""
    return queries.try_rule(
        request.viewer, payload, payload.start, payload.end, device_id=payload.device_id, area=payload.area
    )


@routes.get("/rejected", permission="sensing.read_rejected", response=Page[RejectedRow])
def rejected(request: Request, page: PageQuery = Query(...), filters: RejectedQuery = Query(...)) -> Page[RejectedRow]:
    """Refused readings that were kept, newest first."""
    return queries.rejected(request.viewer, page, **filters.dict())


@routes.get("/rejected/export", permission="sensing.read_rejected")
def rejected_export(
    request: Request, wanted: ExportQuery = Query(...), filters: RejectedQuery = Query(...)
) -> HttpResponse:
    """The same list as a file."""
    return exported(request, REJECTED, wanted, lambda page: queries.rejected(request.viewer, page, **filters.dict()))


@routes.get("/rejected/counts", permission="sensing.read_rejected", response=list[RejectedCountRow])
def rejected_counts(request: Request, start_day: Day, end_day: Day, by_device: bool = False) -> list[RejectedCountRow]:
    """How many readings were refused, by day, source and reason."""
    return queries.rejected_counts(request.viewer, start_day, end_day, by_device=by_device)


@routes.get("/accounting", permission="sensing.read_accounting", response=Page[AccountingRow])
def accounting(
    request: Request, day: Day, page: PageQuery = Query(...), filters: AccountingQuery = Query(...)
) -> Page[AccountingRow]:
    """What came on a day and what became of it, by source and device."""
    return queries.accounting(request.viewer, page, day, **filters.dict())


@routes.get("/accounting/export", permission="sensing.read_accounting")
def accounting_export(
    request: Request, day: Day, wanted: ExportQuery = Query(...), filters: AccountingQuery = Query(...)
) -> HttpResponse:
    """The same list as a file."""
    return exported(
        request, ACCOUNTING, wanted, lambda page: queries.accounting(request.viewer, page, day, **filters.dict())
    )


@routes.get("/accounting/sums", permission="sensing.read_accounting", response=list[AccountingSum])
def accounting_sums(request: Request, start_day: Day, end_day: Day) -> list[AccountingSum]:
    """What came and what became of it, by day and source."""
    return queries.accounting_sums(request.viewer, start_day, end_day)


@routes.get("/accounting/proofs", permission="sensing.read_accounting", response=list[AccountingProof])
def accounting_proofs(request: Request, start_day: Day, end_day: Day) -> list[AccountingProof]:
    """Whether the accounts of these days agree with the tables themselves."""
    return queries.accounting_proofs(request.viewer, start_day, end_day)
