"""Files of readings, read without storing them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scoc.sensing.ingest.files import read_file
from scoc.sensing.schemas import TableMap


def readings_of_file(path: Path, columns: TableMap) -> Iterator[Any]:
    """The record batches that `import_file` imports of a CSV file, plain or compressed, in flat memory.

    Columns as `import_table` takes them; of a wide file each block gives one batch for each property, in the map's
    order, all of the same rows. Cells that are missing are null; what cannot be read has its `fault`. Raises Invalid
    when the file cannot be read or lacks a column.

    Needs no permission: it reads a file that the caller holds.
    """
    return read_file(path, columns)
