"""API keys of machines (接口密钥), their quotas and meters.

Calls are counted in memory and added to the stored meters every few seconds, so that a call costs no write;
a quota is therefore exact per process and at most one flush late across processes.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Sum

from scoc.core.access import actor_for
from scoc.core.acting import Actor
from scoc.core.models import ApiKey, Meter, Post, User
from scoc.core.now import wall_now
from scoc.core.refusals import TooMuch
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text

_FORM = re.compile(r"^scoc_([0-9a-f]{12})_([A-Za-z0-9_\-]{43})$")
FLUSH_SECONDS = 5.0


@dataclass(slots=True)
class _Usage:
    calls: deque[float] = field(default_factory=deque)
    counts: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    day: str = ""
    stored_today: int = 0
    today: int = 0


_usage: dict[int, _Usage] = {}
_lock = threading.Lock()
_flushed = time.monotonic()


def issue(user: User, post: Post, label: str, *, per_minute: int, per_day: int, valid_to: datetime) -> str:
    """Make a key for a machine and return it; it is shown this once, only its keyed hash is kept."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    ApiKey.objects.create(
        user=user, post=post, prefix=prefix, secret_hash=keyed_hash("api-key", secret), label=label,
        per_minute=per_minute, per_day=per_day, valid_to=valid_to, created_at=wall_now(),
    )  # fmt: skip
    return f"scoc_{prefix}_{secret}"


def actor_of_key(presented: str, address: str) -> Actor | None:
    """The machine that holds this key, after counting the call; None when the key is unknown, ended or revoked.

    Raises TooMuch when its quota is used up.
    """
    match = _FORM.match(presented)
    if match is None:
        return None
    key = (
        ApiKey.objects.select_related("user", "post__role", "post__organisation", "post__area")
        .filter(prefix=match[1], revoked_at=None, valid_to__gt=wall_now(), user__is_active=True)
        .first()
    )
    if key is None or not hmac.compare_digest(key.secret_hash, keyed_hash("api-key", match[2])):
        return None
    _count(key)
    return actor_for(key.user, key.post, address=address, key_id=key.pk)


def _count(key: ApiKey) -> None:
    moment = wall_now()
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = moment.date().isoformat()
    with _lock:
        usage = _usage.setdefault(key.pk, _Usage())
        if usage.day != day:
            start = hour.replace(hour=0)
            stored = Meter.objects.filter(key=key, hour__gte=start).aggregate(sum=Sum("answered"))["sum"]
            usage.day, usage.stored_today, usage.today = day, stored or 0, 0
        second = time.monotonic()
        while usage.calls and usage.calls[0] < second - 60:
            usage.calls.popleft()
        retry = 0
        if len(usage.calls) >= key.per_minute:
            retry = max(1, int(60 - (second - usage.calls[0])))
        elif usage.stored_today + usage.today >= key.per_day:
            retry = int((hour.replace(hour=0) + timedelta(days=1) - moment).total_seconds())
        if retry:
            usage.counts[hour, "refused"] += 1
        else:
            usage.calls.append(second)
            usage.today += 1
            usage.counts[hour, "answered"] += 1
    flush_meters()
    if retry:
        raise TooMuch("quota", Text("调用额度已用完。", "The key's quota is used up."), retry)


def count_rows(actor: Actor, rows: int) -> None:
    """Add rows given to a key's meter."""
    if actor.key_id is not None:
        hour = wall_now().replace(minute=0, second=0, microsecond=0)
        with _lock:
            _usage.setdefault(actor.key_id, _Usage()).counts[hour, "rows"] += rows


def flush_meters(*, force: bool = False) -> None:
    """Add what was counted in this process to the stored meters."""
    global _flushed
    if not force and time.monotonic() - _flushed < FLUSH_SECONDS:
        return
    with _lock:
        _flushed = time.monotonic()
        taken = [(key, usage.counts) for key, usage in _usage.items() if usage.counts]
        for key, _ in taken:
            _usage[key].counts = Counter()
    for key_id, counts in taken:
        for hour in {hour for hour, _ in counts}:
            meter, _ = Meter.objects.get_or_create(key_id=key_id, hour=hour)
            Meter.objects.filter(pk=meter.pk).update(
                answered=F("answered") + counts[hour, "answered"],
                refused=F("refused") + counts[hour, "refused"],
                rows=F("rows") + counts[hour, "rows"],
            )
