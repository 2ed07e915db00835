"""The front end's two pages, as built files, and the health check."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from scoc.core import audit


@lru_cache(maxsize=4)
def _page(name: str) -> str | None:
    folder: Path | None = settings.SCOC_WEB
    file = folder / name if folder else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else None


def _serve(request: HttpRequest, name: str) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405)
    page = _page(name)
    if page is None:
        return HttpResponse("The front end is not built; run `make web`.", status=503, content_type="text/plain")
    response = HttpResponse(page, content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def console_page(request: HttpRequest) -> HttpResponse:
    """The console (业务工作台); the browser finds its way inside."""
    return _serve(request, "index.html")


def cockpit_page(request: HttpRequest, rest: str | None = None) -> HttpResponse:
    """The cockpit (领导驾驶舱)."""
    return _serve(request, "cockpit.html")


def health(request: HttpRequest) -> HttpResponse:
    """200 when the records store answers and the audit is written; 503 with the reason otherwise."""
    problems = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        problems.append("the records store does not answer")
    if audit.overdue():
        problems.append("the audit cannot be written")
    return JsonResponse(
        {"status": "ok" if not problems else "failing", "problems": problems}, status=503 if problems else 200
    )
