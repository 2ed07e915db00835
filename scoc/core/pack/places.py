"""Areas and organisations of a pack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from pydantic import Field

from scoc.core.city.reading import Manifest, Pack
from scoc.core.city.sections import (
    Changes,
    PackRow,
    Problem,
    city_settings,
    text_of,
)
from scoc.core.models import (
    Area,
    Organisation,
    OrganisationName,
)
from scoc.core.now import city_now
from scoc.core.pack.fields import EN, ZH
from scoc.kit.identifiers import credit_code_valid


class AreaIn(PackRow):
    """One area of the pack; its shape belongs to `spatial`."""

    code: str = Field(min_length=6, max_length=20, pattern=r"^\d+$")
    level: Literal["city", "district", "street", "community", "grid"]
    parent: str | None = None
    name_zh: str = ZH
    name_en: str = EN
    population: int | None = Field(None, ge=0, le=10**10)
    valid_from: date = date(2020, 1, 1)


def _areas() -> Iterable[AreaIn]:
    for row in Area.objects.filter(valid_to=None).exclude(level="city").select_related("parent"):
        parent = row.parent if row.parent and row.parent.level != "city" else None
        yield AreaIn(
            code=row.code, level=row.level, parent=parent.code if parent else None, name_zh=row.name.zh,
            name_en=row.name.en, population=row.population, valid_from=row.valid_from,
        )  # fmt: skip


_LEVELS = ("city", "district", "street", "community", "grid")


def _check_areas(pack: Pack, rows: Sequence[tuple[AreaIn, str, int]]) -> Iterable[Problem]:
    levels = {row.code: row.level for row, _, _ in rows}
    for row, file, line in rows:
        if row.level == "city" or row.code == pack.manifest.code:
            yield Problem(file, line, "code", "The city itself is made of city.toml.", "Remove the row.")
        if row.parent in (None, pack.manifest.code):
            continue
        above = levels.get(row.parent)
        if above is None:
            yield Problem(file, line, "parent", f"`{row.parent}` is not among the areas.",
                          "Add it to the files in areas/ or correct it.")  # fmt: skip
        elif _LEVELS.index(above) >= _LEVELS.index(row.level):
            yield Problem(file, line, "parent", f"A {row.level} does not lie in a {above}.",
                          "Name an area of a coarser level.")  # fmt: skip


def _the_city() -> Area:
    head = city_settings(Manifest)
    area, _ = Area.objects.get_or_create(
        code=head.code, version=1,
        defaults={"level": "city", "name": text_of(head), "path": f"{head.code}/", "valid_from": date(2020, 1, 1)},
    )  # fmt: skip
    return area


def _apply_areas(changes: Changes[AreaIn]) -> None:
    """New areas are added; a changed one gets a new version, so that old rows keep the old; a removed one ends."""
    today = city_now().date()
    known = {row.code: row for row in Area.objects.filter(valid_to=None)}
    known[_the_city().code] = _the_city()
    city = city_settings(Manifest).code
    for row in changes.removed:
        Area.objects.filter(code=row.code, valid_to=None).update(valid_to=today)
    order = {level: n for n, level in enumerate(("district", "street", "community", "grid"))}
    for level in order:
        fresh = []
        for row in [*changes.added, *changes.changed]:
            if row.level != level:
                continue
            parent = known[row.parent or city]
            before = known.get(row.code)
            if before is not None:
                Area.objects.filter(pk=before.pk).update(valid_to=today)
            fresh.append(
                Area(code=row.code, version=before.version + 1 if before else 1, level=row.level, name=text_of(row),
                     parent=parent, path=f"{parent.path}{row.code}/", population=row.population,
                     valid_from=today if before else row.valid_from)
            )  # fmt: skip
        for area in Area.objects.bulk_create(fresh):
            known[area.code] = area


class OrganisationIn(PackRow):
    """One organisation, known by its unified social credit code."""

    code: str
    kind: Literal["government", "bureau", "utility", "district", "street", "centre"]
    name_zh: str = ZH
    name_en: str = EN
    short_zh: str = ZH
    short_en: str = EN
    parent: str | None = None
    area: str | None = None


def _check_organisations(pack: Pack, rows: Sequence[tuple[OrganisationIn, str, int]]) -> Iterable[Problem]:
    for row, file, line in rows:
        if not credit_code_valid(row.code):
            yield Problem(file, line, "code", f"`{row.code}` fails the check digit of GB 32100.", "Correct the code.")


def _organisations() -> Iterable[OrganisationIn]:
    for row in Organisation.objects.filter(valid_to=None).select_related("parent", "area"):
        yield OrganisationIn(
            code=row.code, kind=row.kind, name_zh=row.name.zh, name_en=row.name.en, short_zh=row.short.zh,
            short_en=row.short.en, parent=row.parent.code if row.parent else None,
            area=row.area.code if row.area and row.area.level != "city" else None,
        )  # fmt: skip


def _apply_organisations(changes: Changes[OrganisationIn]) -> None:
    today = city_now().date()
    Organisation.objects.filter(code__in=[row.code for row in changes.removed]).update(valid_to=today)
    waiting = [*changes.added, *changes.changed]
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    known = {row.code: row for row in Organisation.objects.all()}
    while waiting:
        ready = [row for row in waiting if not row.parent or all(row.parent != other.code for other in waiting)]
        if not ready:
            raise ValueError("Organisations form a circle of parents.")
        for row in ready:
            parent = known.get(row.parent or "")
            before = known.get(row.code)
            known[row.code], _ = Organisation.objects.update_or_create(
                code=row.code,
                defaults={
                    "kind": row.kind, "name": text_of(row), "short": text_of(row, "short"), "parent": parent,
                    "path": f"{parent.path if parent else ''}{row.code}/", "valid_to": None,
                    "area_id": areas.get(row.area or city_settings(Manifest).code), "valid_from": date(2020, 1, 1),
                },
            )  # fmt: skip
            if before is None or before.name != text_of(row):
                OrganisationName.objects.filter(organisation=known[row.code], valid_to=None).update(valid_to=today)
                OrganisationName.objects.create(
                    organisation=known[row.code], name=text_of(row),
                    valid_from=today if before else date(2020, 1, 1),
                )  # fmt: skip
        waiting = [row for row in waiting if row not in ready]
