"""Routes that name their permission, or say that they are public. There is no third kind."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.http import HttpResponse
from ninja import Router
from ninja.constants import NOT_SET

from scoc.core import audit, clients, now
from scoc.core.http.identity import AT_THE_DOOR, OF_PERSONS, SIGNED_IN, About, ApiKey, SignedIn
from scoc.core.http.paging import Page
from scoc.core.http.repeats import once
from scoc.core.http.request import Request

__all__ = ["AT_THE_DOOR", "OF_PERSONS", "PUBLIC", "ROUTES", "SIGNED_IN", "Route", "Routes"]
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
_IDENTIFIER = re.compile(r"[\w.:@+\-]{1,40}", re.ASCII)


def _subject(path: str, module: str, own: str) -> str:
    """The form of a route's subject by its path: `/{case_id}/close` of cases is about `cases:{case_id}`.

    `/deliveries/{delivery_id}/retry` is about `core:delivery-{delivery_id}`: below a folder the kind is named, but for
    the `own` kind, which gives the module its plain subjects. Empty for a path that names no thing.
    """
    found = re.match(r"(/\w[\w-]*)?/\{(\w+)\}", path)
    if found is None:
        return ""
    folder, name = found.groups()
    noun = name.removesuffix("_id")
    return f"{module}:{f'{noun}-' if folder and noun != own else ''}{{{name}}}"


def _about(form: str) -> About:
    """The subject of a request by the values in its path; none where one of them is no identifier."""
    names = re.findall(r"\{(\w+)\}", form)

    def subject(values: Mapping[str, Any]) -> str:
        plain = {name: str(values.get(name, "")) for name in names}
        return form.format(**plain) if all(_IDENTIFIER.fullmatch(value) for value in plain.values()) else ""

    return subject


def _guarded(
    method: str,
    permission: str | _Public,
    view: Callable[..., Any],
    shape: Any,
    status: int,
    about: About,
) -> Any:
    takes_response = "response" in inspect.signature(view).parameters

    @functools.wraps(view)
    def guarded(request: Request, *args: Any, **kwargs: Any) -> Any:
        if isinstance(permission, _Public):
            return view(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key") if method == "POST" else None
        with now.in_run(request.viewer.run_id), audit.about(about(kwargs)):
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
    """The routes of one module: a ninja router that cannot hold a route without a permission.

    `own` is the kind of thing that plain subjects such as `intake:5` mean, where addresses name it below a folder.
    What a route is about, for the audit, follows from its path; `subject` says it where that would be another.
    """

    def __init__(self, own: str = "") -> None:
        self.router = Router()
        self.own = own

    def _add(
        self,
        method: str,
        path: str,
        permission: str | _Public,
        response: Any,
        status: int = 200,
        subject: str = "",
    ) -> Callable[[V], V]:
        def make(view: V) -> V:
            ROUTES.append(Route(method, path, permission, view))
            module = view.__module__.removeprefix("scoc.").removesuffix(".http").replace(".", "_")
            public = isinstance(permission, _Public)
            owner = view.__module__.split(".http")[0].rsplit(".", 1)[-1]
            about = _about(subject or _subject(path, owner, self.own))
            self.router.add_api_operation(
                path,
                [method],
                _guarded(method, permission, view, response, status, about),
                auth=None
                if isinstance(permission, _Public)
                else [ApiKey(permission, about), SignedIn(permission, about)],
                response=NOT_SET if response is None else {status: response},
                operation_id=f"{module}_{view.__name__}",
                openapi_extra=None if public or permission in OF_PERSONS else {"x-permission": permission},
            )
            return view

        return make

    def get(self, path: str, *, permission: str | _Public, response: Any = None, subject: str = "") -> Callable[[V], V]:
        """A route that reads."""
        return self._add("GET", path, permission, response, subject=subject)

    def post(
        self, path: str, *, permission: str | _Public, response: Any = None, status: int = 200, subject: str = ""
    ) -> Callable[[V], V]:
        """A route that acts; with an `Idempotency-Key` it acts once. `status` 201 where it makes something."""
        return self._add("POST", path, permission, response, status, subject)

    def put(self, path: str, *, permission: str | _Public, response: Any = None, subject: str = "") -> Callable[[V], V]:
        """A route that sets something to a value."""
        return self._add("PUT", path, permission, response, subject=subject)

    def patch(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that changes part of something."""
        return self._add("PATCH", path, permission, response)

    def delete(self, path: str, *, permission: str | _Public, response: Any = None) -> Callable[[V], V]:
        """A route that ends something."""
        return self._add("DELETE", path, permission, response)
