"""What every request gets: a correlation id, safe headers, and an end to a lost database connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from whitenoise.middleware import WhiteNoiseMiddleware

from scoc.core.acting import correlated, new_correlation

_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "worker-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def request_context(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Django middleware: one correlation id per request, given back as `X-Correlation-Id`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        correlation = new_correlation()
        request.correlation = correlation  # type: ignore[attr-defined]  # see http.request.Request
        with correlated(correlation):
            if request.path == "/api/v1/core/session":
                get_token(request)  # browsers get their CSRF cookie with the first question they ask
            response = get_response(request)
        response["X-Correlation-Id"] = correlation
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("X-Frame-Options", "DENY")
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("Content-Security-Policy", _POLICY)
        if request.path.startswith("/api/"):
            response.setdefault("Cache-Control", "no-store")
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
