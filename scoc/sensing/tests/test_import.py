"""Files and tables in: wide and long, compressed, with every trap that real files have; counted, never mended."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.db import connection

from scoc.core.access import system_actor
from scoc.core.fields import to_micros
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions
from scoc.sensing.ingest import files, tables
from scoc.sensing.models import Alarm, Device, Latest, Observation, Rejected, RejectedCount, Rollup
from scoc.sensing.schemas import ImportResult, TableMap, ValueColumn
from scoc.sensing.tests.factories import NOISE, PM25, T0, make_device, make_rule, make_type

pytestmark = pytest.mark.django_db
CO = {**PM25, "property": "co", "name_zh": "一氧化碳", "name_en": "CO", "maximum": 50_000.0, "cadence_seconds": 3600}
WIDE = TableMap(
    time=("year", "month", "day", "hour"), zone="Asia/Shanghai", device="station",
    devices={"Aoti zhongxin": "aoti"}, values={"PM2.5": ValueColumn("pm25"), "CO": ValueColumn("co")},
)  # fmt: skip


@pytest.fixture
def station(city: City, monday: datetime) -> Device:
    """A station that measures two things."""
    return make_device("aoti", type_=make_type("city_station", [PM25, CO]))


def written(path: Path, text: str) -> Path:
    """A CSV file, compressed if its name says so."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def imported(path: Path, columns: TableMap, **options: Any) -> ImportResult:
    """What became of a file."""
    return actions.import_file(system_actor("sensing"), "file", path, columns, **options)


TRAPS = """No,year,month,day,hour,PM2.5,CO,station
1,2013,3,1,0,4,300,aoti
2,2013,3,1,1,NA,310,aoti
3,2013,3,1,2,,NA,Aoti zhongxin
4,2013,3,1,3,10000,-5,aoti
5,2013,3,1,0,4,300,aoti
6,2013,2,30,0,5,300,aoti
7,2013,3,1,25,5,NA,aoti
8,2013,3,1,4,many,320,aoti
9,2013,3,1,5,nan,inf,aoti
10,2013,3,1,6,7,330
11,2013,3,1,7,8,340,Nowhere
12,2113,3,1,7,8,340,aoti
13,1913,3,1,7,8,340,aoti
14,2013,3,1,8,1_0,350,aoti
15, 2013 , 3,1, 9 , 9.5 ,360, aoti
"""


def test_a_wide_file_with_every_trap(station: Device, tmp_path: Path) -> None:
    result = imported(written(tmp_path / "prsa.csv.gz", TRAPS), WIDE)
    # stored: PM2.5 of lines 1, 15; CO of lines 1, 2, 8, 14, 15. Repeated: both of line 5
    assert (result.stored, result.duplicate, result.missing) == (7, 2, 4)
    assert result.rejected == {
        "out_of_range": 2, "bad_time": 3, "wrong_type": 2, "not_finite": 2, "malformed": 1, "unknown_device": 2,
        "in_future": 2, "too_old": 2,
    }  # fmt: skip
    assert result.rows == result.stored + result.duplicate + sum(result.rejected.values())
    first = Observation.objects.filter(datastream__property="pm25").order_by("at").first()
    assert first is not None
    # midnight in the city is 16:00 UTC of the day before
    assert (first.at, first.result) == (datetime(2013, 2, 28, 16, tzinfo=UTC), 4.0)
    assert Latest.objects.get(datastream__property="pm25").result == 9.5
    assert sum(RejectedCount.objects.values_list("n", flat=True)) == sum(result.rejected.values())
    wrong = Rejected.objects.filter(reason="wrong_type").order_by("id")
    assert [row.raw for row in wrong] == ["many", "1_0"]
    assert Rejected.objects.get(reason="malformed").raw == "10,2013,3,1,6,7,330"


def test_the_same_file_again_changes_nothing(station: Device, tmp_path: Path) -> None:
    path = written(tmp_path / "prsa.csv", TRAPS)
    imported(path, WIDE)
    before = list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values())
    again = imported(path, WIDE)
    assert (again.stored, again.duplicate) == (0, 9)
    assert list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values()) == before


def test_a_unit_is_converted_by_the_maps_factor(station: Device, tmp_path: Path) -> None:
    text = "station_id,utc_time,CO_mg\naoti,2018-03-31 00:00:00,1.3\naoti,2018-03-31 00:00:00,1.3\n"
    columns = TableMap(time=("utc_time",), device="station_id", values={"CO_mg": ValueColumn("co", 1000.0)})
    result = imported(written(tmp_path / "kdd.csv", text), columns)
    assert (result.stored, result.duplicate) == (1, 1)
    row = Observation.objects.get()
    assert (row.result, row.at) == (1300.0, datetime(2018, 3, 31, tzinfo=UTC))


def test_a_long_file_names_its_properties(station: Device, tmp_path: Path) -> None:
    text = "t;what;v\n2018/3/31 8:00;PM2.5;12\n2018/3/31 8:00;carbon;1.5\n2018/3/31 8:00;colour;3\n"
    columns = TableMap(
        time=("t",), time_format="%Y/%m/%d %H:%M", zone="Asia/Shanghai", device_key="aoti", property="what", value="v",
        properties={"PM2.5": ValueColumn("pm25"), "carbon": ValueColumn("co", 1000.0)}, delimiter=";",
    )  # fmt: skip
    result = imported(written(tmp_path / "long.csv", text), columns)
    assert (result.stored, result.rejected) == (2, {"unknown_property": 1})
    assert dict(Observation.objects.values_list("datastream__property", "result")) == {"pm25": 12.0, "co": 1500.0}
    assert {row.at for row in Observation.objects.all()} == {datetime(2018, 3, 31, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gone.csv", None),
        ("cut.csv.gz", gzip.compress(TRAPS.encode())[:-20]),
        ("no-gzip.csv.gz", b"plain"),
        ("empty.csv", b""),
        ("columns.csv", b"a,b\n1,2\n"),
        ("gbk.csv", "year,month,day,hour,PM2.5,CO,station\n2013,3,1,0,4,1,奥体中心\n".encode("gbk")),
    ],
)
def test_a_file_that_cannot_be_read_says_so(station: Device, tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid) as refused:
        imported(tmp_path / name, WIDE)
    assert refused.value.errors[0].field == "file"
    assert name in refused.value.errors[0].message.en


def test_a_file_in_another_encoding(station: Device, tmp_path: Path) -> None:
    text = "year,month,day,hour,PM2.5,CO,station\n2013,3,1,0,4,300,奥体中心\n"
    (tmp_path / "gbk.csv").write_bytes(text.encode("gbk"))
    columns = TableMap(
        time=WIDE.time, zone=WIDE.zone, device="station", devices={"奥体中心": "aoti"}, values=WIDE.values,
        encoding="gbk",
    )  # fmt: skip
    assert imported(tmp_path / "gbk.csv", columns).stored == 2


def batch(**columns: Any) -> Any:
    """One record batch, by default of one reading."""
    values = {"device_key": ["aoti"], "property": ["pm25"], "at_micros": [to_micros(T0)], "value": [1.0], **columns}
    return pa.record_batch({name: pa.array(value) for name, value in values.items() if value is not None})


def test_a_table_must_have_its_columns_in_their_types(station: Device) -> None:
    actor = system_actor("sensing")
    for wrong, field in ((batch(value=None), "value"), (batch(at_micros=["now"]), "at_micros")):
        with pytest.raises(Invalid) as refused:
            actions.import_table(actor, "test", [wrong])
        assert refused.value.errors[0].field == field
    taken = actions.import_table(
        actor,
        "test",
        [batch(value=pa.array([2], pa.int32())), batch(device_key=pa.array(["aoti"]).dictionary_encode())],
    )
    assert (taken.stored, taken.duplicate) == (1, 1)


def test_nulls_in_a_table(station: Device) -> None:
    nothing = pa.array([None], pa.string())
    result = actions.import_table(
        system_actor("sensing"),
        "test",
        [
            batch(value=pa.array([None], pa.float64())),
            batch(device_key=nothing),
            batch(property=nothing),
            batch(at_micros=pa.array([None], pa.int64())),
            batch(at_micros=[2**63 - 1]),
            batch(at_micros=[-(2**63)]),
        ],
    )
    assert (result.rows, result.missing) == (5, 1)
    assert result.rejected == {"wrong_type": 2, "bad_time": 3}


def test_chunks_do_not_show(station: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 7)
    rows = [to_micros(T0 - timedelta(hours=n)) for n in range(50)]
    many = batch(
        device_key=["aoti"] * 50, property=["pm25"] * 50, at_micros=rows, value=[float(n) for n in range(50)]
    )  # fmt: skip
    result = actions.import_table(system_actor("sensing"), "test", [many.slice(0, 3), many, many.slice(20, 1)])
    assert (result.rows, result.stored, result.duplicate) == (54, 50, 4)
    assert Latest.objects.get().result == 0.0
    assert sum(Rollup.objects.filter(grain=1440).values_list("n", flat=True)) == 50


def test_of_many_refused_rows_some_are_kept_and_all_are_counted(station: Device) -> None:
    many = batch(
        device_key=["aoti"] * 1000, property=["pm25"] * 1000, at_micros=[to_micros(T0)] * 1000, value=[-1.0] * 1000
    )  # fmt: skip
    result = actions.import_table(system_actor("sensing"), "test", [many])
    assert result.rejected == {"out_of_range": 1000}
    assert Rejected.objects.count() == 100
    assert RejectedCount.objects.get().n == 1000


def test_keys_of_a_datastream_that_keeps_repeats(city: City, monday: datetime) -> None:
    make_device("aoti", type_=make_type("meter", [{**NOISE, "property": "pm25"}]))
    key = pa.array(["k"])
    result = actions.import_table(
        system_actor("sensing"), "test", [batch(dedup_key=key), batch(dedup_key=key), batch(), batch(dedup_key=[""])]
    )
    assert (result.stored, result.duplicate, result.rejected) == (2, 1, {"bad_key": 1})


def test_history_is_not_judged_unless_asked(station: Device) -> None:
    make_rule(device_type=station.type)
    actions.import_table(system_actor("sensing"), "test", [batch(value=[99.0])])
    assert not Alarm.objects.exists()
    later = [to_micros(T0 + timedelta(minutes=1))]
    actions.import_table(system_actor("sensing"), "test", [batch(value=[98.0], at_micros=later)], judged=True)
    assert Alarm.objects.get().value == 98.0


def test_an_import_needs_its_permission(station: Device, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", TRAPS)
    with pytest.raises(NotAllowed):
        actions.import_file(make_actor("sensing.ingest"), "file", path, WIDE)
    assert actions.import_file(make_actor("sensing.import"), "file", path, WIDE).stored == 7


def test_the_reader_ahead_ends_with_its_reader() -> None:
    given: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            given.append(len(given))
            yield given[-1]

    reader = files.ahead(endless())
    assert [next(reader) for _ in range(3)] == [0, 1, 2]
    reader.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(given) <= 3 + files.BLOCKS_AHEAD + 2


def test_the_reader_ahead_hands_on_what_went_wrong() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    reader = files.ahead(broken())
    assert next(reader) == 1
    with pytest.raises(OSError, match="gone"):
        next(reader)


@pytest.mark.only_on("sqlite", reason="PostgreSQL's memory is not that of the importer")
def test_a_long_import_maps_none_of_the_database_into_its_memory(station: Device, tmp_path: Path) -> None:
    """And what reads afterwards on this connection has it mapped as before; a short import leaves it alone."""
    mapped: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "mmap_size=" in sql or "cache_size=" in sql:
            mapped.append(sql.partition(" ")[2])
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA mmap_size")
        size = (cursor.fetchone() or (0,))[0]
    long = ["mmap_size=0", "cache_size=-16000", f"mmap_size={size}", "cache_size=-32000"]
    columns = TableMap(time=("time",), values={"PM25": ValueColumn("pm25")}, device_key="aoti")
    for rows, expected in ((10, []), (12_000, long)):
        lines = [f"{datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)},{1 + n % 7}" for n in range(rows)]
        path = written(tmp_path / f"{rows}.csv", "\n".join(["time,PM25", *lines, ""]))
        with connection.execute_wrapper(note):
            result = imported(path, columns)
        assert (result.rows, result.stored) == (rows, rows - (10 if rows > 10 else 0))
        assert mapped == expected
