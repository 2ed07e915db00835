"""Curves that look grown rather than drawn: rounded control lines with noise that depends on the seed alone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

from scoc.rehearsal.binhai.sketch import Point


def rounded(points: Sequence[Point], times: int = 2, closed: bool = False) -> list[Point]:
    """The line with its corners cut (Chaikin); an open line keeps its ends."""
    line = list(points)
    for _ in range(times):
        pairs = list(zip(line, line[1:] + line[:1] if closed else line[1:], strict=False))
        cut = [
            (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairs for t in (0.25, 0.75)
        ]  # fmt: skip
        line = cut if closed else [line[0], *cut[1:-1], line[-1]]
    return line


def rough(points: Sequence[Point], seed: str, amount: float, step: float, closed: bool = False) -> list[Point]:
    """The line with its segments broken to at most `step`, each new point moved sideways by up to `amount` of
    the segment's length. The same segment in the same seed is always moved alike, whichever way it is walked.
    """
    line = list(points)
    if closed:
        line.append(line[0])
    made = [line[0]]
    for a, b in pairwise(line):
        made += _broken(a, b, seed, amount, step)
    return made[:-1] if closed else made


def _broken(a: Point, b: Point, seed: str, amount: float, step: float) -> list[Point]:
    length = math.dist(a, b)
    if length <= step:
        return [b]
    first, second = sorted((a, b))
    chance = random.Random(f"{seed}:{first[0]:.2f},{first[1]:.2f}:{second[0]:.2f},{second[1]:.2f}")  # noqa: S311  # a drawing, no secret
    aside = chance.uniform(-amount, amount)
    dx, dy = second[0] - first[0], second[1] - first[1]
    middle = ((a[0] + b[0]) / 2 - dy * aside, (a[1] + b[1]) / 2 + dx * aside)
    return [*_broken(a, middle, seed, amount, step), *_broken(middle, b, seed, amount, step)]
