"""What keeps alarms from people: one above that explains them, a shelf, and their own coming and going (private)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from scoc.core.city.sections import city_settings
from scoc.core.models import AssetLink
from scoc.core.now import city_now, city_today, current_run
from scoc.core.validity import valid_at
from scoc.sensing.limits import AlarmSettings, SensingSettings
from scoc.sensing.models import Alarm, AlarmOccurrence, AlarmShelf, Device

MOST_LEVELS = 5
"""So far up and down the ties of devices are followed."""
OPEN = (Alarm.State.NEW, Alarm.State.ACKNOWLEDGED)


def alarm_settings() -> AlarmSettings:
    """The city's policy."""
    return city_settings(SensingSettings).alarms


def above(device_id: int) -> int | None:
    """The newest alarm that stands over a device or asset that this device hangs on, and that keeps others back."""
    devices = _levels({device_id}, up=True)
    if not devices:
        return None
    rows = Alarm.objects.filter(device__in=devices, active=True, rule__suppresses=True, run_id=current_run())
    return rows.exclude(state=Alarm.State.FALSE).order_by("-id").values_list("pk", flat=True).first()


def explained_by(alarm: Alarm, moment: datetime) -> QuerySet[Alarm]:
    """Alarms below one that was raised at a moment: those that were told of shortly before, and nobody has seen."""
    devices = _levels({alarm.device_id}, up=False)
    since = moment - timedelta(seconds=alarm_settings().outlive_seconds)
    return Alarm.objects.filter(
        device__in=devices, active=True, state=Alarm.State.NEW, suppressed_by=None, run_id=current_run(),
        happened_at__gte=since,
    ).order_by("id")  # fmt: skip


def _levels(start: Collection[int], *, up: bool) -> set[int]:
    """Devices above (or below) these, level by level: by their own tie, and by those of their assets."""
    found: set[int] = set()
    frontier = set(start)
    for _ in range(MOST_LEVELS):
        found_now = _next(frontier, up=up) - found - set(start)
        if not found_now:
            break
        found |= found_now
        frontier = found_now
    return found


def _next(devices: set[int], *, up: bool) -> set[int]:
    here = Device.objects.filter(pk__in=devices)
    if up:
        tied = here.exclude(parent=None).values_list("parent_id", flat=True)
    else:
        tied = Device.objects.filter(parent__in=devices).values_list("pk", flat=True)
    links = AssetLink.objects.filter(valid_at(city_today()), kind__in=alarm_settings().parent_links)
    mine = here.exclude(asset=None).values("asset_id")
    if up:
        on_others = Device.objects.filter(asset__in=links.filter(target__in=mine).values("origin_id"))
    else:
        on_others = Device.objects.filter(asset__in=links.filter(origin__in=mine).values("target_id"))
    return set(tied) | set(on_others.values_list("pk", flat=True))


def shelf_of(datastream_id: int, rule_code: str) -> AlarmShelf | None:
    """The open shelf of a rule over a datastream."""
    return AlarmShelf.objects.filter(datastream=datastream_id, rule_code=rule_code, ended_at=None).first()


def flaps(datastream_id: int, rule_code: str, moment: datetime) -> bool:
    """Whether, with what is raised at a moment, a rule over a datastream changed too often lately."""
    policy = alarm_settings()
    since = moment - timedelta(seconds=policy.flapping_seconds)
    rows = AlarmOccurrence.objects.filter(alarm__datastream=datastream_id, alarm__rule__code=rule_code)
    lately = rows.order_by("-alarm_id", "-id")[: policy.flapping_changes]  # by the index: never all that ever was
    changes = 1 + sum(
        (one.started_at > since) + (one.ended_at is not None and one.ended_at > since) for one in lately
    )  # fmt: skip
    return changes >= policy.flapping_changes


def stable() -> QuerySet[Alarm]:
    """Flapping alarms of the run that have not changed for long enough."""
    since = city_now() - timedelta(seconds=alarm_settings().stable_seconds)
    newer = AlarmOccurrence.objects.filter(alarm=OuterRef("pk"))
    newer = newer.filter(Q(started_at__gt=since) | Q(ended_at__gt=since))
    rows = Alarm.objects.filter(run_id=current_run(), flapping_since__lte=since)
    return rows.filter(~Exists(newer)).order_by("flapping_since")


def outliving() -> QuerySet[Alarm]:
    """Standing alarms of the run that are kept back by one that has been over for long enough, or was found false."""
    since = city_now() - timedelta(seconds=alarm_settings().outlive_seconds)
    over = Q(suppressed_by__active=False, suppressed_by__cleared_at__lte=since)
    rows = Alarm.objects.filter(run_id=current_run(), active=True, suppressed_by__isnull=False)
    return rows.filter(over | Q(suppressed_by__state=Alarm.State.FALSE)).order_by("id")


def due() -> QuerySet[AlarmShelf]:
    """Shelves of the run whose time is up."""
    rows = AlarmShelf.objects.filter(ended_at=None, until__lte=city_now(), alarm__run_id=current_run())
    return rows.order_by("until")
