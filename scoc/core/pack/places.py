"""Areas and organisations of a pack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from scoc.core.city.reading import Manifest, Pack
from scoc.core.city.sections import Changes, PackRow, Problem, Section, city_settings, text_of
from scoc.core.models import (
    Area,
    AreaSuccession,
    Organisation,
    OrganisationName,
)
from scoc.core.now import city_today, wall_today
from scoc.core.pack.divisions import next_of, replace
from scoc.core.pack.fields import ALWAYS_DAY, EN, ZH, from_csv
from scoc.kit.identifiers import credit_code_valid

_LEVELS = ("city", "district", "street", "community", "grid")
MOST_ABOVE = 16
"""Organisations above one another; deeper is no city's tree."""


class AreaIn(PackRow):
    """One area of the pack; its shape belongs to `spatial`."""

    code: str = Field(min_length=6, max_length=20, pattern=r"^\d+$")
    level: Literal["city", "district", "street", "community", "grid"]
    parent: str | None = None
    name_zh: str = ZH
    name_en: str = EN
    population: int | None = Field(None, ge=0, le=10**10)
    took_over: Annotated[list[str], BeforeValidator(from_csv)] = Field(default_factory=list, max_length=100)
    """Codes of other areas whose place it took, wholly or in part: a merger, a split, a new code (区划沿革)."""
    valid_from: date | None = None
    """First day of the version that the row tells of. A change without a later day than the running version's holds
    from the day it is applied; the first version of an area, from always."""


def _areas() -> Iterable[AreaIn]:
    took_over: dict[str, set[str]] = {}
    for code, other in AreaSuccession.objects.values_list("successor__code", "predecessor__code"):
        took_over.setdefault(code, set()).add(other)
    for row in Area.objects.filter(valid_to=None).exclude(level="city").select_related("parent"):
        parent = row.parent if row.parent and row.parent.level != "city" else None
        yield AreaIn(
            code=row.code, level=row.level, parent=parent.code if parent else None, name_zh=row.name.zh,
            name_en=row.name.en, population=row.population, valid_from=row.valid_from,
            took_over=sorted(took_over.get(row.code, set()) - {row.code}),
        )  # fmt: skip


def _normal_area(row: AreaIn, running: AreaIn | None) -> AreaIn:
    if running is None or running.valid_from is None:
        return row
    since = running.valid_from if row.valid_from is None else max(row.valid_from, running.valid_from)
    parent = None if row.parent == city_settings(Manifest).code else row.parent
    return row.model_copy(update={"valid_from": since, "parent": parent, "took_over": sorted(set(row.took_over))})


def _check_areas(pack: Pack, rows: Sequence[tuple[AreaIn, str, int]]) -> Iterable[Problem]:
    levels = {row.code: row.level for row, _, _ in rows}
    known = levels.keys() | set(Area.objects.values_list("code", flat=True))
    for row, file, line in rows:
        if row.level == "city" or row.code == pack.manifest.code:
            yield Problem(file, line, "code", "The city itself is made of city.toml.", "Remove the row.")
        if row.valid_from is not None and row.valid_from > wall_today():
            yield Problem(file, line, "valid_from", f"{row.valid_from} is still to come.",
                          "Apply the change on that day.")  # fmt: skip
        for code in row.took_over:
            if code not in known or code == row.code:
                yield Problem(file, line, "took_over", f"`{code}` is no other area, of now or of before.",
                              "Name the codes of the areas whose place it took.")  # fmt: skip
        if row.parent in (None, pack.manifest.code):
            continue
        above = levels.get(row.parent)
        if above is None:
            yield Problem(file, line, "parent", f"`{row.parent}` is not among the areas.",
                          "Add it to the files in areas/ or correct it.")  # fmt: skip
        elif _LEVELS.index(above) >= _LEVELS.index(row.level):
            yield Problem(file, line, "parent", f"A {row.level} does not lie in a {above}.",
                          "Name an area of a coarser level.")  # fmt: skip


def keep_city() -> Area:
    """The area of the whole city, under the name that `city.toml` gives it."""
    head = city_settings(Manifest)
    area = Area.objects.filter(level=Area.Level.CITY, valid_to=None).first()
    if area is None:
        return Area.objects.create(
            code=head.code, level=Area.Level.CITY, name=text_of(head), path=f"{head.code}/", valid_from=ALWAYS_DAY
        )
    if area.name != text_of(head):
        area = next_of(before := area, city_today(), name=text_of(head))
        replace([(before, area)])
    return area


def _apply_areas(changes: Changes[AreaIn]) -> None:
    """New areas are added; a changed one, and what lies below one that moved, gets a new version; a removed one ends.

    Old rows keep the version that they were written in.
    """
    today = city_today()
    Area.objects.filter(code__in=[row.code for row in changes.removed], valid_to=None).update(valid_to=today)
    before = {row.code: row for row in Area.objects.order_by("version")}
    city = city_settings(Manifest).code
    touched = {row.code for row in [*changes.added, *changes.changed]}
    newest, made = {**before, city: keep_city()}, set[str]()
    for level in _LEVELS[1:]:
        fresh: list[Area] = []
        pairs: list[tuple[Area, Area]] = []
        for row in changes.rows:
            if row.level != level:
                continue
            old, parent = before.get(row.code), newest[row.parent or city]
            path = f"{parent.path}{row.code}/"
            if old is None:
                fresh.append(
                    Area(code=row.code, level=level, name=text_of(row), parent=parent, path=path,
                         population=row.population, valid_from=row.valid_from or ALWAYS_DAY)
                )  # fmt: skip
                continue
            if row.code not in touched and old.path == path:
                continue
            after = next_of(
                old, _since(row, old, parent.valid_from if parent.code in made else today, today), level=level,
                name=text_of(row), parent_id=parent.pk, path=path, population=row.population,
            )  # fmt: skip
            if _content(after) != _content(old) or old.valid_to is not None:
                pairs.append((old, after))
                made.add(row.code)
            elif row.valid_from is not None and row.valid_from > old.valid_from:
                _begin(old, row.valid_from)
        newest.update((area.code, area) for area in [*Area.objects.bulk_create(fresh), *(new for _, new in pairs)])
        replace(pairs)
    _keep_successions([*changes.added, *changes.changed], before, newest, today)


def _content(area: Area) -> tuple[object, ...]:
    return area.level, area.name, area.path, area.population


def _since(row: AreaIn, old: Area, above_since: date, today: date) -> date:
    """The first day of an area's next version: as the pack says, else that of the area above, else today."""
    ended = old.valid_to or old.valid_from
    if row.valid_from is not None and row.valid_from > old.valid_from:
        return max(row.valid_from, ended)
    return max(min(above_since, today), ended)


def _begin(area: Area, day: date) -> None:
    """Correct the day that a version began."""
    Area.objects.filter(code=area.code, version=area.version - 1).update(valid_to=day)
    Area.objects.filter(pk=area.pk).update(valid_from=day)
    AreaSuccession.objects.filter(successor=area).update(happened_on=day)


def _keep_successions(
    rows: Iterable[AreaIn], before: Mapping[str, Area], newest: Mapping[str, Area], today: date
) -> None:
    """What each area took over, as the pack says; from its own former versions it follows anyway."""
    for row in rows:
        told = AreaSuccession.objects.filter(successor__code=row.code).exclude(predecessor__code=row.code)
        told.exclude(predecessor__code__in=row.took_over).delete()
        known = set(told.values_list("predecessor__code", flat=True))
        for code in sorted(set(row.took_over) - known):
            AreaSuccession.objects.create(
                predecessor=before.get(code) or newest[code], successor=newest[row.code],
                happened_on=row.valid_from or today,
            )  # fmt: skip


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


def _above(parents: Mapping[str, str | None], code: str) -> list[str]:
    """The organisations above one, the nearest first; where they form a circle, each once and then `code` again."""
    found: list[str] = []
    parent = parents.get(code)
    while parent:
        found.append(parent)
        if parent == code or parent in found[:-1]:
            break
        parent = parents.get(parent)
    return found


def _check_organisations(pack: Pack, rows: Sequence[tuple[OrganisationIn, str, int]]) -> Iterable[Problem]:
    parents = {row.code: row.parent for row, _, _ in rows}
    for row, file, line in rows:
        if not credit_code_valid(row.code):
            yield Problem(file, line, "code", f"`{row.code}` fails the check digit of GB 32100.", "Correct the code.")
        above = _above(parents, row.code)
        if row.code in above:
            yield Problem(file, line, "parent", f"It stands above itself: {' → '.join([row.code, *above])}.",
                          "Name a parent that does not stand below it.")  # fmt: skip
        elif len(above) > MOST_ABOVE:
            yield Problem(file, line, "parent", f"More than {MOST_ABOVE} organisations stand above it.",
                          "Name a parent nearer to the top.")  # fmt: skip


def _organisations() -> Iterable[OrganisationIn]:
    for row in Organisation.objects.filter(valid_to=None).select_related("parent", "area"):
        yield OrganisationIn(
            code=row.code, kind=row.kind, name_zh=row.name.zh, name_en=row.name.en, short_zh=row.short.zh,
            short_en=row.short.en, parent=row.parent.code if row.parent else None,
            area=row.area.code if row.area and row.area.level != "city" else None,
        )  # fmt: skip


def _apply_organisations(changes: Changes[OrganisationIn]) -> None:
    """Organisations as the pack says, and the paths of all that stand below one that moved; a removed one ends."""
    today = city_today()
    gone = [row.code for row in changes.removed]
    Organisation.objects.filter(code__in=gone, valid_to=None).update(valid_to=today)
    OrganisationName.objects.filter(organisation__code__in=gone, valid_to=None).update(valid_to=today)
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    known = {row.code: row for row in Organisation.objects.all()}
    parents = {row.code: row.parent for row in changes.rows}
    touched = {row.code for row in [*changes.added, *changes.changed]}
    for row in sorted(changes.rows, key=lambda row: len(_above(parents, row.code))):
        parent, made = known.get(row.parent or ""), known.get(row.code)
        path = f"{parent.path if parent else ''}{row.code}/"
        if row.code not in touched:
            if made is not None and made.path != path:
                made.path = path
                made.save(update_fields=["path"])
            continue
        made = known[row.code] = made or Organisation(code=row.code, valid_from=ALWAYS_DAY)
        made.kind, made.name, made.short = row.kind, text_of(row), text_of(row, "short")
        made.parent, made.path, made.valid_to = parent, path, None
        made.area_id = areas[row.area or city_settings(Manifest).code]
        made.save()
        _keep_name(made, today)


def _keep_name(organisation: Organisation, today: date) -> None:
    """The history of an organisation's names (更名): the one it has now begins today where it is another."""
    names = OrganisationName.objects.filter(organisation=organisation)
    if names.filter(valid_to=None, name=organisation.name).exists():
        return
    first = not names.exists()
    names.filter(valid_to=None).update(valid_to=today)
    OrganisationName.objects.create(
        organisation=organisation, name=organisation.name, valid_from=ALWAYS_DAY if first else today
    )


SECTIONS: tuple[Section[Any], ...] = (
    Section("areas", ("areas/*.geojson", "areas/*.csv", "areas.toml"), "area", AreaIn, ("code",), _areas,
            _apply_areas, check=_check_areas, export_file="areas.toml", normal=_normal_area),
    Section("organisations", ("organisations.toml",), "organisation", OrganisationIn, ("code",),
            _organisations, _apply_organisations,
            references={"parent": "organisations", "area": "areas"}, check=_check_organisations),
)  # fmt: skip
"""In the order in which they are applied."""
