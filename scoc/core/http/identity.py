"""Who calls: a person by session and chosen post, or a machine by its key."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.utils import check_csrf

from scoc.core import clients
from scoc.core.access import actor_for, holdings
from scoc.core.acting import Actor
from scoc.core.http.request import Request, client_address
from scoc.core.models import User

POST_KEY = "post_id"
"""Where the session keeps the acting post."""


def session_actor(request: HttpRequest) -> Actor | None:
    """The signed-in person in the chosen post, if that post is still held; None when nobody is signed in."""
    user = request.user
    if not user.is_authenticated or not isinstance(user, User) or not user.is_active:
        return None
    chosen = request.session.get(POST_KEY)
    holding = holdings(user).filter(post_id=chosen).first() if chosen else None
    return actor_for(user, holding.post if holding else None, address=client_address(request))


def authenticate(request: HttpRequest) -> Actor | None:
    """The caller, set as `request.viewer`; None means 401. A browser's unsafe call needs the CSRF token."""
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        actor = clients.actor_of_key(header.removeprefix("Bearer ").strip(), client_address(request))
    else:
        actor = session_actor(request)
        if actor is not None and request.method not in {"GET", "HEAD", "OPTIONS"}:
            refusal = check_csrf(request, lambda _: None)
            if refusal is not None:
                raise HttpError(403, "CSRF check failed: send the cookie's token as X-CSRFToken.")
    if actor is not None:
        assert isinstance(request, HttpRequest)
        request.viewer = actor  # type: ignore[attr-defined]  # from here on it is a Request
    return actor


__all__ = ["POST_KEY", "Request", "authenticate", "session_actor"]
