"""Categories, code sets, assets and their links of a pack (分类、代码、部件)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from scoc.core.city.reading import Pack
from scoc.core.city.sections import Changes, PackRow, Problem, Section, text_of
from scoc.core.models import Area, Asset, AssetLink, Category, Code, Organisation
from scoc.core.now import city_now, city_today, wall_now
from scoc.core.pack.fields import ALWAYS, ALWAYS_DAY, EN, ZH
from scoc.kit.coordinates import Datum, convert
from scoc.kit.identifiers import component_code_valid

LINK_KINDS = "asset_link"
"""The code set that names the kinds of links."""
_COMPONENT = 16


class CategoryIn(PackRow):
    """A class of components or events; the key is (kind, major, minor)."""

    kind: Literal["component", "event"]
    major: str = Field(pattern=r"^\d{2}$")
    minor: str = Field(pattern=r"^\d{2}$")
    name_zh: str = ZH
    name_en: str = EN

    @property
    def code(self) -> str:
        """`event/0506`; a major class ends in 00."""
        return f"{self.kind}/{self.major}{self.minor}"


def _categories() -> Iterable[CategoryIn]:
    for row in Category.objects.filter(valid_to=None):
        yield CategoryIn(kind=row.kind, major=row.major, minor=row.minor, name_zh=row.name.zh, name_en=row.name.en)


def _next(model: type[Category | Code], rows: Sequence[Any], ended: Iterable[str]) -> list[dict[str, Any]]:
    """End what changed or went, and give the columns of the next versions."""
    moment = city_now()
    known = dict(model.objects.order_by("version").values_list("code", "version"))
    model.objects.filter(code__in=list(ended), valid_to=None).update(valid_to=moment)
    return [
        {
            "code": row.code, "version": known.get(row.code, 0) + 1, "name": text_of(row), "recorded_at": wall_now(),
            "valid_from": moment if row.code in known else ALWAYS, "source": "city pack",
        }
        for row in rows
    ]  # fmt: skip


def _apply_categories(changes: Changes[CategoryIn]) -> None:
    rows = [*changes.added, *changes.changed]
    columns = _next(Category, rows, [row.code for row in [*changes.removed, *changes.changed]])
    Category.objects.bulk_create(
        Category(kind=row.kind, major=row.major, minor=row.minor, **made)
        for row, made in zip(rows, columns, strict=True)
    )


class CodeIn(PackRow):
    """One value of a code set (代码)."""

    set: str = Field(min_length=1, max_length=18, pattern=r"^[a-z][a-z0-9_]*$")
    value: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
    name_zh: str = ZH
    name_en: str = EN

    @property
    def code(self) -> str:
        """`road_grade/main`."""
        return f"{self.set}/{self.value}"


def _codes() -> Iterable[CodeIn]:
    for row in Code.objects.filter(valid_to=None):
        yield CodeIn(set=row.set, value=row.value, name_zh=row.name.zh, name_en=row.name.en)


def _apply_codes(changes: Changes[CodeIn]) -> None:
    """A renamed value gets its next version; what was said in the old one keeps it."""
    rows = [*changes.added, *changes.changed]
    columns = _next(Code, rows, [row.code for row in [*changes.removed, *changes.changed]])
    Code.objects.bulk_create(
        Code(set=row.set, value=row.value, **made) for row, made in zip(rows, columns, strict=True)
    )


class AssetIn(PackRow):
    """A component or asset of the city (部件), with its place in the datum that it was surveyed in."""

    code: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
    """The component identity code of 16 digits where there is one."""
    category: str = Field(pattern=r"^component/\d{4}$")
    name_zh: str = ZH
    name_en: str = EN
    owner: str | None = None
    """Social credit code of the unit that owns it (权属单位)."""
    area: str | None = None
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    datum: Datum


def _assets() -> Iterable[AssetIn]:
    for row in Asset.objects.filter(valid_to=None).select_related("owner", "area"):
        yield AssetIn(
            code=row.code, category=row.category, name_zh=row.name.zh, name_en=row.name.en,
            owner=row.owner.code if row.owner else None, area=row.area.code if row.area else None, lon=row.lon,
            lat=row.lat, datum=Datum.WGS84,
        )  # fmt: skip


def _normal_asset(row: AssetIn, running: AssetIn | None) -> AssetIn:
    lon, lat = convert(row.lon, row.lat, row.datum, Datum.WGS84)
    return row.model_copy(update={"lon": lon, "lat": lat, "datum": Datum.WGS84})


def _check_assets(pack: Pack, rows: Sequence[tuple[AssetIn, str, int]]) -> Iterable[Problem]:
    west, south, east, north = pack.manifest.bbox
    classes = {getattr(row, "code", "") for row, _, _ in pack.rows["categories"]}
    for row, file, line in rows:
        lon, lat = convert(row.lon, row.lat, row.datum, Datum.WGS84)
        if not (west <= lon <= east and south <= lat <= north):
            yield Problem(file, line, "lon", f"({row.lon}, {row.lat}) lies outside the city's box.",
                          "Order is lon, lat in degrees; check the datum.")  # fmt: skip
        if row.category not in classes:
            yield Problem(file, line, "category", f"`{row.category}` is not among the categories.",
                          "Add it to categories.toml or correct it.")  # fmt: skip
        if len(row.code) == _COMPONENT and row.code.isdigit() and not (
            component_code_valid(row.code) and row.code[6:10] == row.category.removeprefix("component/")
        ):  # fmt: skip
            yield Problem(file, line, "code", f"`{row.code}` does not name the class {row.category}.",
                          "6 digits of the county, 4 of the class, 6 of the serial number.")  # fmt: skip


def _apply_assets(changes: Changes[AssetIn]) -> None:
    """Assets as the pack says; one that left the city ends, and its history stays."""
    today = city_today()
    gone = Asset.objects.filter(code__in=[row.code for row in changes.removed], valid_to=None)
    gone.update(valid_to=today)
    owners = dict(Organisation.objects.values_list("code", "id"))
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    rows = [*changes.added, *changes.changed]
    known = {row.code: row for row in Asset.objects.filter(code__in=[row.code for row in rows])}
    fresh = []
    for row in rows:
        asset = known.get(row.code)
        if asset is None:
            fresh.append(asset := Asset(code=row.code, valid_from=ALWAYS_DAY))
        asset.category, asset.name, asset.valid_to = row.category, text_of(row), None
        asset.owner_id = owners[row.owner] if row.owner else None
        asset.area_id = areas[row.area] if row.area else None
        asset.lon, asset.lat = convert(row.lon, row.lat, row.datum, Datum.WGS84)
        if row.code in known:
            asset.save()
    Asset.objects.bulk_create(fresh, batch_size=500)


class LinkIn(PackRow):
    """One asset belongs to, feeds or controls another (关联)."""

    origin: str
    kind: str = Field(min_length=1, max_length=20)
    """One of the code set `asset_link`."""
    target: str


def _links() -> Iterable[LinkIn]:
    for row in AssetLink.objects.filter(valid_to=None).select_related("origin", "target"):
        yield LinkIn(origin=row.origin.code, kind=row.kind, target=row.target.code)


def _check_links(pack: Pack, rows: Sequence[tuple[LinkIn, str, int]]) -> Iterable[Problem]:
    kinds = sorted(value for set_, value in pack.keys("codes") if set_ == LINK_KINDS)
    for row, file, line in rows:
        if row.kind not in kinds:
            yield Problem(file, line, "kind", f"`{row.kind}` is no kind of link.",
                          f"Use one of the code set {LINK_KINDS}: {', '.join(kinds) or 'none yet'}.")  # fmt: skip
        if row.origin == row.target:
            yield Problem(file, line, "target", "An asset is not linked to itself.", "Remove the row.")


def _apply_links(changes: Changes[LinkIn]) -> None:
    today = city_today()
    ids = dict(Asset.objects.values_list("code", "id"))
    for row in changes.removed:
        AssetLink.objects.filter(
            origin_id=ids[row.origin], target_id=ids[row.target], kind=row.kind, valid_to=None
        ).update(valid_to=today)
    for row in [*changes.added, *changes.changed]:
        AssetLink.objects.update_or_create(
            origin_id=ids[row.origin], target_id=ids[row.target], kind=row.kind, defaults={"valid_to": None},
            create_defaults={"valid_from": ALWAYS_DAY},
        )  # fmt: skip


SECTIONS: tuple[Section[Any], ...] = (
    Section("categories", ("categories.toml",), "category", CategoryIn, ("kind", "major", "minor"),
            _categories, _apply_categories),
    Section("codes", ("codes.toml", "codes/*.csv"), "code", CodeIn, ("set", "value"), _codes,
            _apply_codes),
    Section("assets", ("assets/*.csv",), "asset", AssetIn, ("code",), _assets,
            _apply_assets, references={"owner": "organisations", "area": "areas"},
            check=_check_assets, export_file="assets/assets.csv", normal=_normal_asset),
    Section("asset_links", ("asset_links.csv",), "link", LinkIn, ("origin", "kind", "target"),
            _links, _apply_links, references={"origin": "assets", "target": "assets"},
            check=_check_links),
)  # fmt: skip
"""In the order in which they are applied."""
