"""Routes that name their permission, or say that they are public. There is no third kind."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.http import HttpResponse
from ninja import Router
from ninja.constants import NOT_SET

from scoc.core import now
from scoc.core.access import allowed
from scoc.core.acting import Actor, unit_of_work
from scoc.core.http.identity import authenticate
from scoc.core.http.request import Request
from scoc.core.models import IdempotencyMark
from scoc.core.refusals import invalid
from scoc.kit.canonical import digest

V = TypeVar("V", bound=Callable[..., Any])


class _Public:
    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = _Public()
"""Anybody may call this route, signed in or not."""
SIGNED_IN: Final = "core.signed_in"
"""The permission of routes that every signed-in person has, e.g. choosing a post."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route for the registry's checks."""

    method: str
    path: str
    permission: str | _Public
    view: Callable[..., Any]


ROUTES: list[Route] = []


def _plain(result: Any) -> Any:
    if hasattr(result, "model_dump"):
        return result.model_dump(mode="json")
    if isinstance(result, list):
        return [_plain(item) for item in result]
    return result


def _done_before(actor: Actor, key: str, request_digest: str) -> HttpResponse | None:
    mark = IdempotencyMark.objects.filter(principal=f"user:{actor.user_id}", key=key).first()
    if mark is None:
        return None
    if mark.request_digest != request_digest:
        raise invalid(
            "Idempotency-Key", "This key was used for another request.", "Make a new key for each new request.",
            zh="该幂等键已用于另一请求。",
        )  # fmt: skip
    return HttpResponse(mark.body, status=mark.status, content_type="application/json")


def _once(request: Request, key: str, call: Callable[[], Any]) -> Any:
    """Do the call and remember its answer in one transaction; a repeat gets the same answer and does nothing."""
    if not 8 <= len(key) <= 120 or not key.isascii():
        raise invalid("Idempotency-Key", "It must be 8 to 120 ASCII characters.", "Send a UUID.")
    request_digest = digest(f"{request.method} {request.path}\n".encode() + request.body)
    with unit_of_work(request.viewer):
        before = _done_before(request.viewer, key, request_digest)
        if before is not None:
            return before
        result = call()
        if isinstance(result, HttpResponse):
            return result
        IdempotencyMark.objects.create(
            principal=f"user:{request.viewer.user_id}", key=key, request_digest=request_digest, status=200,
            body=json.dumps(_plain(result), ensure_ascii=False), recorded_at=now.wall_now(),
        )  # fmt: skip
        return result


class Routes:
    """The routes of one module: a ninja router that cannot hold a route without a permission."""

    def __init__(self) -> None:
        self.router = Router()

    def _add(self, method: str, path: str, permission: str | _Public, response: Any) -> Callable[[V], V]:
        def make(view: V) -> V:
            @functools.wraps(view)
            def guarded(request: Request, *args: Any, **kwargs: Any) -> Any:
                if isinstance(permission, _Public):
                    return view(request, *args, **kwargs)
                if permission != SIGNED_IN:
                    allowed(request.viewer, permission)
                key = request.headers.get("Idempotency-Key") if method == "POST" else None
                with now.in_run(request.viewer.run_id):
                    if key:
                        return _once(request, key, lambda: view(request, *args, **kwargs))
                    return view(request, *args, **kwargs)

            # ninja reads the form of a route from its signature: give it with the names resolved
            guarded.__signature__ = inspect.signature(view, eval_str=True)  # type: ignore[attr-defined]  # see above
            ROUTES.append(Route(method, path, permission, view))
            auth = None if isinstance(permission, _Public) else authenticate
            module = view.__module__.removeprefix("scoc.").removesuffix(".http").replace(".", "_")
            self.router.add_api_operation(
                path, [method], guarded, auth=auth, response=NOT_SET if response is None else response,
                operation_id=f"{module}_{view.__name__}",
            )  # fmt: skip
            return view

        return make

    def get(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that reads."""
        return self._add("GET", path, permission, response)

    def post(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that acts; with an `Idempotency-Key` it acts once."""
        return self._add("POST", path, permission, response)

    def put(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that sets something to a value."""
        return self._add("PUT", path, permission, response)
