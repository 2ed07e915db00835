"""The audit (审计): refusals, log-ins, reads of graded data, exports.

What was done is audited in its own transaction, so that nothing is done unaudited; what was refused or failed is
audited after its transaction, so that it leaves its trace. An audit that cannot be written raises the alarm in the
log and the health check, and blocks every action until it is written (DOMAIN.md 6.3).
"""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError

from scoc.core.acting import Actor, current_correlation, work_in_progress
from scoc.core.now import wall_now
from scoc.kit.masks import mask_text
from scoc.kit.text import Text

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit before it is written."""

    happened_at: datetime
    kind: str
    user_id: int | None
    post_id: int | None
    action: str
    subject: str
    outcome: str
    code: str
    detail: str
    detail_zh: str | None
    address: str
    correlation: str


_about: ContextVar[str] = ContextVar("scoc_audit_about", default="")


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Entries made inside that name no subject of their own are about this one."""
    token = _about.set(subject or _about.get())
    try:
        yield
    finally:
        _about.reset(token)


_overdue: list[Entry] = []
_lock = threading.Lock()


def storable(text: str) -> str:
    """The text without what a database refuses: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _kept(text: str) -> str:
    return storable(mask_text(text))[:1000]


def record(
    actor: Actor | None,
    *,
    kind: str,
    action: str,
    outcome: str,
    subject: str = "",
    code: str = "",
    detail: str | Text = "",
    address: str = "",
) -> None:
    """Write an audit entry; inside an action it is written when the action ends, whatever its end.

    `detail` is a sentence in both languages, or the words of whoever acted. It is masked: an audit that leaks a phone
    number would be a second register of persons.
    """
    told = detail if isinstance(detail, Text) else Text(detail, detail)
    work = work_in_progress()
    entry = Entry(
        happened_at=wall_now(),
        kind=kind,
        user_id=actor.user_id if actor else None,
        post_id=actor.post_id if actor else None,
        action=action,
        subject=storable(subject or _about.get())[:60],
        outcome=outcome,
        code=code[:60],
        detail=_kept(told.en),
        detail_zh=_kept(told.zh) if told.zh != told.en else None,
        address=storable(address or (actor.address if actor else ""))[:45],
        correlation=current_correlation(),
    )
    if work is not None:
        work.audits.append(entry)
    else:
        write([entry])


def undo(entries: list[Entry], since: int) -> None:
    """Note that what the entries from `since` on tell as done was undone with its transaction."""
    for index in range(since, len(entries)):
        if entries[index].kind == "action" and entries[index].outcome == "done":
            entries[index] = dataclasses.replace(entries[index], outcome="undone")


def write(entries: list[Entry]) -> None:
    """Store the entries, in the open transaction if there is one. Raises DatabaseError."""
    if not entries:
        return
    from scoc.core.models import AuditEntry

    AuditEntry.objects.bulk_create(
        AuditEntry(**{name: getattr(entry, name) for name in Entry.__slots__}) for entry in entries
    )


def write_or_keep(entries: list[Entry]) -> None:
    """Store the entries; where that fails raise the alarm, and keep them to be written before the next action."""
    try:
        write(entries)
    except DatabaseError:
        for entry in entries:
            told = json.dumps(dataclasses.asdict(entry), default=str, ensure_ascii=False)
            log.critical("the audit cannot be written: %s", told)
        with _lock:
            _overdue.extend(entries)


def write_overdue() -> None:
    """Store what could not be stored before. Raises DatabaseError: without its audit SCOC does nothing more."""
    if _overdue:
        with _lock:
            write(_overdue)
            _overdue.clear()


def overdue() -> int:
    """How many entries of this process wait to be written; anything but 0 is an alarm."""
    return len(_overdue)
