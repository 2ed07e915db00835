"""What every request gets: a correlation id, safe headers, the page's token, and problems in one form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from whitenoise.middleware import WhiteNoiseMiddleware

from scoc.core.acting import correlated, new_correlation
from scoc.core.http.problems import of_refusal, of_response, problem
from scoc.core.http.rendering import unreadable

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_SESSION = "/api/v1/core/session"


def request_context(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Django middleware: one correlation id per request, given back as `X-Correlation-Id`."""
    csrf = CsrfViewMiddleware(get_response)

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path != "/healthz":  # which is asked by address
            try:
                request.get_host()
            except DisallowedHost:
                return problem(request, 400, "unknown_host", "This host name is not among SCOC_HOSTS.")
        if not request.path.startswith("/api/"):
            return get_response(request)
        if "\0" in request.path:
            return of_refusal(request, unreadable("path"))
        csrf.process_request(request)
        if request.path == _SESSION:
            get_token(request)  # browsers get their token's cookie with the first question they ask
        response = of_response(request, get_response(request))
        csrf.process_response(request, response)
        response.setdefault("Cache-Control", "no-store")
        return response

    def middleware(request: HttpRequest) -> HttpResponse:
        correlation = new_correlation()
        request.correlation = correlation  # type: ignore[attr-defined]  # see http.request.Request
        with correlated(correlation):
            response = answer(request)
        response["X-Correlation-Id"] = correlation
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("X-Frame-Options", "DENY")
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("Content-Security-Policy", _POLICY)
        if settings.ENVIRONMENT.tls:
            response.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    return middleware


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it brings no types
    """The built front end under /static/, handed to the web server whole: the files are small and named by content."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """One file, a range of it, or the word that the browser's copy still holds."""
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(found.file.read() if found.file else b"", status=int(found.status))
        if found.file:
            found.file.close()
        del response["content-type"]
        for key, value in found.headers:
            response[key] = value
        return response
