"""The kernel's own actions: sign in, edit the calendar, give posts and keys, hand in files, see persons in plain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Q

from scoc.core import audit, clients, clocks, now
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.city.sections import city_settings
from scoc.core.contacts import Person, view_plain
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.files import keep_file
from scoc.core.models import (
    ApiKey,
    Attachment,
    AuditEntry,
    Calendar,
    Delivery,
    Notice,
    Post,
    PostHolding,
    RoleConflict,
    User,
)
from scoc.core.notify import NoticeRead
from scoc.core.pack import SecuritySettings
from scoc.core.refusals import NotAllowed, Refusal, TooMuch, invalid, no_such
from scoc.kit.text import Text

_NOBODY = make_password("nobody has this password")


@fact("core.post_given", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PostGiven(Fact):
    """A user was given a post."""

    user: int
    post: int


@fact("core.key_issued", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIssued(Fact):
    """A machine was given an API key."""

    user: int
    prefix: Code


@fact("core.key_revoked", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(Fact):
    """An API key ended."""

    prefix: Code


def sign_in(username: str, password: str, address: str) -> User:
    """The user with this name and password. The answer does not tell which of the two was wrong.

    Raises Refusal for wrong ones and TooMuch while the account is locked after repeated failures; both leave a
    trace in the audit. Not an action: nobody acts yet.
    """
    policy = city_settings(SecuritySettings)
    moment = now.wall_now()
    with transaction.atomic():
        user = User.objects.select_for_update().filter(username=username, kind=User.Kind.PERSON, is_active=True).first()
        locked = user is not None and user.locked_until is not None and user.locked_until > moment
        right = check_password(password, user.password if user else _NOBODY) and user is not None and not locked
        if user is not None and not locked:
            user.failed_logins = 0 if right else user.failed_logins + 1
            user.locked_until = None
            if user.failed_logins >= policy.failures_to_lock:
                user.failed_logins = 0
                user.locked_until = moment + timedelta(minutes=policy.lock_minutes)
            user.save(update_fields=["failed_logins", "locked_until"])
    outcome = "done" if right else ("locked" if locked else "refused")
    AuditEntry.objects.create(
        happened_at=moment, kind="login", user=user, action="core.sign_in", outcome=outcome, address=address,
        correlation="",
    )  # fmt: skip
    if locked and user is not None and user.locked_until is not None:
        raise TooMuch(
            "locked",
            Text("登录失败次数过多，账号已暂时锁定。", "Too many failures; the account is locked for a while."),
            int((user.locked_until - moment).total_seconds()) + 1,
        )  # fmt: skip
    if not right or user is None:
        refusal = Refusal("wrong_login", Text("用户名或密码错误。", "Wrong user name or password."))
        refusal.status = 401
        raise refusal
    return user


@action("core.edit_calendar", audited=True)
def edit_calendar(actor: Actor, year: int, off: list[date], work: list[date], note: str = "") -> int:
    """Publish or correct one year of the working calendar; returns the new version. Open timers are computed anew."""
    if any(day.year != year for day in [*off, *work]):
        raise invalid("off", f"Every day must lie in {year}.", "Remove the others.", zh=f"日期必须都在 {year} 年。")
    if any(day.weekday() >= 5 for day in off) or any(day.weekday() < 5 for day in work):
        raise invalid(
            "work", "Days off are weekdays, make-up workdays are Saturdays or Sundays.", "Move the day.",
            zh="休息日应为周一至周五，调休上班日应为周六或周日。",
        )  # fmt: skip
    newest = Calendar.objects.select_for_update().order_by("-version").first()
    if newest is None:
        raise no_such("日历", "calendar", "core:calendar")
    plan = {"off": sorted(d.isoformat() for d in set(off)), "work": sorted(d.isoformat() for d in set(work))}
    content: dict[str, Any] = {**newest.content, "years": {**newest.content["years"], str(year): plan}}
    clocks.loaded(content, newest.version + 1, now.city_zone())
    row = Calendar.objects.create(
        version=newest.version + 1, content=content, source="edited", note=note, recorded_at=now.wall_now()
    )
    publish(clocks.CalendarEdited(subject=Code(f"core:calendar-{year}"), version=row.version))
    return row.version


def refuse_conflicts(user: User, post: Post) -> None:
    """Raises Refusal when the user holds a post whose role may not be combined with the new one (职责分离)."""
    held = set(
        PostHolding.objects.filter(user=user)
        .filter(Q(valid_to=None) | Q(valid_to__gt=now.wall_now()))
        .values_list("post__role_id", flat=True)
    )
    conflict = RoleConflict.objects.filter(
        Q(first_id=post.role_id, second_id__in=held) | Q(second_id=post.role_id, first_id__in=held)
    ).first()
    if conflict is not None:
        raise Refusal(
            "separation_of_duties",
            Text(f"职责分离：{conflict.reason.zh}", f"Separation of duties: {conflict.reason.en}"),
            subject=f"core:user-{user.pk}",
        )


@action("core.give_post", audited=True)
def give_post(actor: Actor, user_id: int, post_code: str, *, until: datetime | None = None) -> int:
    """Give a user a post, for a time if `until` is set (授权代理). Raises Refusal against separation of duties."""
    user = User.objects.filter(pk=user_id).first()
    post = Post.objects.filter(code=post_code, valid_to=None).first()
    if user is None or post is None:
        raise no_such("用户或岗位", "user or post", f"core:user-{user_id}")
    refuse_conflicts(user, post)
    holding = PostHolding.objects.create(
        user=user, post=post, valid_from=now.wall_now(), valid_to=until,
        delegated_by_id=actor.user_id if until else None,
    )  # fmt: skip
    publish(PostGiven(subject=Code(f"core:user-{user.pk}"), user=user.pk, post=post.pk))
    return holding.pk


@action("core.issue_key", audited=True)
def issue_key(
    actor: Actor, machine: str, post_code: str, label: str, *, per_minute: int, per_day: int, days: int
) -> str:
    """Make a machine's API key, shown this once; it acts in a post and ends after `days`."""
    post = Post.objects.filter(code=post_code, valid_to=None).first()
    if post is None:
        raise no_such("岗位", "post", f"core:post-{post_code}")
    user, _ = User.objects.get_or_create(
        username=f"machine:{machine}", defaults={"kind": User.Kind.MACHINE, "password": "!"}
    )
    key = clients.issue(
        user, post, label, per_minute=per_minute, per_day=per_day, valid_to=now.wall_now() + timedelta(days=days)
    )
    publish(KeyIssued(subject=Code(f"core:user-{user.pk}"), user=user.pk, prefix=Code(key.split("_")[1])))
    return key


@action("core.revoke_key", audited=True)
def revoke_key(actor: Actor, prefix: str) -> None:
    """End an API key now."""
    if not ApiKey.objects.filter(prefix=prefix, revoked_at=None).update(revoked_at=now.wall_now()):
        raise no_such("密钥", "key", f"core:key-{prefix}")
    publish(KeyRevoked(subject=Code(f"core:key-{prefix}"), prefix=Code(prefix)))


@action("core.retry_delivery", audited=True)
def retry_delivery(actor: Actor, delivery_id: int) -> None:
    """Let a parked delivery be tried again, after its cause was mended."""
    changed = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.PARKED).update(
        state=Delivery.State.WAITING, next_try_at=now.wall_now(), attempts=0
    )
    if not changed:
        raise no_such("搁置任务", "parked delivery", f"core:delivery-{delivery_id}")


@action("core.read_notice")
def read_notice(actor: Actor, notice_id: int) -> None:
    """Confirm that a notice was read (签收)."""
    notice = Notice.objects.filter(Q(post_id=actor.post_id) | Q(user_id=actor.user_id), pk=notice_id).first()
    if notice is None:
        raise no_such("通知", "notice", f"core:notice-{notice_id}")
    if notice.read_at is None:
        notice.read_at = now.city_now()
        notice.save(update_fields=["read_at"])
        publish(NoticeRead(subject=Code(f"core:notice-{notice_id}"), notice=notice_id))


@action("core.hand_in_file")
def hand_in_file(
    actor: Actor,
    content: bytes,
    name: str,
    *,
    lon: float | None = None,
    lat: float | None = None,
    taken_at: datetime | None = None,
) -> Attachment:
    """Store a photo or document, to be named by the action that uses it."""
    return keep_file(content, name, lon=lon, lat=lat, taken_at=taken_at)


@action("core.view_plain")
def view_person(actor: Actor, contact_id: int, reason: str) -> Person:
    """See a person's fields in plain (查看明文): reason, role, log, and no more than the city's limit an hour."""
    since = now.wall_now() - timedelta(hours=1)
    limit = city_settings(SecuritySettings).plain_views_per_hour
    seen = AuditEntry.objects.filter(kind="plain", user_id=actor.user_id, happened_at__gte=since).count()
    if seen >= limit:
        raise TooMuch(
            "plain_limit",
            Text("一小时内查看明文次数已达上限。", "You have seen as many plain records as an hour allows."),
            3600,
        )
    found = actor.may("core.view_plain")
    if found is None or found.persons != "plain":
        raise NotAllowed("no_plain", Text("您的岗位不能查看明文。", "Your post may not see plain values."))
    return view_plain(actor, contact_id, reason)


def note_read(viewer: Actor, what: str, subject: str) -> None:
    """Leave a trace of reading graded data."""
    audit.record(viewer, kind="read", action=what, outcome="done", subject=subject)
