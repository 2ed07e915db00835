"""Applying a pack in one transaction, and writing what runs back into files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from scoc.core import now
from scoc.core.acting import Actor, unit_of_work
from scoc.core.actions import action
from scoc.core.city.planning import Change, differences, settings_differences
from scoc.core.city.reading import Pack
from scoc.core.city.sections import SECTIONS, PackRow, Section, forget_settings
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Installation, Run
from scoc.core.pack import seed_calendar
from scoc.core.pack.places import keep_city
from scoc.core.refusals import invalid
from scoc.core.remembered import forget_all
from scoc.kit.text import Text


@fact("core.city_applied", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class CityApplied(Fact):
    """A city pack was applied; `digest` is the SHA-256 of its files."""

    digest: Code
    changes: int


def _the_run(pack: Pack, run_kind: str) -> int:
    """The run to apply a pack in; the first application makes the installation with it."""
    installation = Installation.objects.first()
    if installation is not None:
        return installation.active_run_id
    moment = now.wall_now()
    run = Run.objects.create(kind=run_kind, name=Text("常态运行", "Normal operation"), started_at=moment)
    Installation.objects.create(
        code=pack.manifest.code, pack=pack.name, name=Text(pack.manifest.name_zh, pack.manifest.name_en),
        timezone=pack.manifest.timezone, active_run=run, applied_at=moment, digest="",
    )  # fmt: skip
    now.forget_clocks()
    return run.pk


@action("core.apply_city", audited=True, shared=True)
def _apply(actor: Actor, pack: Pack) -> list[Change]:
    """Apply a pack that was read and checked."""
    installation = Installation.objects.get()
    if installation.code != pack.manifest.code:
        raise invalid(
            "code", f"This installation serves {installation.code}, the pack is for {pack.manifest.code}.",
            "One installation is one city: use another SCOC_HOME or database.",
            zh=f"本系统属于城市 {installation.code}，城市包属于 {pack.manifest.code}；一套系统只服务一个城市。",
        )  # fmt: skip
    lines = settings_differences(pack)
    planned = [(section, *differences(section, pack)) for section in SECTIONS.values()]
    installation.settings = {**pack.settings, "city": json.loads(pack.manifest.model_dump_json())}
    installation.name = Text(pack.manifest.name_zh, pack.manifest.name_en)
    installation.timezone = pack.manifest.timezone
    installation.pack, installation.digest = pack.name, pack.digest
    installation.applied_at = now.wall_now()
    installation.save()
    forget_settings()
    seed_calendar()
    keep_city()
    for section, changes, section_lines in planned:
        if section_lines:
            section.apply(changes)
            lines += section_lines
    publish(CityApplied(subject=Code("core:city"), digest=Code(pack.digest), changes=len(lines)))
    return lines


def apply_pack(actor: Actor, pack: Pack, *, run_kind: str = Run.Kind.NORMAL) -> list[Change]:
    """Apply a pack in one transaction: all of it or nothing. Returns the changes made."""
    try:
        with unit_of_work(actor, opening=lambda: _the_run(pack, run_kind)):
            return _apply(actor, pack)
    finally:
        forget_all()


def _plain(row: PackRow) -> dict[str, Any]:
    values = row.model_dump(mode="json")
    return {key: value for key, value in values.items() if value is not None and value != [] and value != {}}


def _write(section: Section[Any], path: Path, plain: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".toml":
            path.write_text(tomli_w.dumps({section.table: plain}), encoding="utf-8")
        case ".csv":
            out = io.StringIO()
            writer = csv.DictWriter(out, fieldnames=list(section.row.model_fields), lineterminator="\n")
            writer.writeheader()
            writer.writerows(plain)
            path.write_text(out.getvalue(), encoding="utf-8")
        case _:
            features = [
                {
                    "type": "Feature",
                    "properties": {k: v for k, v in row.items() if k not in ("geometry", "datum")},
                    "geometry": row.get("geometry"),
                }
                for row in plain
            ]
            body = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
            path.write_text(
                f'{{"type":"FeatureCollection","datum":"WGS84","source":"SCOC export","features":[\n{body}\n]}}\n',
                encoding="utf-8",
            )


@action("core.export_city", audited=True)
def export_pack(actor: Actor, folder: Path) -> list[Path]:
    """Write what runs as a pack that `read_pack` can read. Returns the files written.

    Of the accounts only those that a pack brought: persons whom SCOC knows alone stay in it.
    """
    installation = Installation.objects.get()
    values = dict(installation.settings)
    head = {**values.pop("city"), "include": []}
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "city.toml"
    manifest.write_text(tomli_w.dumps({**{k: v for k, v in head.items() if v is not None}, **values}), encoding="utf-8")
    written = [manifest]
    for section in SECTIONS.values():
        rows = sorted(section.current(), key=lambda row: [str(part) for part in section.key_of(row)])
        if not rows or not section.exported or section.exported_with:
            continue
        path = folder / (section.export_file or section.files[0])
        plain = {section.key_of(row): _plain(row) for row in rows}
        for other in SECTIONS.values():
            further = (
                {other.key_of(row): _plain(row) for row in other.current()}
                if other.exported_with == section.name
                else {}
            )
            if further:
                path = folder / other.export_file
                plain = {key: {**values, **further.get(key, {})} for key, values in plain.items()}
        _write(section, path, list(plain.values()))
        written.append(path)
    return written
