"""RFC 9457 problems: one shape for everything that goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from scoc.core.http.request import language
from scoc.core.refusals import FieldError, Refusal, TooMuch

log = logging.getLogger(__name__)
_REMEDIES: Mapping[str, str] = {
    "missing": "Send this field.",
    "extra_forbidden": "Leave this field out.",
    "int_parsing": "Send a whole number.",
    "int_type": "Send a whole number.",
    "float_parsing": "Send a number.",
    "string_too_long": "Send a shorter text.",
    "json_invalid": "Send valid JSON.",
}
_SENTENCES = {
    "not_signed_in": ("请先登录。", "Sign in first."),
    "invalid": ("输入有误，请按提示修改。", "The input does not fit; see the fields."),
    "fault": ("系统内部错误，已记录。", "Something broke on our side; it was recorded."),
}


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """One problem as `application/problem+json`."""
    body: dict[str, Any] = {
        "type": f"urn:scoc:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [{"field": e.field, "message": e.message, "remedy": e.remedy} for e in errors],
        "correlation": getattr(request, "correlation", ""),
    }
    return JsonResponse(
        body, status=status, headers=headers, content_type="application/problem+json",
        json_dumps_params={"ensure_ascii": False},
    )  # fmt: skip


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a problem, in the caller's language."""
    headers = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooMuch) else None
    return problem(
        request, refusal.status, refusal.code, refusal.message.in_(language(request)), refusal.errors, headers
    )


def _sentence(request: HttpRequest, code: str) -> str:
    zh, en = _SENTENCES[code]
    return en if language(request) == "en" else zh


def _of_validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = tuple(
        FieldError(
            ".".join(str(part) for part in item["loc"] if part not in {"body", "query", "path", "payload"}) or "body",
            str(item["msg"]),
            _REMEDIES.get(str(item["type"]), ""),
        )
        for item in error.errors[:50]
    )
    return problem(request, 422, "invalid", _sentence(request, "invalid"), errors)


def install(api: NinjaAPI) -> None:
    """Have the API answer every failure as a problem."""

    def refused(request: HttpRequest, error: Refusal | type[Refusal]) -> HttpResponse:
        assert isinstance(error, Refusal)
        return of_refusal(request, error)

    def unsigned(request: HttpRequest, _: AuthenticationError | type[AuthenticationError]) -> HttpResponse:
        return problem(request, 401, "not_signed_in", _sentence(request, "not_signed_in"))

    def misfit(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
        assert isinstance(error, ValidationError)
        return _of_validation(request, error)

    def other(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
        assert isinstance(error, HttpError)
        return problem(request, error.status_code, "bad_request", error.message)

    def fault(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
        log.error("fault at %s", request.path, exc_info=error if isinstance(error, Exception) else None)
        return problem(request, 500, "fault", _sentence(request, "fault"))

    api.add_exception_handler(Refusal, refused)
    api.add_exception_handler(AuthenticationError, unsigned)
    api.add_exception_handler(ValidationError, misfit)
    api.add_exception_handler(HttpError, other)
    api.add_exception_handler(Exception, fault)
