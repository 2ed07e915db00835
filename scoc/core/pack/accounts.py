"""Accounts of a pack: those of a made-up city, to show it. A real city's are made in SCOC, and are no pack's to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

from django.contrib.auth.hashers import make_password
from pydantic import Field

from scoc.core import contacts
from scoc.core.city.reading import Pack
from scoc.core.city.sections import Changes, PackRow, Problem, Section, city_settings
from scoc.core.models import Post, PostHolding, User
from scoc.core.now import wall_now
from scoc.core.pack.fields import CODE
from scoc.core.pack.security import SecuritySettings
from scoc.core.pack.staff import PostRow, conflicts_of, held_otherwise
from scoc.core.passwords import LONGEST, what_is_wrong
from scoc.core.validity import not_over


class AccountIn(PackRow):
    """A demonstration account; real cities give accounts in SCOC, not in files."""

    username: str = CODE
    name: str = Field(min_length=1, max_length=40)
    posts: list[str]
    password: str | None = Field(None, min_length=1, max_length=LONGEST)
    """First password, to be changed at the first log-in unless `[security] published_passwords` says otherwise; without
    it the account cannot sign in until one is set."""


def _accounts() -> Iterable[AccountIn]:
    posts: dict[int, list[str]] = {}
    for holding in PostHolding.objects.filter(valid_to=None, from_pack=True).select_related("post"):
        posts.setdefault(holding.user_id, []).append(holding.post.code)
    rows = User.objects.filter(kind=User.Kind.PERSON, from_pack=True, is_active=True)
    for user in rows.select_related("contact"):
        name = contacts.shown(user.contact, "plain").name if user.contact else ""
        yield AccountIn(username=user.username, name=name or user.username, posts=sorted(posts.get(user.pk, [])))


def _normal_account(row: AccountIn, running: AccountIn | None) -> AccountIn | None:
    """Passwords are never read back, posts have no order, and what SCOC closed or erased no pack brings back.

    A person who was erased has no name but the user's.
    """
    if running is None and User.objects.filter(username=row.username, from_pack=False).exists():
        return None
    erased = running is not None and running.name == row.username
    name = row.username if erased else " ".join(row.name.split())
    return row.model_copy(update={"password": None, "posts": sorted(set(row.posts)), "name": name})


def _check_accounts(pack: Pack, rows: Sequence[tuple[AccountIn, str, int]]) -> Iterable[Problem]:
    roles = {row.code: row.role for row, _, _ in pack.rows["posts"] if isinstance(row, PostRow)}
    apart, otherwise = conflicts_of(pack), held_otherwise(pack)
    made = {name.lower(): name for name in User.objects.filter(is_active=True, from_pack=False).values_list(
        "username", flat=True)}  # fmt: skip
    policy = SecuritySettings.model_validate(pack.settings.get("security", {}))
    seen: set[str] = set()
    for row, file, line in rows:
        lower = row.username.lower()
        if lower in made or lower in seen:
            yield Problem(file, line, "username", f"`{made.get(lower, row.username)}` is taken: such an account "
                          f"{'was made in SCOC' if lower in made else 'stands in the pack'}.",
                          "Take another user name, or remove the row.")  # fmt: skip
        seen.add(lower)
        held = {roles[code] for code in row.posts if code in roles} | otherwise.get(row.username, set())
        for first, second in combinations(sorted(held), 2):
            if frozenset((first, second)) in apart:
                yield Problem(file, line, "posts", f"{first} and {second} are never the same person.",
                              "Give one of the posts to somebody else.")  # fmt: skip
        if row.password is not None:
            wrong = what_is_wrong(
                row.password, row.username, length=policy.password_length, kinds=policy.password_kinds
            )
            if wrong is not None:
                yield Problem(file, line, "password", wrong.message.en, wrong.errors[0].remedy.en)


def _apply_accounts(changes: Changes[AccountIn]) -> None:
    """Add, change and end the pack's accounts. A password is set only for a new one: a changed one is its owner's."""
    moment = wall_now()
    posts = dict(Post.objects.filter(valid_to=None).values_list("code", "id"))
    gone = User.objects.filter(username__in=[row.username for row in changes.removed], from_pack=True)
    PostHolding.objects.filter(not_over(moment), user__in=gone).update(valid_to=moment)
    gone.update(is_active=False)
    hashed: dict[str, str] = {}
    for row in [*changes.added, *changes.changed]:
        user = User.objects.filter(username=row.username).select_related("contact").first()
        if user is None:
            user = User(username=row.username, password="!", from_pack=True)  # noqa: S106  # no password at all
            user.contact = contacts.keep(contacts.Person(name=row.name), staff=True)
            if row.password:
                # One hash a password: two hundred demonstration accounts share one on purpose.
                if row.password not in hashed:
                    hashed[row.password] = make_password(row.password)
                user.password = hashed[row.password]
                user.must_change_password = not city_settings(SecuritySettings).published_passwords
        elif user.contact is not None:
            contacts.rename(user.contact, row.name)
        user.is_active = True
        user.save()
        _hold(user, {posts[code] for code in row.posts}, moment)


def _hold(user: User, wanted: set[int], moment: datetime) -> None:
    """Let an account hold these posts of the pack; it keeps what SCOC gave, and what is in both is the pack's."""
    held = PostHolding.objects.filter(user=user, valid_to=None)
    held.filter(from_pack=True).exclude(post_id__in=wanted).update(valid_to=moment)
    held.filter(post_id__in=wanted).update(from_pack=True)
    lacking = wanted - set(held.filter(from_pack=True).values_list("post_id", flat=True))
    PostHolding.objects.bulk_create(
        PostHolding(user=user, post_id=post, valid_from=moment, from_pack=True) for post in sorted(lacking)
    )


SECTIONS: tuple[Section[Any], ...] = (
    Section("accounts", ("accounts.toml",), "account", AccountIn, ("username",), _accounts,
            _apply_accounts, references={"posts": "posts"}, check=_check_accounts,
            normal=_normal_account),
)  # fmt: skip
"""In the order in which they are applied."""
