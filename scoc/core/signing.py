"""Signing in and out (登录): by name and password, locked after failures, told to nobody which of the two was wrong.

These are no actions, since nobody acts yet; each leaves its trace in the audit all the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from scoc.core import audit, now
from scoc.core.acting import Actor
from scoc.core.city.sections import city_settings
from scoc.core.models import AuditEntry, User
from scoc.core.pack import SecuritySettings
from scoc.core.passwords import what_is_wrong
from scoc.core.refusals import Refusal, TooMuch, invalid
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text

_UNUSABLE = "!"
"""Checked for a name that nobody has: it takes as long as a real one."""


class WrongLogin(Refusal):
    """Name or password is wrong, or the account is locked; the caller is not told which."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "wrong_login",
            Text("用户名或密码错误；连续失败会暂时锁定账号。",
                 "Wrong user name or password; repeated failures lock an account for a while."),
        )  # fmt: skip


def _refuse_floods(address: str, policy: SecuritySettings, moment: datetime) -> None:
    """Raises TooMuch for an address that keeps guessing, whatever the names."""
    since = moment - timedelta(minutes=policy.lock_minutes)
    failed = AuditEntry.objects.filter(
        action__in=("core.sign_in", "core.change_password"), happened_at__gt=since, address=address
    )
    if address and failed.filter(outcome__in=("refused", "locked")).count() >= policy.failures_per_address:
        raise TooMuch(
            "too_many_failures",
            Text("登录失败次数过多，请稍后再试。", "Too many failed log-ins from here; try again later."),
            policy.lock_minutes * 60,
        )


def _judge(user: User, right: bool, policy: SecuritySettings, moment: datetime) -> str:
    """Count a success or failure under the row's lock; gives `done`, `refused` or `locked`."""
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        if row.locked_until is not None and row.locked_until > moment:
            return "locked"
        if right:
            if row.failed_logins or row.locked_until:
                row.failed_logins, row.locked_until = 0, None
                row.save(update_fields=["failed_logins", "locked_until"])
            return "done"
        row.failed_logins, row.locked_until = row.failed_logins + 1, None
        if row.failed_logins >= policy.failures_to_lock:
            row.failed_logins, row.locked_until = 0, moment + timedelta(minutes=policy.lock_minutes)
        row.save(update_fields=["failed_logins", "locked_until"])
        return "refused"


def _unknown(hashed: str) -> Text:
    return Text(f"未知用户名 {hashed}", f"unknown name {hashed}")


def _checked(username: str, password: str, address: str, action: str, *, tell_success: bool = True) -> User:
    """The user, if the password is right; whoever does more with it tells of the success itself."""
    policy = city_settings(SecuritySettings)
    moment = now.wall_now()
    _refuse_floods(address, policy, moment)
    user = User.objects.filter(username=username, kind=User.Kind.PERSON, is_active=True).first()
    # It takes long on purpose, so no lock is held meanwhile.
    right = check_password(password, user.password if user else _UNUSABLE)
    outcome = _judge(user, right, policy, moment) if user else "refused"
    if outcome != "done" or tell_success:
        audit.record(
            Actor(user.pk, user.username, user.kind) if user else None, kind="login", action=action, outcome=outcome,
            address=address,
            # People type passwords where names belong: a name that nobody has can be compared, but not read.
            detail="" if user else _unknown(keyed_hash("unknown-name", username)[:16]),
        )  # fmt: skip
    if user is None or outcome != "done":
        raise WrongLogin
    return user


def sign_in(username: str, password: str, address: str) -> User:
    """The user with this name and password. Raises WrongLogin, and TooMuch for an address that keeps guessing."""
    return _checked(username, password, address, "core.sign_in")


def note_session(actor: Actor, what: str) -> None:
    """Tell the audit of a log-out, the choice of a post or an end for want of requests."""
    audit.record(actor, kind="login", action=what, outcome="done")


def change_password(user: User, old: str, new: str, address: str) -> User:
    """Change one's own password. Raises WrongLogin for a wrong old one, Invalid for one against the city's policy."""
    policy = city_settings(SecuritySettings)
    checked = _checked(user.username, old, address, "core.change_password", tell_success=False)
    wrong = what_is_wrong(new, user.username, length=policy.password_length, kinds=policy.password_kinds)
    if wrong is None and new == old:
        wrong = invalid(
            "new", "The new password is the old one.", "Take another one.", code="same_password",
            zh="新密码不得与旧密码相同。",
        )  # fmt: skip
    actor = Actor(checked.pk, checked.username, checked.kind)
    if wrong is not None:
        audit.record(actor, kind="login", action="core.change_password", outcome=wrong.outcome, code=wrong.code,
                     detail=wrong.message, address=address)  # fmt: skip
        raise wrong
    checked.password = make_password(new)
    checked.must_change_password = False
    checked.save(update_fields=["password", "must_change_password"])
    audit.record(actor, kind="login", action="core.change_password", outcome="done", address=address)
    return checked
