"""The API at `/api/v1/<module>`: routes with their permissions, problems, paging, versions, repeats."""

from scoc.core.http.api import build_api
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.http.request import Request, expected_version, with_version
from scoc.core.http.routes import PUBLIC, ROUTES, Routes

__all__ = [
    "PUBLIC",
    "ROUTES",
    "Page",
    "PageQuery",
    "Request",
    "Routes",
    "build_api",
    "expected_version",
    "paged",
    "with_version",
]
