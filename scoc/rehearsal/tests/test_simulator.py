"""The simulated city: a seed gives the same day again, days have rhythm, storms flood, devices fail, people call."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.conf import settings
from shapely.geometry import box

from scoc.core.files import media_type_of
from scoc.rehearsal.simulator.chance import Floats
from scoc.rehearsal.simulator.incidents import troubles_of
from scoc.rehearsal.simulator.life import MadeUp
from scoc.rehearsal.simulator.photos import photo
from scoc.rehearsal.simulator.reports import matter_of, reports_of
from scoc.rehearsal.simulator.signals import CADENCES, Readings, readings_of
from scoc.rehearsal.simulator.town import Community, SimDevice, Town
from scoc.rehearsal.simulator.weather import rain, storms_of

ZONE = ZoneInfo("Asia/Shanghai")
TUESDAY, SUNDAY = date(2026, 6, 16), date(2026, 6, 14)


def town(seed: int = 990100) -> Town:
    """Binhai's devices with two square communities."""
    devices = []
    for path in sorted((Path(settings.SCOC_CITIES) / "binhai/devices").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            devices += [SimDevice(r["key"], r["type"], float(r["lon"]), float(r["lat"])) for r in csv.DictReader(file)]
    communities = [
        Community("990102001001", "望潮社区", 5000, "990102", box(123.38, 29.98, 123.42, 30.02)),
        Community("990103001001", "江北新村社区", 3000, "990103", box(123.34, 30.03, 123.38, 30.07)),
    ]
    return Town(seed, (123.4, 30.0), ZONE, sorted(devices, key=lambda device: device.key), communities)


@pytest.fixture(scope="module")
def binhai() -> Town:
    """The town of most tests."""
    return town()


def of(readings: Readings, name: str, start: int = 0, end: int = 24, day: date = TUESDAY) -> Floats:
    """Values of a property in some hours of the day, faults' spikes left out."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    part = readings.between(midnight + timedelta(hours=start, seconds=-1), midnight + timedelta(hours=end, seconds=-1))
    made: Floats = part.value[(part.property == name) & (part.value < 9000)]
    return made


def test_a_day_is_the_same_whenever_it_is_drawn(binhai: Town) -> None:
    """Readings and reports of a day depend on the seed and the day alone."""
    first, again = readings_of(binhai, TUESDAY), readings_of(town(), TUESDAY)
    for name in ("device", "property", "at_micros", "value"):
        assert (getattr(first, name) == getattr(again, name)).all()
    assert reports_of(binhai, TUESDAY, first) == reports_of(town(), TUESDAY, again)
    other = readings_of(town(7), TUESDAY)
    assert len(other) != len(first) or (other.value != first.value).any()


def test_every_device_reports_at_its_cadence(binhai: Town) -> None:
    """A device without a fault reports once a cadence; times grow; nothing comes from the day before or after."""
    readings = readings_of(binhai, TUESDAY)
    midnight = datetime(2026, 6, 16, tzinfo=ZONE).timestamp() * 1e6
    assert (np.diff(readings.at_micros) >= 0).all()
    assert readings.at_micros[0] >= midnight
    assert readings.at_micros[-1] < midnight + 86_400e6
    silent = {d.key for d in binhai.devices if any(t.kind == "silence" for back in range(4)
              for t in troubles_of(binhai.seed, d, TUESDAY - timedelta(days=back), ZONE))}  # fmt: skip
    for device in binhai.devices:
        if device.key in silent or device.type in ("air_station", "light_cabinet"):
            continue
        assert (readings.device == device.key).sum() == 86_400 / CADENCES[device.type], device.key


def test_days_and_weeks_have_their_rhythm(binhai: Town) -> None:
    """Streets are louder by day than by night and on workdays than on Sundays; lights burn at night; pressure dips."""
    workday, rest = readings_of(binhai, TUESDAY), readings_of(binhai, SUNDAY)
    assert of(workday, "leq", 8, 9).mean() > of(workday, "leq", 2, 4).mean() + 5
    assert of(workday, "leq", 8, 9).mean() > of(rest, "leq", 8, 9, SUNDAY).mean() + 3
    assert np.median(of(workday, "current", 20, 23)) > 20 > np.median(of(workday, "current", 10, 15))
    assert of(workday, "pressure", 19, 20).mean() < of(workday, "pressure", 3, 4).mean()
    assert of(workday, "no2", 8, 9).mean() > of(workday, "no2", 3, 4).mean()
    assert of(workday, "o3", 13, 15).mean() > of(workday, "o3", 1, 4).mean() + 20


def stormy_day(binhai: Town, peak: float) -> date:
    """The first day of the year whose storm is at least so heavy."""
    days = (date(2026, 1, 1) + timedelta(days=n) for n in range(366))
    return next(d for d in days if any(s.peak >= peak for s in storms_of(binhai.seed, d, ZONE, binhai.center)))


def test_a_heavy_storm_crosses_the_city_and_floods_underpasses(binhai: Town) -> None:
    """Rain moves; water gathers where the pumps do not keep up, people report it, and it is gone a day later."""
    day = stormy_day(binhai, 60)
    [storm] = storms_of(binhai.seed, day, ZONE, binhai.center)
    begun, over = storm.start.timestamp(), storm.start.timestamp() + storm.hours * 3600
    lons, lats = np.array([storm.lon, storm.lon + storm.lon_per_hour * storm.hours]), np.array([storm.lat] * 2)
    lats[1] += storm.lat_per_hour * storm.hours
    fallen = rain([storm], lons, lats, np.array([begun + 1200, over - 1200]))
    assert fallen[0, 0] > fallen[1, 0]
    assert fallen[1, 1] > fallen[0, 1], "the storm has moved on"
    readings = readings_of(binhai, day)
    deep = readings.value[(readings.property == "depth") & (readings.value < 500)]
    assert deep.max() > 15
    assert any(report.category == "event/0506" for report in reports_of(binhai, day, readings))
    later = readings_of(binhai, day + timedelta(days=2))
    assert np.median(later.value[later.property == "depth"]) < 2


def test_devices_fail_in_each_way_in_the_course_of_a_month(binhai: Town) -> None:
    """Stuck, drifting, silent and wild readings, and real troubles of each kind, all occur."""
    kinds = {
        trouble.kind
        for n in range(30) for device in binhai.devices
        for trouble in troubles_of(binhai.seed, device, TUESDAY + timedelta(days=n), ZONE)
    }  # fmt: skip
    assert kinds == {"stuck", "drift", "silence", "spike", "burst", "leak", "open", "dark", "construction"}


def test_people_report_in_words_that_a_desk_can_classify(binhai: Town) -> None:
    """A fortnight of reports: inside their community, by all three channels, the class found from the words."""
    reports = [
        report for n in range(14)
        for report in reports_of(binhai, TUESDAY + timedelta(days=n), readings_of(binhai, TUESDAY + timedelta(days=n)))
    ]  # fmt: skip
    assert {report.channel for report in reports} == {"01", "11", "33"}
    assert len({report.key for report in reports}) == len(reports)
    usual = [report for report in reports if report.key[:2] == "20"]
    assert 50 < len(usual) < 130
    for report in usual:
        assert report.category in (None, matter_of(report.text))
        assert any(c.outline.buffer(1e-9).contains(box(report.lon, report.lat, report.lon, report.lat).centroid)
                   for c in binhai.communities)  # fmt: skip
    assert any(report.category is None for report in usual), "some web reports come without a class"
    assert matter_of("完全无关的话") is None


def test_a_source_gives_each_reading_once_however_time_is_cut(binhai: Town) -> None:
    """Spans follow each other without a gap or an overlap, across midnight too."""
    source = MadeUp(binhai)
    start = datetime(2026, 6, 16, 22, tzinfo=ZONE)
    whole = source.readings(start, start + timedelta(hours=4))
    cuts = [start + timedelta(minutes=17 * n) for n in range(15)]
    parts = [source.readings(a, b) for a, b in zip(cuts, [*cuts[1:], start + timedelta(hours=4)], strict=True)]
    assert Readings.joined(parts).at_micros.tolist() == whole.at_micros.tolist()


def test_photos_are_pictures_and_never_twice_the_same() -> None:
    """PNG by its first bytes; other case, other kind or other step, other content."""
    made = {photo("after", "c1", 3), photo("after", "c2", 3), photo("check", "c1", 3), photo("after", "c1", 5)}
    assert len(made) == 4
    assert {media_type_of(content) for content in made} == {"image/png"}
    assert photo("after", "c1", 3) in made
