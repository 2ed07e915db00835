"""Timed work of sensing: hear silence, compute what is usual, make months, keep areas true, prove accounts."""

from __future__ import annotations

from datetime import timedelta

from scoc.core.now import city_now, city_today, wall_now
from scoc.core.tasks import enqueue, task
from scoc.sensing import baselines, shelving, silence
from scoc.sensing.ingest import partitions
from scoc.sensing.models import Device
from scoc.sensing.proving import prove
from scoc.sensing.things import follow_area
from scoc.spatial.queries import locate

_SLICE = 100


@task("sensing.listen", cron="* * * * *", every_run=True)
def listen() -> None:
    """Look for datastreams that fell silent, or are heard again; each slice is a task of its own."""
    rules = list(silence.silence_rules())
    for code, found in silence.turned(rules, city_now()).items():
        for part in silence.slices(found):
            enqueue("sensing.judge_silence", rule=code, datastreams=part)


@task("sensing.judge_silence")
def judge_silence(rule: str, datastreams: list[int]) -> None:
    """Raise or clear the alarms of one rule of silence over some datastreams."""
    found = silence.silence_rules().filter(code=rule).first()
    if found is not None:
        silence.judge_silence(found, datastreams)


@task("sensing.let_go", cron="* * * * *", every_run=True)
def let_go() -> None:
    """Every minute: end shelves that are over, raise what outlived the alarm above it, steady what flaps no more."""
    if shelving.let_go() >= shelving.MOST_AT_ONCE:
        enqueue("sensing.let_go")


@task("sensing.compute_baselines", cron="40 1 * * *")
def compute_baselines() -> None:
    """Every night: what is usual in each hour of the week, for the rules of deviation."""
    wanted = baselines.wanted()
    for start in range(0, len(wanted), _SLICE):
        enqueue("sensing.compute_some_baselines", datastreams=wanted[start : start + _SLICE])


@task("sensing.compute_some_baselines")
def compute_some_baselines(datastreams: list[int]) -> None:
    """What is usual for some datastreams."""
    baselines.compute(datastreams)


@task("sensing.make_months", cron="5 0 * * *")
def make_months() -> None:
    """Every night: the partitions of this month and the coming ones, long before they are written to."""
    partitions.ensure_coming()


@task("sensing.prove_accounts", cron="7 * * * *")
def prove_accounts() -> None:
    """Every hour: whether what came today is stored, repeated or refused, as the tables have it."""
    prove(city_today())


@task("sensing.prove_last_day", cron="27 0 * * *")
def prove_last_day() -> None:
    """Every night: the same of the day before, which is complete."""
    prove(city_today() - timedelta(days=1))


@task("sensing.locate_devices", cron="20 2 * * *")
def locate_devices() -> None:
    """Every night: the areas of devices follow a change of boundaries."""
    for device in Device.objects.exclude(state=Device.State.RETIRED).only("id", "lon", "lat", "area_id").iterator(500):
        if device.lon is None or device.lat is None:
            continue
        area_id = locate(device.lon, device.lat)
        if area_id != device.area_id:
            Device.objects.filter(pk=device.pk).update(area_id=area_id, changed=wall_now())
            follow_area(device.pk, area_id)
