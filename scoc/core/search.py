"""How organisations, areas and posts are found. Where they are shown is for the front end to say: core has no screens
of them."""

from __future__ import annotations

from scoc.core.access import holds_today, posts_in_force
from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder, look_up
from scoc.core.models import AREA_TEXT, ORGANISATION_TEXT, POST_TEXT, Area, Organisation
from scoc.kit.text import Text

DIRECTORY = "core.read_directory"


@finder("organisation", "组织", "Organisation", permission=DIRECTORY)
def find_organisations(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Organisations by name, short name or credit code."""
    return [
        Hit(
            subject=f"core:organisation-{row.pk}", title=row.name,
            note=Text(f"{row.short.zh} · {row.code}", f"{row.short.en} · {row.code}"),
        )
        for row in look_up(Organisation.objects.filter(holds_today()), asked, ORGANISATION_TEXT)
    ]  # fmt: skip


@finder("area", "区域", "Area", permission=DIRECTORY)
def find_areas(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Areas by name or code."""
    rows = Area.objects.filter(holds_today()).select_related("parent")
    return [
        Hit(
            subject=f"core:area-{row.code}", title=row.name,
            note=Text(f"{row.parent.name.zh} · {row.code}", f"{row.parent.name.en} · {row.code}")
            if row.parent else Text(row.code, row.code),
        )
        for row in look_up(rows, asked, AREA_TEXT)
    ]  # fmt: skip


@finder("post", "岗位", "Post", permission=DIRECTORY)
def find_posts(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Posts by title or code; who holds one is told elsewhere, to those who may see accounts."""
    return [
        Hit(
            subject=f"core:post-{row.code}", title=row.title,
            note=Text(f"{row.organisation.short.zh} · {row.code}", f"{row.organisation.short.en} · {row.code}"),
        )
        for row in look_up(posts_in_force().select_related("organisation"), asked, POST_TEXT)
    ]  # fmt: skip
