"""Notices (通知): tell a post or a user something. In-app now; e-mail, SMS and webhooks join behind the same call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from scoc.core.access import posts_in_force
from scoc.core.acting import Viewer, acting
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Notice
from scoc.core.now import city_now
from scoc.kit.text import Text


@fact("core.notified", permission="core.read_notices")
@dataclass(frozen=True, slots=True, kw_only=True)
class Notified(Fact):
    """A notice was put before a post or user."""

    post: int | None = None
    user: int | None = None
    level: Code


@fact("core.notice_read", permission="core.read_notices")
@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRead(Fact):
    """The receipt (回执) of a notice."""

    notice: int


def notify(
    subject: str,
    title: Text,
    *,
    posts: Iterable[int] = (),
    users: Iterable[int] = (),
    level: str = "info",
) -> None:
    """Tell posts and users about a subject; `level` is info, urge or alarm. Written with the open action.

    Raises ValueError for another level.
    """
    if level not in {"info", "urge", "alarm"}:
        raise ValueError(f"{level!r} is not a level of notices.")
    work = acting()
    moment = city_now()
    notices = [
        Notice(post_id=post, user_id=user, subject=subject, level=level, title=title, run_id=work.run_id,
               happened_at=moment)
        for post, user in [*((p, None) for p in posts), *((None, u) for u in users)]
    ]  # fmt: skip
    Notice.objects.bulk_create(notices)
    for notice in notices:
        publish(Notified(subject=Code(subject), post=notice.post_id, user=notice.user_id, level=Code(level)))


def posts_with_role(*roles: str, organisation_id: int | None = None) -> list[int]:
    """Ids of the posts with one of these roles, in one organisation if given."""
    posts = posts_in_force().filter(role__code__in=roles)
    if organisation_id is not None:
        posts = posts.filter(organisation_id=organisation_id)
    return list(posts.order_by("id").values_list("id", flat=True))


def notices_of(viewer: Viewer) -> QuerySet[Notice]:
    """The notices to the viewer: to the acting post, and to the viewer alone."""
    mine = Q(user_id=viewer.user_id)
    if viewer.post_id is not None:
        mine |= Q(post_id=viewer.post_id)
    return Notice.objects.filter(mine)
