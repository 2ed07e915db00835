"""API keys of machines (接口密钥), their quotas and meters.

Calls are counted in memory and added to the stored meters every few seconds, so that a call costs no write. A quota is
therefore exact in one process and late by one flush across several; a clean stop loses nothing.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Sum

from scoc.core.access import actor_for, holds_today
from scoc.core.acting import Actor
from scoc.core.models import ApiKey, Meter, Post, User
from scoc.core.now import city_zone, wall_now
from scoc.core.refusals import TooMuch
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text

_FORM = re.compile(r"scoc_([0-9a-f]{12})_([A-Za-z0-9_\-]{43})")
FLUSH_SECONDS = 5.0
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Usage:
    """What one key used in this process since the last flush, and what all processes had stored by then."""

    calls: deque[datetime] = field(default_factory=deque)
    counts: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    day: datetime | None = None
    stored_today: int = 0
    today: int = 0


_usage: dict[int, _Usage] = {}
_lock = threading.Lock()
_flushed: datetime | None = None


def issue(user: User, post: Post, label: str, *, per_minute: int, per_day: int, valid_to: datetime) -> str:
    """Make a key for a machine and return it; it is shown this once, only its keyed hash is kept."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    ApiKey.objects.create(
        user=user, post=post, prefix=prefix, secret_hash=keyed_hash("api-key", secret), label=label,
        per_minute=per_minute, per_day=per_day, valid_to=valid_to, created_at=wall_now(),
    )  # fmt: skip
    return f"scoc_{prefix}_{secret}"


def actor_of_key(presented: str, address: str, *, counted: bool = True) -> Actor | None:
    """The machine that holds this key, after counting the call; None when the key is unknown, ended or revoked.

    Without `counted` it is no call: only the key's rights are looked at.

    Raises TooMuch when its quota is used up.
    """
    match = _FORM.fullmatch(presented)
    if match is None:
        return None
    key = (
        ApiKey.objects.select_related("user", "post__role", "post__organisation", "post__area")
        .filter(prefix=match[1], revoked_at=None, valid_to__gt=wall_now(), user__is_active=True)
        .filter(holds_today("post__"))
        .first()
    )
    if key is None or not hmac.compare_digest(key.secret_hash, keyed_hash("api-key", match[2])):
        return None
    if counted:
        _count(key)
    return actor_for(key.user, key.post, address=address, key_id=key.pk)


def _start_of_day(moment: datetime) -> datetime:
    """Quotas are by the city's day."""
    return moment.astimezone(city_zone()).replace(hour=0, minute=0, second=0, microsecond=0)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _stored_since(key_id: int, start: datetime) -> int:
    used = Meter.objects.filter(key_id=key_id, hour__gte=start).aggregate(sum=Sum("answered"))["sum"]
    return int(used or 0)


def _count(key: ApiKey) -> None:
    moment = wall_now()
    day = _start_of_day(moment)
    with _lock:
        usage = _usage.setdefault(key.pk, _Usage())
        if usage.day != day:
            # What this process has not flushed yet belongs to hours of the day before.
            usage.day, usage.stored_today, usage.today = day, _stored_since(key.pk, day), 0
        while usage.calls and usage.calls[0] <= moment - MINUTE:
            usage.calls.popleft()
        wait = timedelta(0)
        if len(usage.calls) >= key.per_minute:
            wait = usage.calls[0] + MINUTE - moment if usage.calls else MINUTE
        elif usage.stored_today + usage.today >= key.per_day:
            wait = day + timedelta(days=1) - moment
        if wait:
            usage.counts[_hour(moment), "refused"] += 1
        else:
            usage.calls.append(moment)
            usage.today += 1
            usage.counts[_hour(moment), "answered"] += 1
    flush_meters()
    if wait:
        seconds = max(1, -(-int(wait / timedelta(milliseconds=1)) // 1000))
        raise TooMuch("quota", Text("调用额度已用完。", "The key's quota is used up."), seconds)


def count_rows(actor: Actor, rows: int) -> None:
    """Add rows given to a key's meter."""
    if actor.key_id is not None and rows:
        with _lock:
            _usage.setdefault(actor.key_id, _Usage()).counts[_hour(wall_now()), "rows"] += rows


def flush_meters(*, force: bool = False) -> None:
    """Add what was counted in this process to the stored meters; without `force` only every few seconds."""
    global _flushed
    moment = wall_now()
    with _lock:
        if not force and _flushed is not None and moment - _flushed < timedelta(seconds=FLUSH_SECONDS):
            return
        _flushed = moment
        taken = {key_id: usage.counts for key_id, usage in _usage.items() if usage.counts}
        for key_id in taken:
            _usage[key_id].counts = Counter()
    for key_id, counts in taken.items():
        _store(key_id, counts)


def _store(key_id: int, counts: Counter[tuple[datetime, str]]) -> None:
    """Add one key's counts to its meters, and see what all processes have stored; what fails is counted again."""
    stored: set[datetime] = set()
    usage = _usage[key_id]
    try:
        for hour in sorted({hour for hour, _ in counts}):
            meter, _ = Meter.objects.get_or_create(key_id=key_id, hour=hour)
            Meter.objects.filter(pk=meter.pk).update(
                answered=F("answered") + counts[hour, "answered"],
                refused=F("refused") + counts[hour, "refused"],
                rows=F("rows") + counts[hour, "rows"],
            )
            stored.add(hour)
    finally:
        with _lock:
            for (hour, what), count in counts.items():
                if hour not in stored:
                    usage.counts[hour, what] += count
    day = usage.day
    if day is not None:
        used = _stored_since(key_id, day)
        with _lock:
            waiting = [count for (hour, what), count in usage.counts.items() if what == "answered" and hour >= day]
            usage.stored_today, usage.today = used, sum(waiting)


def unflushed() -> bool:
    """Whether something was counted that is not stored yet."""
    return any(usage.counts for usage in list(_usage.values()))


def forget_usage() -> None:
    """Drop what this process counted; for tests, whose database forgets as well."""
    _usage.clear()
