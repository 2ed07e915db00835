"""The made-up city: drawn alike from the same seed, a true planar partition, and a pack that can be applied."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import shapely
from django.conf import settings

from scoc.core.access import system_actor
from scoc.core.city import apply_pack, export_pack, plan_pack, read_pack
from scoc.core.models import Area, Organisation, PostHolding, RoleConflict, User
from scoc.kit.identifiers import credit_code_valid
from scoc.rehearsal.binhai.organisations import organisations
from scoc.rehearsal.binhai.partition import Piece, cut_land, draw_land
from scoc.rehearsal.binhai.writing import pack_files
from scoc.spatial.queries import locate

SEED = 990100
PACK = Path(settings.SCOC_CITIES) / "binhai"
LEVELS = {"district": 5, "street": 32, "community": 103, "grid": 411}


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    """The areas of the city."""
    return cut_land(SEED, draw_land(SEED))


def test_the_pack_is_what_the_generator_writes() -> None:
    """Every generated file equals the one in the repository, byte for byte."""
    for name, text in pack_files(SEED).items():
        assert (PACK / name).read_bytes() == text.encode(), f"{name} differs: run `scoc make_binhai cities/binhai`"


def test_another_seed_draws_another_city() -> None:
    """The seed matters: the same names, other outlines."""
    assert pack_files(SEED + 1)["areas/grids.geojson"] != pack_files(SEED)["areas/grids.geojson"]


def test_the_pack_stays_small() -> None:
    """All files of the pack together stay under three megabytes."""
    assert sum(path.stat().st_size for path in PACK.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize(("level", "count"), LEVELS.items())
def test_areas_neither_gap_nor_overlap(pieces: list[Piece], level: str, count: int) -> None:
    """On every level the areas are valid, fill the city's land and share their borders exactly."""
    shapes = [piece.shape for piece in pieces if piece.level == level]
    assert len(shapes) == count
    assert all(shape.is_valid for shape in shapes)
    whole = shapely.union_all(shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(whole.area, rel=1e-12)
    assert all(not part.interiors for part in shapely.get_parts(whole)), "a gap between areas"
    districts = shapely.union_all([piece.shape for piece in pieces if piece.level == "district"])
    assert whole.symmetric_difference(districts).area == 0
    assert len(shapely.get_parts(whole)) == 6, "the mainland and five islands"


def test_areas_are_in_one_piece(pieces: list[Piece]) -> None:
    """A grid is one polygon; only the two towns of islands and what holds them have several parts."""
    several = {
        p.code for p in pieces if p.shape.geom_type == "MultiPolygon" and p.level in ("grid", "community", "street")
    }
    islands = {p.code for p in pieces if p.zh.startswith(("鸥屿", "长屿"))}
    assert several <= islands


def test_codes_follow_their_scheme(pieces: list[Piece]) -> None:
    """Codes have 6, 9, 12 and 15 digits, stand once, and grids run from west to east inside their community."""
    digits = {"district": 6, "street": 9, "community": 12, "grid": 15}
    assert len({piece.code for piece in pieces}) == len(pieces)
    assert all(len(piece.code) == digits[piece.level] for piece in pieces)
    by_community: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.level == "grid":
            by_community.setdefault(piece.parent, []).append(piece)
    for grids in by_community.values():
        xs = [grid.shape.centroid.x for grid in sorted(grids, key=lambda grid: grid.code)]
        assert all(b >= a - 0.01 for a, b in pairwise(xs))


@pytest.mark.django_db
def test_organisations_have_valid_codes_and_the_bureaus_are_there() -> None:
    """Thirty bureaus and more, each with a credit code whose check digit holds."""
    pack = read_pack("binhai")
    rows = [row for row, _, _ in pack.rows["organisations"]]
    assert all(credit_code_valid(row.code) for row in rows)  # type: ignore[attr-defined]  # organisation rows
    assert len({row.code for row in rows}) == len(rows)  # type: ignore[attr-defined]  # organisation rows
    assert sum(o.kind == "bureau" and o.parent == "gov" for o in organisations().values()) >= 30


@pytest.mark.django_db
def test_binhai_applies_and_comes_back_from_export_unchanged(tmp_path: Path) -> None:
    """Applied once it is there; applied twice nothing changes; exported and read again, no difference."""
    pack = read_pack("binhai")
    assert plan_pack(pack)
    apply_pack(system_actor("city"), pack)
    assert plan_pack(pack) == []
    assert apply_pack(system_actor("city"), pack) == []
    export_pack(system_actor("city"), tmp_path / "binhai")
    assert plan_pack(read_pack(str(tmp_path / "binhai"))) == []

    assert Area.objects.count() == sum(LEVELS.values()) + 1
    assert Organisation.objects.filter(kind="bureau").count() >= 30
    acceptor = User.objects.get(username="acceptor")
    assert acceptor.check_password("binhai-demo-2026")
    roles = set(PostHolding.objects.filter(valid_to=None).values_list("post__role__code", flat=True))
    assert len(roles) == 26
    assert RoleConflict.objects.filter(first__code="audit_admin").count() == 26
    found = locate(123.4, 30.0)
    assert found is not None
    assert Area.objects.get(pk=found).level == "grid"
