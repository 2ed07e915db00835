"""The log of a table, commit by commit: what each says of itself, and that it is on the disk."""

from __future__ import annotations

import fcntl
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scoc.core.now import current_run, wall_now
from scoc.lake.durable import sync_files
from scoc.lake.engines import deltalake
from scoc.lake.places import LOG, Place
from scoc.lake.schemas import Cursor, Tally

log = logging.getLogger(__name__)
KEY = "scoc"
REWRITES = "scoc rewrites"
"""The cursor that all rewrites of a table share; no load can have the name, since it holds a space."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREIGN = {"VACUUM START": "vacuum", "VACUUM END": "vacuum"}
"""What the library commits of itself, without rows."""


def afterwards() -> deltalake.PostCommitHookProperties:
    """What follows a commit of ours: a checkpoint now and then; the log itself is never cleaned, or versions would
    vanish that nobody asked to."""
    return deltalake.PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """One version as the log tells it."""

    version: int
    kind: str
    mark: str
    tally: Tally | None
    cursor: Cursor | None
    run_id: int | None
    committed_at: datetime
    added: tuple[tuple[str, dict[str, str | None]], ...] = ()
    """Paths of the files that came, with the values of the partition."""
    removed: tuple[str, ...] = ()


def new_mark() -> str:
    """A random name for a commit."""
    return secrets.token_hex(16)


def properties(
    kind: str, mark: str, tally: Tally, cursor: Cursor | None = None, *, rewriting: int | None = None
) -> deltalake.CommitProperties:  # fmt: skip
    """What a commit says of itself, in the same file as what it does. `rewriting`: the version that it rewrites."""
    told: dict[str, Any] = {
        "kind": kind, "mark": mark, "rows": tally.rows, "sums": dict(tally.sums), "digest": tally.digest,
        "run": current_run(), "at": wall_now().isoformat(),
    }  # fmt: skip
    moved = [] if rewriting is None else [deltalake.Transaction(REWRITES, rewriting)]
    if cursor is not None:
        told |= {"app": cursor.app, "number": cursor.number}
        moved.append(deltalake.Transaction(cursor.app, cursor.number))
    return deltalake.CommitProperties(custom_metadata={KEY: json.dumps(told)}, app_transactions=moved or None)


def log_file(version: int) -> str:
    """The path of a commit's file."""
    return f"{LOG}/{version:020d}.json"


def read_commit(place: Place, version: int) -> Commit | None:
    """One version as the log tells it; None where its file is not there (any more)."""
    try:
        with place.files().open_input_stream(log_file(version)) as stream:
            lines = stream.read().decode().splitlines()
    except OSError as reason:  # S3 answers "not found" by a plain one
        if isinstance(reason, FileNotFoundError) or "not found" in str(reason).lower():
            return None
        raise
    actions = [json.loads(line) for line in lines if line.strip()]
    info: dict[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    added = tuple((one["add"]["path"], one["add"]["partitionValues"]) for one in actions if "add" in one)
    removed = tuple(one["remove"]["path"] for one in actions if "remove" in one)
    return _commit(version, info, added, removed)


def _commit(version: int, info: dict[str, Any], added: Any, removed: tuple[str, ...]) -> Commit:
    told = json.loads(info[KEY]) if KEY in info else None
    if told is None:
        kind = _FOREIGN.get(str(info.get("operation")), "foreign")
        at = _EPOCH + timedelta(milliseconds=int(info.get("timestamp") or 0))
        return Commit(version, kind, "", Tally() if kind == "vacuum" else None, None, None, at, added, removed)
    cursor = Cursor(told["app"], told["number"]) if "app" in told else None
    return Commit(
        version, told["kind"], told["mark"], Tally(told["rows"], told["sums"], told["digest"]), cursor, told["run"],
        datetime.fromisoformat(told["at"]), added, removed,
    )  # fmt: skip


def settle(place: Place, commit: Commit) -> None:
    """Wait until a commit and the files that it names are on the disk; what is on S3 was when it was answered.

    The files of our own commits were on the disk before them.
    """
    if place.folder is None:
        return
    log_folder = place.folder / LOG
    of_log = [log_folder / f"{commit.version:020d}.json", log_folder / f"{commit.version:020d}.checkpoint.parquet"]
    if of_log[1].exists():
        of_log.append(log_folder / "_last_checkpoint")
    foreign = [place.folder / path for path, _ in commit.added if not commit.mark]
    sync_files(place.folder, [*foreign, *of_log])


def mend(place: Place, known: int) -> None:
    """Set aside commits after version `known` whose file was torn by a loss of power.

    A live writer never shows half a file: it is written elsewhere and gets its name when it is whole. Nor was such a
    commit ever acknowledged, since that comes after it is on the disk. Its rows come again, by the same cursor.
    """
    if place.folder is None:
        return
    version = known + 1
    while (path := place.folder / log_file(version)).exists():
        if _is_torn(path):
            _set_aside(path)
        version += 1


def _is_torn(path: Path) -> bool:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return False
    try:
        actions = [json.loads(line) for line in text.decode().splitlines() if line.strip()]
    except ValueError:
        return True
    return not actions


def _set_aside(path: Path) -> None:
    """Under a lock, and looked at once more: another process may have mended it and committed anew."""
    with (path.parent / ".mending").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_torn(path):
            aside = path.with_name(f"{path.name}.torn-{secrets.token_hex(4)}")
            path.replace(aside)
            sync_files(path.parent, [aside])
            log.warning("the commit %s was torn by a loss of power and never acknowledged; it is set aside", path.name)
