"""What is written to a folder reaches the disk: the lake's library syncs nothing, so this does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk. What is gone needs none."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(root: Path, files: Iterable[Path]) -> None:
    """Wait until files below `root` are on the disk, and can be found there: each folder from theirs up to `root`.

    `root` must be a folder that was synced into its parent when it was made.
    """
    folders: set[Path] = set()
    for file in files:
        sync(file)
        folder = file.parent
        while folder not in folders:
            folders.add(folder)
            if folder == root:
                break
            folder = folder.parent
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        sync(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each on the disk in its parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)


def forget_cached(path: Path) -> None:
    """Have the next read of a file come from the disk, not from what the machine remembers of the write."""
    if not hasattr(os, "posix_fadvise"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
