"""Accounts proved against the tables themselves: whatever does not agree is told, and stays told until it does."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Max, Min, Sum

from scoc.core.facts import Code, publish
from scoc.core.fields import to_micros
from scoc.core.now import current_run, wall_now
from scoc.kit.identifiers import first_number_at, prefixed
from scoc.sensing.facts import AccountsAgreed, AccountsDisagreed
from scoc.sensing.models import Account, AccountProof

log = logging.getLogger(__name__)
MOST_TOLD = 50
_MARGIN_MS = 600_000
"""So much later than their numbers observations may be recorded, where a clock was set back between."""

_BALANCE = (
    "SELECT 'balance' AS kind, source, device_key, received AS expected, stored + duplicate + rejected AS found "
    "FROM sensing_account WHERE run_id = %s AND day = %s AND received <> stored + duplicate + rejected"
)
_STORED = (
    "SELECT 'stored', '', coalesce(a.device_key, o.device_key), coalesce(a.n, 0), coalesce(o.n, 0) FROM ("
    "SELECT device_key, sum(stored - withdrawn) AS n FROM sensing_account WHERE run_id = %s AND day = %s "
    "GROUP BY device_key) AS a FULL JOIN ("
    "SELECT d.key AS device_key, sum(c.n) AS n FROM (SELECT datastream_id, count(*) AS n FROM sensing_observation "
    "WHERE id >= %s AND recorded >= (SELECT min(first_recorded) FROM sensing_account WHERE run_id = %s AND day = %s) "
    "AND recorded <= (SELECT max(last_recorded) FROM sensing_account WHERE run_id = %s AND day = %s) "
    "GROUP BY datastream_id) AS c JOIN sensing_datastream s ON s.id = c.datastream_id AND s.run_id = %s "
    "JOIN sensing_device d ON d.id = s.device_id GROUP BY d.key"
    ") AS o ON o.device_key = a.device_key WHERE coalesce(a.n, 0) <> coalesce(o.n, 0)"
)
_REJECTED = (
    "SELECT 'rejected', coalesce(a.source, r.source), coalesce(a.device_key, r.device_key), coalesce(a.n, 0), "
    "coalesce(r.n, 0) FROM (SELECT source, device_key, rejected + requests AS n FROM sensing_account "
    "WHERE run_id = %s AND day = %s) AS a FULL JOIN (SELECT source, device_key, sum(n) AS n "
    "FROM sensing_rejected_count WHERE run_id = %s AND day = %s GROUP BY source, device_key) AS r "
    "ON r.source = a.source AND r.device_key = a.device_key WHERE coalesce(a.n, 0) <> coalesce(r.n, 0)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not agree: `balance` an account in itself, `stored` with the observations that are there, `rejected`
    with what is counted by reason."""

    kind: str
    source: str
    device_key: str
    expected: int
    found: int


def findings(run_id: int, day: date) -> list[Finding]:
    """What of a day does not agree, in one statement, so that nothing is written between two looks."""
    days = Account.objects.filter(run_id=run_id)
    span = days.filter(day=day).aggregate(first=Min("first_recorded"), last=Max("last_recorded"))
    parts, values = [_BALANCE], list[Any]([run_id, day])
    others = days.exclude(day=day)
    if span["first"] is not None:
        # a clock that was set back goes through a day twice; then no span of time is that day's alone
        if not others.filter(last_recorded__gte=span["first"], first_recorded__lte=span["last"]).exists():
            since = first_number_at(to_micros(span["first"]) // 1000 - _MARGIN_MS)
            parts.append(_STORED)
            values += [run_id, day, since, run_id, day, run_id, day, run_id]
        if others.filter(day__lt=day).exists():  # on the first of all days refusals may be older than accounts
            parts.append(_REJECTED)
            values += [run_id, day, run_id, day]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        found = [Finding(kind, source, key, int(expected), int(n)) for kind, source, key, expected, n in cursor]
    return sorted(found, key=lambda one: (one.kind, one.source, one.device_key))


def prove(day: date) -> AccountProof:
    """Prove a day of the current run; what turned is told as a fact and in the log."""
    run_id = current_run()
    found = findings(run_id, day)
    before = AccountProof.objects.filter(run_id=run_id, day=day).first()
    proof, _ = AccountProof.objects.update_or_create(
        run_id=run_id,
        day=day,
        defaults={
            "proved_at": wall_now(),
            "received": Account.objects.filter(run_id=run_id, day=day).aggregate(n=Sum("received"))["n"] or 0,
            "wrong": len(found),
            "amiss": sum(abs(one.expected - one.found) for one in found),
            "findings": [asdict(one) for one in found[:MOST_TOLD]],
        },
    )
    if proof.wrong == (before.wrong if before else 0):
        return proof
    subject = Code(prefixed("sensing", f"accounts-{day.isoformat()}"))
    if proof.wrong:
        log.error("sensing: %s accounts of %s do not agree, first %s", proof.wrong, day, found[0])
        publish(AccountsDisagreed(subject=subject, wrong=proof.wrong, amiss=proof.amiss))
    else:
        publish(AccountsAgreed(subject=subject))
    return proof
