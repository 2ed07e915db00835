"""Versions of areas (区划变更): a change makes the next version, and whoever stands in an area follows to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Model, QuerySet

from scoc.core.acting import acting
from scoc.core.models import Area, AreaSuccession, Asset, Organisation, Post
from scoc.core.now import city_today

Follower = Callable[[Mapping[int, int]], None]
_followers: list[Follower] = []
_made: tuple[str, set[str]] = ("", set())


def follow_areas(follower: Follower) -> Follower:
    """Let a module's rows follow areas to their next versions: it is given old ids with the new ones.

    For what is where it is now. What happened, such as a case, keeps the version that it happened in.
    """
    _followers.append(follower)
    return follower


def moved_on(rows: QuerySet[Any], versions: Mapping[int, int], **further: object) -> None:
    """Set the `area` of those rows that stand in an old version to its new one."""
    for old, new in versions.items():
        rows.filter(area_id=old).update(area_id=new, **further)


@follow_areas
def _core_follows(versions: Mapping[int, int]) -> None:
    for model in (Post, Organisation, Asset):
        moved_on(_running(model), versions)


def _running(model: type[Model]) -> QuerySet[Any]:
    return model._default_manager.filter(valid_to=None)


def replace(pairs: Sequence[tuple[Area, Area]]) -> None:
    """End each old version on the day its new one begins; below it and around it everybody follows.

    A new version that begins on the day of the old one is no further version: the old one takes its content, since
    validity counts in days.
    """
    fresh = [(before, after) for before, after in pairs if not _amended(before, after)]
    Area.objects.bulk_create([after for _, after in fresh])
    for before, after in fresh:
        Area.objects.filter(pk=before.pk, valid_to=None).update(valid_to=after.valid_from)
        Area.objects.filter(parent_id=before.pk, valid_to=None).update(parent_id=after.pk)
    AreaSuccession.objects.bulk_create(
        AreaSuccession(predecessor=before, successor=after, happened_on=after.valid_from) for before, after in fresh
    )
    versions = {before.pk: after.pk for before, after in fresh if before.valid_to is None}
    if versions:
        for follower in _followers:
            follower(versions)
    _known_made().update(after.code for _, after in pairs)


def _amended(before: Area, after: Area) -> bool:
    if before.valid_to is not None or before.valid_from < after.valid_from:
        return False
    after.pk, after.version, after.valid_from = before.pk, before.version, before.valid_from
    after.save(force_update=True)
    return True


def _known_made() -> set[str]:
    """Codes of the areas that got their next version in this unit of work."""
    global _made
    correlation = acting().correlation
    if _made[0] != correlation:
        _made = (correlation, set())
    return _made[1]


def next_of(area: Area, since: date, **changed: object) -> Area:
    """The version to follow `area`, not stored yet: as it is but for what changed."""
    columns = {
        name: getattr(area, name) for name in ("code", "code_scheme", "level", "name", "parent_id", "path",
                                               "population", "version")
    }  # fmt: skip
    return Area(**{**columns, "version": area.version + 1, "valid_from": max(since, area.valid_from), **changed})


def next_versions(codes: Iterable[str]) -> None:
    """Give these areas their next version from today on, unless this unit of work has done so already."""
    wanted = set(codes) - _known_made()
    today = city_today()
    rows = Area.objects.filter(code__in=wanted, valid_to=None)
    replace([(row, next_of(row, today)) for row in rows])
