"""Where a table lies: a folder or a prefix on S3, as the setting of the lake says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
from django.conf import settings

from scoc.lake.engines import deltalake

LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one table."""

    address: str
    options: dict[str, str]
    folder: Path | None
    """None on S3."""

    def files(self) -> Any:
        """The file system whose root is the table."""
        if self.folder is not None:
            return pafs.SubTreeFileSystem(str(self.folder), pafs.LocalFileSystem())
        return pafs.PyFileSystem(deltalake.fs.DeltaStorageHandler(self.address, self.options))

    def open(self, version: int | None = None) -> deltalake.DeltaTable:
        """The table as its log tells it, in one version or the newest. Never by time: files lose theirs in a copy."""
        return deltalake.DeltaTable(self.address, version=version, storage_options=self.options)


def place_of(name: str) -> Place:
    """The place of the table `name`."""
    root, options = settings.SCOC_LAKE
    folder = None if root.startswith("s3://") else Path(root) / name
    return Place(f"{root}/{name}", options, folder)
