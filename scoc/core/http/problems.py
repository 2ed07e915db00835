"""RFC 9457 problems: one shape for everything that goes wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from scoc.core.http.request import language
from scoc.core.http.validation import field_error
from scoc.core.refusals import FieldError, Refusal, TooMuch
from scoc.kit.text import Text

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_SENTENCES: Mapping[str, Text] = {
    "not_signed_in": Text("请先登录。", "Sign in first."),
    "invalid": Text("输入有误，请按提示修改。", "The input does not fit; see the fields."),
    "fault": Text("系统内部错误，已记录。", "Something broke on our side; it was recorded."),
    "bad_request": Text("无法读取请求。", "The request cannot be read."),
    "forbidden": Text("不允许。", "That is not allowed."),
    "not_found": Text("没有这个地址。", "There is no such address."),
    "method_not_allowed": Text("该地址不支持此方法。", "This address does not take that method."),
    "too_large": Text("请求过大。", "The request is too large."),
    "too_slow": Text("请求体发送过慢。", "The body came too slowly."),
    "unsupported_media_type": Text("请发送 application/json。", "Send application/json."),
    "records_away": Text("数据库暂时不可用，请稍后重试。", "The records store does not answer; try again soon."),
}
_CODES = {
    400: "bad_request", 401: "not_signed_in", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    413: "too_large", 415: "unsupported_media_type", 422: "invalid", 503: "records_away",
}  # fmt: skip


def problem_body(
    status: int, code: str, detail: str, errors: tuple[FieldError, ...] = (), correlation: str = "", *, zh: bool = False
) -> dict[str, Any]:
    """One problem as RFC 9457 writes it; `zh` chooses the language of what is said about fields."""
    return {
        "type": f"urn:scoc:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [
            {
                "field": e.field,
                "message": e.message.zh if zh else e.message.en,
                "remedy": e.remedy.zh if zh else e.remedy.en,
            }
            for e in errors
        ],
        "correlation": correlation,
    }


def problem(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str = "",
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """One problem as `application/problem+json`; a code that is known here brings its own sentence."""
    known = _SENTENCES.get(code)
    told = detail or (known.in_(language(request)) if known else HTTPStatus(status).phrase)
    zh = not language(request).startswith("en")
    return JsonResponse(
        problem_body(status, code, told, errors, getattr(request, "correlation", ""), zh=zh),
        status=status, headers=headers, content_type=MEDIA_TYPE, json_dumps_params={"ensure_ascii": False},
    )  # fmt: skip


def plain_problem(status: int) -> bytes:
    """A problem for those parts that answer without a request object, in English."""
    code = _CODES[status]
    return json.dumps(problem_body(status, code, _SENTENCES[code].en)).encode()


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a problem, in the caller's language."""
    headers = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooMuch) else None
    return problem(
        request, refusal.status, refusal.code, refusal.message.in_(language(request)), refusal.errors, headers
    )


def of_response(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """An error that somebody else answered in another form, e.g. for an unknown address, as a problem."""
    if response.status_code < 400 or response.get("Content-Type", "").startswith(MEDIA_TYPE):
        return response
    headers = {name: response[name] for name in ("Allow", "Retry-After") if name in response}
    code = _CODES.get(response.status_code, "fault" if response.status_code >= 500 else "bad_request")
    return problem(request, response.status_code, code, headers=headers)


def _of_validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problem(request, 422, "invalid", errors=tuple(field_error(item) for item in error.errors[:50]))


def _of_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    cause = error.__cause__
    if isinstance(cause, Refusal):
        return of_refusal(request, cause)
    if isinstance(cause, RequestDataTooBig):
        return problem(request, 413, "too_large")
    if isinstance(cause, HttpError):
        error = cause
    return problem(request, error.status_code, _CODES.get(error.status_code, "bad_request"), error.message)


def of_error(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Whatever was raised as a problem; what is no fault of the caller's is logged."""
    match error:
        case Refusal():
            return of_refusal(request, error)
        case AuthenticationError():
            return problem(request, 401, "not_signed_in", headers={"WWW-Authenticate": 'Session realm="scoc"'})
        case ValidationError():
            return _of_validation(request, error)
        case HttpError():
            return _of_http_error(request, error)
        case RequestDataTooBig():
            return problem(request, 413, "too_large")
        case SuspiciousOperation() | MultiPartParserError() | UnreadablePostError():
            return problem(request, 400, "bad_request")
        case Http404():
            return problem(request, 404, "not_found")
        case OperationalError() | InterfaceError():
            log.error("the records store failed at %s", request.path, exc_info=error)
            return problem(request, 503, "records_away", headers={"Retry-After": "2"})
        case _:
            log.error("fault at %s", request.path, exc_info=error if isinstance(error, Exception) else None)
            return problem(request, 500, "fault")


def install(api: NinjaAPI) -> None:
    """Have the API answer every failure as a problem."""
    for kind in (Exception, Refusal, AuthenticationError, ValidationError, HttpError, Http404):
        api.add_exception_handler(kind, of_error)
