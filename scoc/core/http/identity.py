"""Who calls: a person by session and chosen post, or a machine by its key; and whether the route is open to them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth import logout as end_session
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.http import HttpRequest, parse_cookie
from django.utils.crypto import constant_time_compare
from ninja.utils import check_csrf

from scoc.core import audit, clients, signing
from scoc.core.access import actor_for, allowed, holdings
from scoc.core.acting import Actor
from scoc.core.city.sections import city_settings
from scoc.core.http.request import Request, client_address
from scoc.core.models import Post, User
from scoc.core.now import real_run, run_clock, wall_now
from scoc.core.pack import SecuritySettings
from scoc.core.refusals import NotAllowed, Refusal
from scoc.kit.text import Text

POST_KEY: Final = "post_id"
"""Where the session keeps the acting post."""
RUN_KEY: Final = "run_id"
"""Where the session keeps the run that it takes part in; absent in real life."""
SEEN_KEY: Final = "seen_at"
"""Where the session keeps the time of its last request, in seconds; noted once a minute, since noting is a write."""
NOTE_SECONDS: Final = 60
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
SIGNED_IN: Final = "core.signed_in"
"""The permission of routes that every signed-in person has, e.g. choosing a post."""
AT_THE_DOOR: Final = "core.at_the_door"
"""The permission of the two routes that are open to a person who must change a given password first: to change it, and
to sign out."""
OF_PERSONS: Final = frozenset({SIGNED_IN, AT_THE_DOOR})
"""Permissions that come with being signed in: nobody grants them."""

About = Callable[[Mapping[str, Any]], str]
"""The subject that a request is about, for the audit, by the values in its path; empty for none."""


def is_idle(seen_at: int | None, role: str) -> bool:
    """Whether a session has ended for want of requests (DOMAIN.md 6.3); screens that nobody sits at are left alone."""
    policy = city_settings(SecuritySettings)
    if seen_at is None or role in policy.unattended_roles:
        return False
    return wall_now().timestamp() - seen_at > policy.idle_minutes * 60


def held_post(user: User, post_id: object) -> Post | None:
    """The post of the session, if the user still holds it."""
    holding = holdings(user).filter(post_id=post_id).first() if isinstance(post_id, int) else None
    return holding.post if holding else None


def joined_run(run_id: object, actor: Actor) -> int | None:
    """The run that a session joined; None is real life.

    A drill that is over keeps its people until they leave: nobody acts in real life believing to be in a drill. Who
    lost the permission is back in real life; the page's own headers tell it so (`refuse_another_screen`).
    """
    clock = run_clock(run_id) if isinstance(run_id, int) else None
    return clock.run_id if clock and actor.may("core.switch_run") else None


def present_actor(request: HttpRequest) -> Actor | None:
    """Who is signed in, as `session_actor`; but that somebody asks is not taken as a sign of life."""
    user = request.user
    if not user.is_authenticated or not isinstance(user, User) or not user.is_active:
        return None
    if user.must_change_password:  # nothing may be done yet, so nothing is granted
        return Actor(user.pk, user.username, user.kind, address=client_address(request))
    actor = actor_for(user, held_post(user, request.session.get(POST_KEY)), address=client_address(request))
    return actor.on_run(joined_run(request.session.get(RUN_KEY), actor))


def session_viewer(cookies: str) -> Actor | None:
    """The signed-in viewer in the chosen post, by the header `Cookie` alone; None when there is none."""
    session = SessionStore(parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME))
    known = User.objects.filter(pk=session.get(SESSION_KEY) or 0, is_active=True, must_change_password=False)
    user = known.select_related("contact").first()
    if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    post = held_post(user, session.get(POST_KEY))
    if post is None or is_idle(session.get(SEEN_KEY), post.role.code):
        return None
    viewer = actor_for(user, post)
    return viewer.on_run(joined_run(session.get(RUN_KEY), viewer) or real_run())


def session_actor(request: HttpRequest) -> Actor | None:
    """The signed-in person in the chosen post, if that post is still held; None when nobody is signed in."""
    actor = present_actor(request)
    if actor is None:
        return None
    seen_at, moment = request.session.get(SEEN_KEY), int(wall_now().timestamp())
    if is_idle(seen_at, actor.role):
        signing.note_session(actor, "core.session_ended")
        end_session(request)
        return None
    if seen_at is None or moment - seen_at >= NOTE_SECONDS:
        _note_seen(request, moment)
    return actor


def _note_seen(request: HttpRequest, moment: int) -> None:
    """Note the time in the session as it is now: a session is saved whole, and another request of it may just have
    chosen a post or joined a drill."""
    key = request.session.session_key
    if request.session.modified or key is None:
        request.session[SEEN_KEY] = moment
        return
    with transaction.atomic():
        if connection.vendor == "postgresql":
            list(Session.objects.select_for_update().filter(pk=key))
        fresh = SessionStore(key)
        if fresh.get(SESSION_KEY) is not None:
            fresh[SEEN_KEY] = moment
            fresh.save(must_create=False)


def refuse_given_password(request: HttpRequest, actor: Actor, permission: str) -> None:
    """Raises NotAllowed, and leaves its trace, for a person whose password is still the one that somebody gave them."""
    user = request.user
    if permission == AT_THE_DOOR or not isinstance(user, User) or not user.must_change_password:
        return
    words = Text(
        "请先修改他人设置的密码，再进行其他操作。",
        "Your password was given to you by somebody else: change it first, then everything else is open.",
    )
    audit.record(actor, kind="refusal", action=permission, outcome="refused", code="must_change_password", detail=words)
    raise NotAllowed("must_change_password", words)


def refuse_another_screen(request: HttpRequest, actor: Actor) -> None:
    """Raises Refusal when the page that sends this shows another post or run than the session has by now.

    Tabs of one browser share the session. A page says what it shows in `SCOC-Post` and `SCOC-Run`; without them
    nothing is compared.
    """
    for header, code, mine, words in (
        ("SCOC-Post", "other_post", actor.post_id, Text("本页面显示的岗位已在别处切换，请核对后重试。",
                                                        "Another post was chosen elsewhere; look, and try again.")),
        ("SCOC-Run", "other_run", actor.run_id or real_run(),
         Text("本页面显示的运行（真实城市或演练）已在别处切换，请核对后重试。",
              "Another run (real life or a drill) was chosen elsewhere; look, and try again.")),
    ):  # fmt: skip
        shown = request.headers.get(header)
        if shown is not None and shown != str(mine or ""):
            raise Refusal(code, words)


class _Guard:
    """Lets a caller through who has the route's permission; asked before anything that was sent is looked at."""

    def __init__(self, permission: str, about: About) -> None:
        self.permission = permission
        self.about = about

    def actor(self, request: HttpRequest) -> Actor | None:
        """Who calls, in this guard's way."""
        raise NotImplementedError

    def __call__(self, request: HttpRequest) -> Actor | None:
        """The caller, set as `request.viewer`; None means 401. Raises NotAllowed without the permission."""
        actor = self.actor(request)
        if actor is None:
            return None
        if self.permission not in OF_PERSONS:
            match = request.resolver_match
            with audit.about(self.about(match.kwargs if match else {})):
                allowed(actor, self.permission)
        if self.permission == "core.switch_run":  # the run that it leaves may be over: this is done in real life
            actor = actor.on_run(None)
        request.viewer = actor  # type: ignore[attr-defined]  # from here on it is a Request
        return actor


def _presented_key(request: HttpRequest) -> str | None:
    """The key that a machine sent: as a bearer, or as the password of Basic, which is all that some clients know.

    Basic is never asked for, so that no browser sends it by itself.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(key, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return key.strip() if scheme.lower() == "bearer" else None


def presented_actor(request: HttpRequest) -> Actor | None:
    """Who calls a lean path: the machine whose key was sent, or the person whose session's cookie was. None for nobody.

    Whoever lets the caller write asks `refuse_without_token` as well.
    """
    key = _presented_key(request)
    if key is not None:
        return clients.actor_of_key(key, client_address(request))
    return session_viewer(request.META.get("HTTP_COOKIE", ""))


def refuse_without_token(request: HttpRequest) -> None:
    """Raises NotAllowed for an unsafe call of a page that does not show its token; a key needs none."""
    if _presented_key(request) is None and check_csrf(request):
        raise NotAllowed(
            "csrf", Text("页面令牌无效，请刷新页面。", "The page's token is missing or old: send it as X-CSRFToken.")
        )


class ApiKey(_Guard):
    """A machine by its key."""

    openapi_security_schema: ClassVar[dict[str, Any]] = {"type": "http", "scheme": "bearer", "bearerFormat": "scoc_…"}

    def actor(self, request: HttpRequest) -> Actor | None:
        """The machine whose key was sent."""
        key = _presented_key(request)
        return None if key is None else clients.actor_of_key(key, client_address(request))


class SignedIn(_Guard):
    """A person by the session's cookie; an unsafe call needs the page's token as `X-CSRFToken`."""

    openapi_security_schema: ClassVar[dict[str, Any]] = {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
    }

    def actor(self, request: HttpRequest) -> Actor | None:
        """The person who is signed in."""
        if _presented_key(request) is not None:
            return None
        actor = session_actor(request)
        if actor is None:
            return None
        refuse_given_password(request, actor, self.permission)
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return actor
        refuse_without_token(request)
        refuse_another_screen(request, actor)
        return actor


__all__ = ["AT_THE_DOOR", "OF_PERSONS", "POST_KEY", "SIGNED_IN", "ApiKey", "Request", "SignedIn", "session_actor"]
