"""Routes of code sets and assets."""

from __future__ import annotations

from ninja.params.functions import Path, Query

from scoc.core import inventory
from scoc.core.http.paging import Page, PageQuery
from scoc.core.http.request import Request
from scoc.core.http.routes import Routes
from scoc.core.inventory import AssetOut, AssetRow, CodeRow

routes = Routes()
CODE = r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$"


@routes.get("/codes", permission="core.read_directory", response=Page[CodeRow])
def codes(
    request: Request,
    page: PageQuery = Query(...),
    set_: str | None = Query(None, alias="set", max_length=40, pattern=r"^[a-z][a-z0-9_]*$"),
) -> Page[CodeRow]:
    """The values of code sets, of one set if given."""
    return inventory.code_values(request.viewer, page, set_)


@routes.get("/assets", permission="core.read_assets", response=Page[AssetRow])
def assets(
    request: Request,
    page: PageQuery = Query(...),
    category: str | None = Query(None, max_length=14, pattern=r"^component/\d{4}$"),
    area: str | None = Query(None, max_length=20, pattern=r"^\d+$"),
    owner: str | None = Query(None, max_length=18, pattern=r"^[0-9A-Z]+$"),
) -> Page[AssetRow]:
    """The assets of a day by code, of one class, in one area or of one owner if given."""
    return inventory.assets(request.viewer, page, category, area, owner)


@routes.get("/assets/{code}", permission="core.read_assets", response=AssetOut)
def asset(request: Request, code: str = Path(..., max_length=40, pattern=CODE)) -> AssetOut:
    """One asset with its links."""
    return inventory.asset(request.viewer, code)
