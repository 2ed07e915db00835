"""Files of readings as tables: CSV, plain or compressed, wide or long, read block by block in flat memory."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from scoc.core.fields import to_micros
from scoc.core.refusals import Invalid, invalid
from scoc.sensing.schemas import TableMap, ValueColumn

pa.set_memory_pool(pa.system_memory_pool())
"""Arrow's own allocator keeps thirty megabytes for blocks of one, and is no faster with them."""
BLOCK_BYTES = 1 << 20
BLOCKS_AHEAD = 8
_MOST_RAW = 120
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    """The table ended, or broke."""

    error: BaseException | None


@lru_cache(maxsize=100_000)
def _moment(text: str, form: str, zone: str) -> int | None:
    """A time text as microseconds; None where it is none."""
    try:
        moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007  # zone below
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    try:
        return to_micros(moment)
    except OverflowError:
        return None


def _number(text: str) -> float | None:
    """A number text; None where it is none. `nan` and `inf` are numbers that will be refused as not finite."""
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def read_file(path: Path, columns: TableMap) -> Iterator[Any]:
    """Record batches for `import_table`. Raises Invalid when the file cannot be read or lacks a column."""
    lines: list[str] = []
    try:
        with _open(path, columns, lines) as reader:
            for block in reader:
                yield from _block(pa.table(block) if isinstance(block, pa.RecordBatch) else block, columns)
                if lines:
                    yield _broken(lines)
                    lines.clear()
    except (OSError, EOFError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise _unreadable(path, error) from error
    if lines:
        yield _broken(lines)


def ahead(table: Iterator[T]) -> Iterator[T]:
    """The same table, read by a thread of its own while what came before is stored; a few blocks ahead, no more."""
    waiting: queue.Queue[T | _End] = queue.Queue(maxsize=BLOCKS_AHEAD)
    stopped = threading.Event()

    def put(item: T | _End) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        error: BaseException | None = None
        try:
            for item in table:
                if not put(item):
                    return
        except BaseException as raised:  # noqa: BLE001  # whatever it is, the importer must hear of it
            error = raised
        put(_End(error))

    thread = threading.Thread(target=read, name="import-reader", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                return
    finally:
        stopped.set()
        thread.join()


def _unreadable(path: Path, error: Exception) -> Invalid:
    first = (str(error).splitlines() or ["it cannot be read"])[0]
    return invalid(
        "file", f"{path.name}: {first[:200]}", "Check the file, its encoding and the names of its columns.",
        zh=f"{path.name} 无法读取，请检查文件、编码与列名。",
    )  # fmt: skip


def _needed(columns: TableMap) -> list[str]:
    names = [*columns.time, *columns.values, columns.property, columns.value, columns.device]
    return list(dict.fromkeys(name for name in names if name))


def _open(path: Path, columns: TableMap, lines: list[str]) -> Any:
    def malformed(row: Any) -> str:
        lines.append((row.text or "")[:_MOST_RAW])
        return "skip"

    needed = _needed(columns)
    return csv.open_csv(
        pa.input_stream(str(path), compression="detect"),
        # one thread: the order of lines stays, and so does the memory
        read_options=csv.ReadOptions(block_size=BLOCK_BYTES, encoding=columns.encoding, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=columns.delimiter, invalid_row_handler=malformed),
        convert_options=csv.ConvertOptions(
            include_columns=needed, column_types=dict.fromkeys(needed, pa.string()), strings_can_be_null=False
        ),
    )  # fmt: skip


def _broken(lines: list[str]) -> Any:
    """Lines with more or fewer cells than the header, as rows to refuse."""
    nothing = pa.nulls(len(lines), pa.string())
    return pa.record_batch(
        {
            "device_key": nothing, "property": nothing, "at_micros": pa.nulls(len(lines), pa.int64()),
            "value": pa.nulls(len(lines), pa.float64()), "fault": pa.array(["malformed"] * len(lines)),
            "raw": pa.array(lines, pa.string()),
        }
    )  # fmt: skip


def _texts(block: Any, name: str) -> Any:
    return pc.utf8_trim_whitespace(block.column(name).combine_chunks())


def _mapped(texts: Any, change: Any, kind: Any) -> Any:
    """Each text changed by a function that sees each different text once."""
    encoded = texts.dictionary_encode()
    values = pa.array([change(text) for text in encoded.dictionary.to_pylist()], kind)
    return values.take(encoded.indices)


def _times(block: Any, columns: TableMap) -> Any:
    if len(columns.time) == 1:
        return _mapped(
            _texts(block, columns.time[0]), lambda text: _moment(text, columns.time_format, columns.zone), pa.int64()
        )
    parts = [_texts(block, name) for name in columns.time]
    form = columns.time_format or " ".join(("%Y", "%m", "%d", "%H", "%M", "%S")[: len(parts)])
    return _mapped(pc.binary_join_element_wise(*parts, " "), lambda text: _moment(text, form, columns.zone), pa.int64())


def _numbers(texts: Any, missing: tuple[str, ...]) -> tuple[Any, Any]:
    """Values, null where missing; and the fault of each cell, null where it is a number or missing."""
    absent = pc.is_in(texts, value_set=pa.array(missing, pa.string()))
    wanted = pc.if_else(absent, pa.scalar(None, pa.string()), texts)
    try:
        return wanted.cast(pa.float64()), None
    except pa.ArrowInvalid:
        values = _mapped(wanted, lambda text: None if text is None else _number(text), pa.float64())
        wrong = pc.and_(pc.is_valid(wanted), pc.is_null(values))
        return values, pc.if_else(wrong, pa.scalar("wrong_type"), pa.scalar(None, pa.string()))


def _block(block: Any, columns: TableMap) -> Iterator[Any]:
    rows = block.num_rows
    if not rows:
        return
    at = _times(block, columns)
    if columns.device:
        keys = _mapped(_texts(block, columns.device), lambda text: columns.devices.get(text, text), pa.string())
    else:
        keys = pa.array([columns.device_key] * rows, pa.string())
    if columns.value:
        names = _texts(block, columns.property)
        given = {name: columns.properties.get(name) for name in names.unique().to_pylist()}
        codes = _mapped(names, lambda name: (given[name] or ValueColumn(name)).property, pa.string())
        factors = _mapped(names, lambda name: (given[name] or ValueColumn(name)).factor, pa.float64())
        yield _batch(keys, codes, at, _texts(block, columns.value), factors, columns)
    for name, wanted in columns.values.items():
        codes = pa.array([wanted.property] * rows, pa.string())
        factor = None if math.isclose(wanted.factor, 1.0, rel_tol=0, abs_tol=0) else wanted.factor
        yield _batch(keys, codes, at, _texts(block, name), factor, columns)


def _batch(keys: Any, codes: Any, at: Any, texts: Any, factor: Any, columns: TableMap) -> Any:
    values, faults = _numbers(texts, columns.missing)
    if factor is not None:
        values = pc.multiply(values, factor)
    untimed = pc.and_(pc.is_valid(values), pc.is_null(at))
    arrays = {"device_key": keys, "property": codes, "at_micros": at, "value": values}
    if faults is not None or pc.any(untimed).as_py():
        if faults is None:
            faults = pa.nulls(len(texts), pa.string())
        faults = pc.if_else(pc.and_(untimed, pc.is_null(faults)), pa.scalar("bad_time"), faults)
        arrays |= {"fault": faults, "raw": pc.utf8_slice_codeunits(texts, 0, _MOST_RAW)}
    return pa.record_batch(arrays)
