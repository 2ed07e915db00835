"""The audit (审计): refusals, log-ins, reads of graded data, exports, written outside the action's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scoc.core.acting import Actor, new_correlation, work_in_progress
from scoc.core.now import wall_now
from scoc.kit.masks import mask_text


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
    address: str
    correlation: str


def record(
    actor: Actor | None,
    *,
    kind: str,
    action: str,
    outcome: str,
    subject: str = "",
    code: str = "",
    detail: str = "",
    address: str = "",
) -> None:
    """Write an audit entry; inside an action it waits until the action's transaction is over, whatever its end.

    `detail` is masked: an audit that leaks a phone number would be a second register of persons.
    """
    work = work_in_progress()
    entry = Entry(
        happened_at=wall_now(),
        kind=kind,
        user_id=actor.user_id if actor else None,
        post_id=actor.post_id if actor else None,
        action=action,
        subject=subject,
        outcome=outcome,
        code=code,
        detail=mask_text(detail)[:1000],
        address=address or (actor.address if actor else ""),
        correlation=work.correlation if work else new_correlation(),
    )
    if work is not None:
        work.audits.append(entry)
    else:
        write([entry])


def write(entries: list[Entry]) -> None:
    """Store the entries at once."""
    if not entries:
        return
    from scoc.core.models import AuditEntry

    AuditEntry.objects.bulk_create(
        AuditEntry(**{name: getattr(entry, name) for name in Entry.__slots__}) for entry in entries
    )
