"""Tables of readings checked as whole columns: what `checking` does row by row, at the speed of numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from scoc.core.refusals import invalid
from scoc.sensing.ingest.checking import REASONS, Bounds, Checked, Row, key_fault
from scoc.sensing.ingest.columns import Columns, Flags, Ints, Refused
from scoc.sensing.ingest.directory import KnownDevice, Stream, devices
from scoc.sensing.ingest.refusing import counted_key
from scoc.sensing.models import Device

Batch = Any
"""A pyarrow RecordBatch; pyarrow has no types."""
NEEDED = {"device_key": pa.string(), "property": pa.string(), "at_micros": pa.int64(), "value": pa.float64()}
OPTIONAL = {"dedup_key": pa.string(), "fault": pa.string(), "raw": pa.string()}
"""`fault` is the reason for which a reader of files refuses a row, and `raw` what stood there."""
CHUNK_ROWS = 40_000
UNREADABLE = "the file's cell or line cannot be read"
MOST_SHOWN = 200
"""So many refused rows of a chunk are offered to be kept; the rest is counted."""


def _conform(batch: Batch) -> Any:
    """The columns that count, in their types. Raises Invalid where one lacks or holds something else."""
    names = batch.schema.names
    arrays = {}
    for name, kind in {**NEEDED, **OPTIONAL}.items():
        if name not in names:
            if name in NEEDED:
                raise invalid(name, f"The table has no column {name}.", f"It needs {', '.join(NEEDED)}.",
                              zh=f"缺少列 {name}，须有 {', '.join(NEEDED)}。")  # fmt: skip
            continue
        column = batch.column(names.index(name))
        try:
            arrays[name] = column if column.type == kind else column.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise invalid(name, f"The column {name} is {column.type}, not {kind}.", "Convert it.",
                          zh=f"列 {name} 的类型是 {column.type}，应为 {kind}。") from error  # fmt: skip
    return pa.table(arrays)


def chunks(table: Iterable[Batch]) -> Iterator[Any]:
    """The table in pieces of about CHUNK_ROWS, whatever the sizes of its batches."""
    waiting: list[Any] = []
    rows = 0
    for batch in table:
        for start in range(0, batch.num_rows, CHUNK_ROWS):
            piece = _conform(batch.slice(start, CHUNK_ROWS))
            if waiting and (rows + piece.num_rows > CHUNK_ROWS or piece.schema != waiting[0].schema):
                yield pa.concat_tables(waiting)
                waiting, rows = [], 0
            waiting.append(piece)
            rows += piece.num_rows
    if waiting:
        yield pa.concat_tables(waiting)


@dataclass(slots=True)
class Found:
    """A checked chunk."""

    columns: Columns
    rows: int = 0
    missing: int = 0
    received: dict[str, int] = field(default_factory=dict)
    """What came, by device key, before it was looked at; of unknown devices together."""
    kept: list[Refused] = field(default_factory=list)
    """Refused rows that are offered to be kept; they are counted when they are."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The other refused rows, by counted device key and reason."""
    reasons: Counter[str] = field(default_factory=Counter)
    """All refused rows."""


def _codes(column: Any) -> tuple[Ints, list[str]]:
    """A text column as codes and the texts that they stand for; -1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _present(column: Any) -> Flags:
    flags: Flags = column.is_valid().to_numpy()
    return flags


def _texts(chunk: Any, name: str) -> list[str | None]:
    texts: list[str | None] = chunk.column(name).to_pylist() if name in chunk.schema.names else [None] * len(chunk)
    return texts


class Checker:
    """Checks chunk after chunk of one import."""

    def __init__(self, run_id: int, span: Bounds) -> None:
        self.run_id = run_id
        self.span = span

    def check(self, chunk: Any) -> Found:
        """Accepted rows as columns; refused ones counted, some of them to be kept. Null values are no rows."""
        device_codes, keys = _codes(chunk.column("device_key"))
        property_codes, names = _codes(chunk.column("property"))
        value = chunk.column("value").fill_null(0.0).to_numpy()
        at = chunk.column("at_micros").fill_null(0).to_numpy()
        known = devices(self.run_id, keys)
        width = len(names) + 1
        pairs, where = np.unique(device_codes * width + property_codes + 1, return_inverse=True)
        found = [_stream(keys, names, known, *divmod(pair, width)) for pair in pairs.tolist()]
        streams = {stream.id: stream for stream in found if stream}
        ids = np.array([stream.id if stream else 0 for stream in found], np.int64)[where]
        low = np.array([stream.minimum if stream else 0.0 for stream in found])[where]
        high = np.array([stream.maximum if stream else 0.0 for stream in found])[where]
        scale = np.array([stream.scale if stream else 1.0 for stream in found])[where]
        faulty = _present(chunk.column("fault")) if "fault" in chunk.schema.names else np.zeros(len(at), np.bool_)
        present = _present(chunk.column("value")) | faulty
        good = present & ~faulty & (ids > 0) & _present(chunk.column("at_micros"))
        good &= (at >= self.span.earliest) & (at <= self.span.latest)
        good &= np.isfinite(value) & (value >= low) & (value <= high)
        dedup: list[str | None] | None = None
        if any(stream.keep for stream in streams.values()):
            given = _texts(chunk, "dedup_key")
            good &= np.array([key_fault(key) is None for key in given], np.bool_)
            dedup = [given[i] if streams[int(ids[i])].keep else "" for i in np.nonzero(good)[0].tolist()]
        columns = Columns(ids[good], at[good], value[good], scale[good], dedup, streams)
        result = Found(columns, rows=int(present.sum()), missing=int((~present).sum()))
        result.received = _received(keys, device_codes[present], known)
        bad = np.nonzero(present & ~good)[0]
        if len(bad):
            self._refuse(result, chunk.take(pa.array(bad)), known)
        return result

    def _refuse(self, result: Found, part: Any, known: dict[str, KnownDevice]) -> None:
        """Look at each refused row by itself: they are few, and each deserves its reason."""
        columns = [part.column(name).to_pylist() for name in NEEDED]
        faults, raws = _texts(part, "fault"), _texts(part, "raw")
        checked = Checked(self.span)
        for n, (*four, dedup) in enumerate(zip(*columns, _texts(part, "dedup_key"), strict=True)):
            row: Row = (four[0], four[1], four[2], four[3], dedup)
            device = known.get(four[0])
            fault, raw = faults[n], raws[n]
            if fault is not None:
                told = UNREADABLE if fault in REASONS else "whoever read the file does not believe it"
                checked.refuse(n, row, fault, told, known=device is not None, raw=raw)
            else:
                checked.add(n, row, device)
        if checked.positions:
            raise AssertionError("A row was refused among its column and accepted by itself.")
        for _, refused in checked.refused:
            result.reasons[refused.reason] += 1
            if len(result.kept) < MOST_SHOWN:
                result.kept.append(refused)
            else:
                result.counts[counted_key(refused), refused.reason] += 1


def _received(keys: list[str], codes: Ints, known: dict[str, KnownDevice]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for key, number in zip(["", *keys], np.bincount(codes + 1, minlength=len(keys) + 1).tolist(), strict=True):
        found[key if key in known else ""] += number
    return dict(found)


def _stream(
    keys: list[str], names: list[str], known: dict[str, KnownDevice], key_code: int, name_code: int
) -> Stream | None:
    """The datastream of a device code and a property code plus one; None where there is none that takes readings."""
    if key_code < 0 or name_code == 0:
        return None
    device = known.get(keys[key_code])
    if device is None or device.state == Device.State.RETIRED:
        return None
    return device.streams.get(names[name_code - 1])
