"""The land cut into districts, streets, communities and grids: one planar partition, so borders are shared exactly.

All lines are noded together on a raster of a hundred-thousandth of a degree (about a metre) and made into faces;
every area of every level is a union of faces. So there are no gaps and no overlaps, at any level.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

import shapely
from shapely.geometry import LineString, MultiPoint, Polygon
from shapely.geometry import Point as ShapelyPoint
from shapely.geometry.base import BaseGeometry

from scoc.rehearsal.binhai import sketch
from scoc.rehearsal.binhai.curves import rough, rounded
from scoc.rehearsal.binhai.names import COMMUNITIES, DISTRICTS, District, Street
from scoc.rehearsal.binhai.sketch import Point, to_lonlat

RASTER = 1e-5
GRIDS_PER_COMMUNITY = 4


@dataclass(slots=True)
class Piece:
    """One area of any level: its shape in degrees and, for its own use, where its seeds are on the drawing."""

    code: str
    level: str
    zh: str
    en: str
    parent: str
    shape: BaseGeometry
    population: int = 0


@dataclass(slots=True)
class Seed:
    """The middle of one grid on the drawing, and whose it is."""

    at: Point
    street: tuple[int, int]
    community: int = 0


@dataclass(slots=True)
class Land:
    """The outlines on the drawing: mainland, islands, districts, and the lines they are made of."""

    mainland: Polygon
    islands: dict[str, Polygon]
    districts: list[Polygon]
    lines: list[list[Point]] = field(default_factory=list)


def draw_land(seed: int) -> Land:
    """The coast, the islands and the districts on the drawing."""
    name = f"{seed}:land"
    north_coast = [
        *rough(rounded(sketch.OUTLINE), name, 0.16, 4.0),
        *sketch.PORT,
        *rough(rounded(sketch.OUTLINE_SOUTH), name, 0.16, 4.0),
    ]
    north_coast.append(north_coast[0])
    mainland = Polygon(north_coast)
    islands = {}
    for key, (middle, radius) in sketch.ISLANDS.items():
        chance = random.Random(f"{name}:{key}")  # noqa: S311  # a drawing, no secret
        ring = [
            (middle[0] + radius * chance.uniform(0.8, 1.2) * x, middle[1] + radius * chance.uniform(0.8, 1.2) * y)
            for x, y in ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
        ]
        islands[key] = Polygon(rough(rounded(ring, 2, closed=True), name, 0.14, 2.5, closed=True))
    lines = [north_coast]
    borders = [sketch.RIVER, *sketch.DISTRICT_BORDERS]
    for index, border in enumerate(borders):
        line = rough(rounded(border), f"{name}:{index}", 0.06 if index == 0 else 0.14, 5.0)
        lines.append(_reaching(line, mainland))
    noded = shapely.union_all([LineString(line) for line in lines], grid_size=0.001)
    faces = [face for face in shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))) if mainland.covers(
        face.representative_point()) and face.area > 50]  # fmt: skip
    districts = []
    for district in DISTRICTS:
        office = ShapelyPoint(district.streets[0].at)
        districts.append(next(face for face in faces if face.covers(office)))
    return Land(mainland, islands, districts, lines)


def _reaching(line: list[Point], land: Polygon) -> list[Point]:
    """The line with its ends on the coast drawn out a little, so that noise leaves no gap there."""
    made = list(line)
    for end, inner in ((0, 3), (-1, -4)):
        near = ShapelyPoint(made[end]).distance(land.exterior)
        if near < 12:
            (x, y), (ix, iy) = made[end], made[inner]
            scale = 14 / max(1e-9, ((x - ix) ** 2 + (y - iy) ** 2) ** 0.5)
            out = (x + (x - ix) * scale, y + (y - iy) * scale)
            made = [out, *made] if end == 0 else [*made, out]
    return made


def _spread(inside: BaseGeometry, count: int, chance: random.Random) -> list[Point]:
    """`count` points in a shape, evenly spread (Lloyd's relaxation)."""
    west, north, east, south = inside.bounds
    points: list[Point] = []
    while len(points) < count:
        point = (chance.uniform(west, east), chance.uniform(north, south))
        if inside.covers(ShapelyPoint(point)):
            points.append(point)
    for _ in range(6):
        cells = shapely.get_parts(shapely.voronoi_polygons(MultiPoint(points), extend_to=inside))
        middles = []
        for cell in cells:
            cut = cell.intersection(inside)
            middle = cut.centroid if cut.covers(cut.centroid) else cut.representative_point()
            middles.append((round(middle.x, 4), round(middle.y, 4)))
        points = sorted(middles)
    return points


def _share(points: list[Point], count: int, chance: random.Random) -> list[int]:
    """Which of `count` neighbouring groups each point belongs to (k-means); no group stays empty."""
    middles = sorted(chance.sample(points, count))
    groups = [0] * len(points)
    for _ in range(20):
        groups = [
            min(range(count), key=lambda g: (middles[g][0] - x) ** 2 + (middles[g][1] - y) ** 2) for x, y in points
        ]
        for g in range(count):
            own = [p for p, group in zip(points, groups, strict=True) if group == g]
            if own:
                middles[g] = (sum(p[0] for p in own) / len(own), sum(p[1] for p in own) / len(own))
    return groups


def _street_cells(district: District, outline: BaseGeometry) -> list[tuple[int, Street, BaseGeometry]]:
    """The rough part of each street on the drawing: what is nearer to its office than to others."""
    main = [(n, street) for n, street in enumerate(district.streets) if not street.island]
    cells = shapely.get_parts(
        shapely.voronoi_polygons(MultiPoint([street.at for _, street in main]), extend_to=outline.buffer(50))
    )
    found = []
    for n, street in main:
        office = ShapelyPoint(street.at)
        found.append((n, street, next(cell for cell in cells if cell.covers(office)).intersection(outline)))
    return found


def _seeds(seed: int, land: Land) -> dict[str, list[Seed]]:
    """The seeds of all grids, by the piece of land they lie on."""
    found: dict[str, list[Seed]] = defaultdict(list)
    for d, district in enumerate(DISTRICTS):
        for n, street, cell in _street_cells(district, land.districts[d]):
            chance = random.Random(f"{seed}:{district.code}:{n}")  # noqa: S311  # a drawing, no secret
            points = _spread(cell, street.communities * GRIDS_PER_COMMUNITY, chance)
            groups = _share(points, street.communities, chance)
            found[str(d)] += [Seed(p, (d, n), g) for p, g in zip(points, groups, strict=True)]
        for n, street in enumerate(district.streets):
            if not street.island:
                continue
            chance = random.Random(f"{seed}:{district.code}:{n}")  # noqa: S311  # a drawing, no secret
            points = _spread(land.islands[street.island], street.communities * 3, chance)
            groups = _share(points, street.communities, chance)
            found[street.island] += [Seed(p, (d, n), g) for p, g in zip(points, groups, strict=True)]
            for key, islet in land.islands.items():
                if key.startswith(f"{street.island}-"):
                    middle = islet.centroid
                    found[key].append(Seed((middle.x, middle.y), (d, n), len(key) % street.communities))
    return found


def _degrees(line: list[Point]) -> LineString:
    return LineString([to_lonlat(point) for point in line])


def cut_land(seed: int, land: Land) -> list[Piece]:
    """Every district, street, community and grid."""
    seeds = _seeds(seed, land)
    lines = [_degrees(line) for line in land.lines]
    outlines: dict[str, Polygon] = {str(d): shape for d, shape in enumerate(land.districts)} | land.islands
    for key, own in seeds.items():
        if key in land.islands:
            lines.append(_degrees([*outlines[key].exterior.coords]))
        if len(own) < 2:
            continue
        edges = shapely.voronoi_polygons(
            MultiPoint([s.at for s in own]), only_edges=True, extend_to=outlines[key].buffer(30)
        )
        reach = outlines[key].buffer(0.4)
        for edge in shapely.get_parts(edges):
            ends = [(round(x, 3), round(y, 3)) for x, y in edge.coords]
            grown = LineString(rough(ends, f"{seed}:cells", 0.11, 6.0)).intersection(reach)
            lines += [
                _degrees(list(part.coords)) for part in shapely.get_parts(grown) if part.geom_type == "LineString"
            ]
    noded = shapely.union_all(lines, grid_size=RASTER)
    faces = [
        face for face in shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))) if isinstance(face, Polygon)
    ]
    return _areas(_owned(faces, seeds, outlines, land), seeds)


def _owned(
    faces: list[Polygon], seeds: dict[str, list[Seed]], outlines: dict[str, Polygon], land: Land
) -> dict[tuple[str, int], BaseGeometry]:
    """Faces joined to the grid whose seed is nearest; scraps go to the neighbour with the longest shared border."""
    plane = {key: [ShapelyPoint(to_lonlat(s.at)) for s in own] for key, own in seeds.items()}
    shapes = {key: Polygon([to_lonlat((x, y)) for x, y in shape.exterior.coords]) for key, shape in outlines.items()}
    grids: dict[tuple[str, int], list[Polygon]] = defaultdict(list)
    for face in faces:
        point = face.representative_point()
        key = min(shapes, key=lambda k: shapes[k].distance(point))
        if shapes[key].distance(point) > 2 * RASTER:
            continue  # water between the lines' ends
        nearest = min(range(len(plane[key])), key=lambda n: plane[key][n].distance(point))
        grids[key, nearest].append(face)
    joined: dict[tuple[str, int], BaseGeometry] = {}
    scraps: list[tuple[tuple[str, int], Polygon]] = []
    for grid in sorted(grids):
        parts = sorted(shapely.get_parts(shapely.union_all(grids[grid])), key=lambda part: -part.area)
        joined[grid] = parts[0]
        scraps += [(grid, part) for part in parts[1:]]
    for (key, _), scrap in scraps:
        others = [grid for grid in joined if grid[0] == key]
        best = max(others, key=lambda grid: joined[grid].intersection(scrap).length)
        joined[best] = joined[best].union(scrap)
    return joined


def _code(number: int, town: bool) -> str:
    return f"{number + (100 if town else 1):03d}"


def _areas(grids: dict[tuple[str, int], BaseGeometry], seeds: dict[str, list[Seed]]) -> list[Piece]:
    names = iter(COMMUNITIES)
    by_community: dict[tuple[int, int, int], list[BaseGeometry]] = defaultdict(list)
    for (key, n), shape in grids.items():
        seed = seeds[key][n]
        by_community[*seed.street, seed.community].append(shape)
    _mend(by_community)
    made: list[Piece] = []
    for d, district in enumerate(DISTRICTS):
        counts = {False: 0, True: 0}
        streets: list[Piece] = []
        for n, street in enumerate(district.streets):
            code = district.code + _code(counts[street.town], street.town)
            counts[street.town] += 1
            groups = [by_community[d, n, c] for c in range(street.communities)]
            communities = _communities(code, district, street, groups, [next(names) for _ in groups])
            own = [piece for piece in communities if piece.level == "community"]
            streets.append(Piece(code, "street", street.zh, street.en, district.code,
                                 _union(own), sum(piece.population for piece in own)))  # fmt: skip
            made += communities
        made += streets
        made.append(Piece(district.code, "district", district.zh, district.en, "", _union(streets),
                          sum(piece.population for piece in streets)))  # fmt: skip
    order = ("district", "street", "community", "grid")
    return sorted(made, key=lambda piece: (order.index(piece.level), piece.code))


def _union(pieces: list[Piece]) -> BaseGeometry:
    return shapely.union_all([piece.shape for piece in pieces])


def _mend(by_community: dict[tuple[int, int, int], list[BaseGeometry]]) -> None:
    """A grid cut off from the rest of its community goes to a neighbouring community of the same street."""
    for key in sorted(by_community):
        parts = shapely.get_parts(shapely.union_all(by_community[key]))
        if len(parts) < 2:
            continue
        largest = max(parts, key=lambda part: part.area)
        for shape in [shape for shape in by_community[key] if not largest.covers(shape.representative_point())]:
            others = [k for k in sorted(by_community) if k[:2] == key[:2] and k != key]
            touching = {k: shapely.union_all(by_community[k]).intersection(shape).length for k in others}
            best = max(touching, key=lambda k: touching[k]) if touching else key
            if touching.get(best, 0) > 0:
                by_community[key].remove(shape)
                by_community[best].append(shape)


def _communities(
    street_code: str, district: District, street: Street, groups: list[list[BaseGeometry]], names: list[tuple[str, str]]
) -> list[Piece]:
    """The communities of a street and their grids, numbered from west to east and north to south (DOMAIN.md 9)."""
    made = []
    for number, (shapes, (zh, en)) in enumerate(zip(groups, names, strict=True)):
        rural = street.town and number > 0
        code = street_code + (f"{200 + number:03d}" if rural else f"{number + 1:03d}")
        ordered = sorted(shapes, key=lambda s: (round(s.centroid.x, 2), -s.centroid.y))
        grids = []
        for index, shape in enumerate(ordered, 1):
            km2 = shape.area * 111.32 * 96.4
            people = round(km2 * district.density * (0.45 if street.town else 1.25) / 10) * 10
            name = (f"{zh}{'村' if rural else '社区'}{index:02d}网格", f"{en} Grid {index:02d}")
            grids.append(Piece(f"{code}{index:03d}", "grid", *name, code, shape, max(10, people)))
        whole = shapely.union_all([grid.shape for grid in grids])
        made.append(Piece(code, "community", f"{zh}{'村' if rural else '社区'}",
                          f"{en} {'Village' if rural else 'Community'}", street_code, whole,
                          sum(grid.population for grid in grids)))  # fmt: skip
        made += grids
    return made
