"""`scoc load air`: what became of every reading of both archives, printed and kept."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from scoc.core.access import system_actor
from scoc.core.http.paging import PageQuery
from scoc.core.now import city_time, city_today
from scoc.core.tests.factories import City
from scoc.rehearsal.archive.source import read_span
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.rehearsal.simulator.life import Life
from scoc.rehearsal.tests.test_archive import prsa_folder, write
from scoc.sensing import queries
from scoc.sensing.schemas import RejectedRow
from scoc.sensing.tests.factories import make_device, make_type

pytestmark = pytest.mark.django_db
HEAD = "stationId,utc_time,PM2.5,PM10,NO2,CO,O3,SO2"
PRSA = [
    *(f"{n},2016,5,1,{n},70,{90 + n % 2},{n},2{n},800,5{n},20,1000,5,0,N,1,East" for n in range(8)),
    "9,2016,5,1,8,999,60,NA,20,10000,50,20,1000,5,0,N,1,East",
    "10,2016,5,1,9,80,60,3,x,900,51,20,1000,5,0,N,1,East",
    "11,2016,5,NA,10,80,90,3,20,900,51,20,1000,5,0,N,1,East",
    "12,2016,5,1,11,40,60,3,20,900,51,20,1000,5,0,N,1,West",
]
"""Hours 0 to 7: PM2.5 stands at 70, seven of them are refused. Hour 8: two at the end of the scale, PM10 below such a
PM2.5, SO2 missing. Hour 9: PM2.5 above PM10, NO2 no number. A wrong hour, six cells; an unknown station, six cells."""
REFUSED = {"stuck": 7, "pinned": 2, "pm25_above_pm10": 3, "wrong_type": 1, "bad_time": 6, "unknown_device": 6}
GIVEN = 8 * 6 + 5 + 6 + 6 + 6


@pytest.fixture
def archive(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small files of both archives in the folder of outside data, and the one station of the city."""
    prsa_folder(tmp_path, PRSA)
    # the first hour of PRSA once more, and one of its own: 800 µg/m³ are 0.8 mg/m³
    write(
        tmp_path / "beijing_air_kdd2018" / "a_aq.csv.gz",
        [HEAD, "est_aq,2016-04-30 16:00:00,70,90,20,0.8,50,0", "est_aq,2018-03-31 07:00:00,105,172,53,0.8,,14"],
    )
    streams = [
        {"property": name, "name_zh": name, "name_en": name, "unit": "µg/m³", "places": 3, "minimum": 0.0,
         "maximum": 20000.0, "cadence_seconds": 3600, "repeat": "ignore"}
        for name in ("pm25", "pm10", "so2", "no2", "co", "o3")
    ]  # fmt: skip
    make_device("est_aq", type_=make_type("air_station", streams), area=city.east)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, data_dir=tmp_path))
    return tmp_path


def load() -> tuple[list[int], dict[str, int]]:
    """The totals that the command prints, and how many it says were rejected, by reason."""
    out = StringIO()
    call_command("load", "air", stdout=out)
    text = out.getvalue()
    totals = next(line.split()[1:] for line in text.splitlines() if line.startswith("all "))
    reasons = {reason: int(n) for reason, n in re.findall(r"rejected: (\S+) +(\d+)", text)}
    return [int(number) for number in totals], reasons


def counted() -> Counter[str]:
    """How many sensing says it refused, by reason."""
    today = city_today()
    found: Counter[str] = Counter()
    for row in queries.rejected_counts(system_actor("tests"), today - timedelta(days=1), today):
        found[row.reason] += row.n
    return found


def kept() -> list[RejectedRow]:
    """The refused readings that sensing keeps."""
    return queries.rejected(system_actor("tests"), PageQuery(cursor=None, limit=500)).items


@pytest.mark.usefixtures("archive")
def test_what_is_given_is_stored_twice_or_rejected_and_sensing_says_the_same(monday: datetime) -> None:
    (hours, readings, stored, duplicate, missing, rejected), reasons = load()
    assert (hours, readings, missing) == (len(PRSA) - 1 + 2, GIVEN + 6 + 5, 1 + 1)
    assert readings == stored + duplicate + rejected
    assert (duplicate, reasons) == (6, REFUSED)
    assert counted() == REFUSED
    pinned = [(row.property, row.raw, row.source) for row in kept() if row.reason == "pinned"]
    assert sorted(pinned) == [
        ("co", "10", "archive:PRSA_Data_East.csv.gz"), ("pm25", "999", "archive:PRSA_Data_East.csv.gz"),
    ]  # fmt: skip
    assert Counter(row.reason for row in kept()) == REFUSED


@pytest.mark.usefixtures("archive")
def test_loaded_again_every_reading_is_a_duplicate(monday: datetime) -> None:
    _, first, stored, *_ = load()[0]
    _, again, none, duplicate, _, rejected = load()[0]
    assert (again, none, duplicate) == (first, 0, again - rejected)
    assert stored < duplicate, "one hour stands in both archives"


@pytest.mark.usefixtures("monday")
def test_a_replay_counts_as_the_loader_does(archive: Path) -> None:
    """What is lived of a span is given, stored and refused by the same figures, in sensing too."""
    start = datetime.fromisoformat("2016-05-01T00:00:00+08:00")
    with city_time(start):
        source = read_span(archive, AirArchiveSettings(), start, start + timedelta(days=1))
    life = Life(source, None, "archive")
    life.pass_time(start, start + timedelta(hours=12), timedelta(hours=1), lambda moment: None)
    tally = life.tally
    # hour 0 belongs to the day before; the wrong day belongs to none
    expected = {reason: n for reason, n in REFUSED.items() if reason != "bad_time"}
    assert tally.rejected == expected
    assert tally.readings == GIVEN - 6 - 6 == tally.stored + tally.duplicate + sum(tally.rejected.values())
    with city_time(start + timedelta(hours=12)):
        assert counted() == expected


def test_without_data_or_with_a_broken_file_the_command_says_what_to_do(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive / "beijing_air_kdd2018" / "a_aq.csv.gz").write_bytes(b"no gzip at all")
    with pytest.raises(CommandError, match=r"a_aq\.csv\.gz cannot be read"):
        call_command("load", "air", stdout=StringIO())
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, data_dir=None))
    with pytest.raises(CommandError, match="SCOC_DATA_DIR"):
        call_command("load", "air", stdout=StringIO())
