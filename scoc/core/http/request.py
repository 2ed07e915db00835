"""What a request carries: its viewer, and the version it expects."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from scoc.core.acting import Actor
from scoc.core.http.proxies import address_behind
from scoc.core.refusals import Stale, invalid
from scoc.kit.text import Text


class Request(HttpRequest):
    """A request whose caller is known."""

    viewer: Actor
    correlation: str


def expected_version(request: HttpRequest) -> int | None:
    """The version in `If-Match`, or None. Raises Invalid for anything but `"<number>"`."""
    header = request.headers.get("If-Match")
    if header is None or header == "*":
        return None
    text = header.removeprefix("W/").strip('"')
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise invalid("If-Match", "This is not a version.", 'Send the ETag you were given, e.g. "3".',
                      zh="版本号无效，请发送收到的 ETag。")  # fmt: skip
    return int(text)


def require_version(expected: int | None, actual: int, subject: str = "") -> None:
    """Raises Stale when the row was changed since the caller read it."""
    if expected is not None and expected != actual:
        raise Stale(
            "stale",
            Text(
                f"数据已被他人更新（当前版本 {actual}），请刷新后重试。",
                f"It was changed meanwhile (now version {actual}); load it again.",
            ),
            subject=subject,
        )


def with_version(response: HttpResponse, version: int) -> None:
    """Tell the caller the version it was given."""
    response["ETag"] = f'"{version}"'


def language(request: HttpRequest) -> str:
    """`zh` or `en`, by `Accept-Language`; Chinese first."""
    wanted = request.headers.get("Accept-Language", "zh").lower()
    return "en" if wanted.startswith("en") else "zh"


def client_address(request: HttpRequest) -> str:
    """The caller's address: who connected, or whom the proxies that the city trusts name as having called them."""
    peer = str(request.META.get("REMOTE_ADDR") or "")
    environment = settings.ENVIRONMENT
    told = request.headers.get(environment.proxy_header, "") if environment.proxies else ""
    return address_behind(peer, told, environment.proxies)[:45]
