"""Routes that name their permission, or say that they are public. There is no third kind."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.http import HttpResponse
from ninja import Router
from ninja.constants import NOT_SET

from scoc.core import clients, now
from scoc.core.http.identity import SIGNED_IN, ApiKey, SignedIn
from scoc.core.http.paging import Page
from scoc.core.http.repeats import once
from scoc.core.http.request import Request

__all__ = ["PUBLIC", "ROUTES", "SIGNED_IN", "Route", "Routes"]
V = TypeVar("V", bound=Callable[..., Any])


class _Public:
    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = _Public()
"""Anybody may call this route, signed in or not."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route for the registry's checks."""

    method: str
    path: str
    permission: str | _Public
    view: Callable[..., Any]


ROUTES: list[Route] = []


def _guarded(method: str, permission: str | _Public, view: Callable[..., Any], shape: Any, status: int) -> Any:
    takes_response = "response" in inspect.signature(view).parameters

    @functools.wraps(view)
    def guarded(request: Request, *args: Any, **kwargs: Any) -> Any:
        if isinstance(permission, _Public):
            return view(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key") if method == "POST" else None
        with now.in_run(request.viewer.run_id):
            if key is not None:
                headers: HttpResponse | None = kwargs.get("response") if takes_response else None
                return once(request, key, lambda: view(request, *args, **kwargs), shape, status, headers)
            result = view(request, *args, **kwargs)
        if isinstance(result, Page):
            clients.count_rows(request.viewer, len(result.items))
        return result

    # ninja reads the form of a route from its signature: give it with the names resolved
    guarded.__signature__ = inspect.signature(view, eval_str=True)  # type: ignore[attr-defined]  # see above
    return guarded


class Routes:
    """The routes of one module: a ninja router that cannot hold a route without a permission."""

    def __init__(self) -> None:
        self.router = Router()

    def _add(
        self, method: str, path: str, permission: str | _Public, response: Any, status: int = 200
    ) -> Callable[[V], V]:
        def make(view: V) -> V:
            ROUTES.append(Route(method, path, permission, view))
            module = view.__module__.removeprefix("scoc.").removesuffix(".http").replace(".", "_")
            public = isinstance(permission, _Public)
            self.router.add_api_operation(
                path,
                [method],
                _guarded(method, permission, view, response, status),
                auth=None if isinstance(permission, _Public) else [ApiKey(permission), SignedIn(permission)],
                response=NOT_SET if response is None else {status: response},
                operation_id=f"{module}_{view.__name__}",
                openapi_extra=None if public or permission == SIGNED_IN else {"x-permission": permission},
            )
            return view

        return make

    def get(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that reads."""
        return self._add("GET", path, permission, response)

    def post(
        self, path: str, *, permission: str | _Public, response: Any = None, status: int = 200
    ) -> Callable[[V], V]:
        """A route that acts; with an `Idempotency-Key` it acts once. `status` 201 where it makes something."""
        return self._add("POST", path, permission, response, status)

    def put(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that sets something to a value."""
        return self._add("PUT", path, permission, response)

    def patch(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that changes part of something."""
        return self._add("PATCH", path, permission, response)

    def delete(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that ends something."""
        return self._add("DELETE", path, permission, response)
