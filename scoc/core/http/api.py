"""The API object, with the routes of every installed module."""

from __future__ import annotations

import sys

from ninja import NinjaAPI

from scoc.core.declarations import declared
from scoc.core.http import inventory, own, problems, registers
from scoc.core.http.rendering import CarefulParser, ReadableJson


def build_api() -> NinjaAPI:
    """The API at /api/v1: each module's routes under its own name."""
    api = NinjaAPI(
        title="SCOC", version="1", description="智慧城市运营中心 · Smart City Operation Center",
        urls_namespace="api", renderer=ReadableJson(), parser=CarefulParser(), docs_url=None,
        openapi_url="/openapi.json",
    )  # fmt: skip
    problems.install(api)
    for part in (own, registers, inventory):
        api.add_router("/core", part.routes.router, tags=["core"])
    for module in declared("http"):
        if module is not sys.modules["scoc.core.http"]:
            name = module.__name__.split(".")[-2]
            api.add_router(f"/{name}", module.routes.router, tags=[name])
    return api
