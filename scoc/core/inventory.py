"""What others may read of code sets, assets and their links (代码、部件)."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q
from ninja import Schema

from scoc.core import now
from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import Asset, AssetLink, Code
from scoc.core.refusals import no_such
from scoc.core.schemas import TextOut, text_out
from scoc.core.validity import lying_in, valid_at

MOST_LINKS = 200
_OWNED = {"organisation": "owner", "area": "area", "run": ""}


class CodeRow(Schema):
    """One value of a code set."""

    set: str
    value: str
    name: TextOut
    version: int


class AssetRow(Schema):
    """An asset in a list; its place is WGS84."""

    code: str
    category: str
    name: TextOut
    owner: str | None
    """Social credit code of the unit that owns it."""
    area: str | None
    lon: float
    lat: float
    valid_from: date
    valid_to: date | None


class LinkRow(Schema):
    """One link of an asset: what it does to another, or another to it."""

    kind: str
    origin: str
    target: str


class AssetOut(AssetRow):
    """An asset with its links."""

    links: list[LinkRow]


def _on(moment: datetime | None) -> Q:
    return valid_at((moment or now.city_now()).astimezone(now.city_zone()).date())


@query("core.read_directory")
def code_values(viewer: Viewer, page: PageQuery, set_: str | None = None) -> Page[CodeRow]:
    """The values of code sets that hold at a time (now by default), of one set if given, by set and value."""
    rows = Code.objects.filter(valid_at(page.as_of or now.city_now()))
    if set_:
        rows = rows.filter(set=set_)
    return paged(
        rows, page, ("set", "value", "id"),
        lambda row: CodeRow(set=row.set, value=row.value, name=text_out(row.name), version=row.version),
    )  # fmt: skip


def _asset_row(row: Asset) -> AssetRow:
    return AssetRow(
        code=row.code, category=row.category, name=text_out(row.name), owner=row.owner.code if row.owner else None,
        area=row.area.code if row.area else None, lon=row.lon, lat=row.lat, valid_from=row.valid_from,
        valid_to=row.valid_to,
    )  # fmt: skip


@query("core.read_assets")
def assets(
    viewer: Viewer, page: PageQuery, category: str | None = None, area: str | None = None, owner: str | None = None
) -> Page[AssetRow]:
    """The assets of a day (today by default) by code, of one class, in one area or of one owner if given."""
    rows = visible(viewer, Asset.objects.filter(_on(page.as_of)), "core.read_assets", _OWNED)
    if category:
        rows = rows.filter(category=category)
    if owner:
        rows = rows.filter(owner__code=owner)
    if area:
        rows = lying_in(rows, area)
    return paged(rows.select_related("owner", "area"), page, ("code",), _asset_row)


@query("core.read_assets")
def asset(viewer: Viewer, code: str) -> AssetOut:
    """One asset, also one that ended, with its links of today. Raises NotFound outside of the viewer's scope."""
    rows = visible(viewer, Asset.objects.filter(code=code), "core.read_assets", _OWNED)
    row = rows.select_related("owner", "area").first()
    if row is None:
        raise no_such("部件", "asset", "core:asset")
    links = AssetLink.objects.filter(Q(origin=row) | Q(target=row), _on(None)).select_related("origin", "target")
    return AssetOut(
        **_asset_row(row).model_dump(),
        links=[
            LinkRow(kind=link.kind, origin=link.origin.code, target=link.target.code)
            for link in links.order_by("id")[:MOST_LINKS]
        ],
    )
