"""Chance that depends on a seed and a name alone, so that any moment can be drawn again by itself."""

from __future__ import annotations

import hashlib
import random

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def chance(*parts: object) -> random.Random:
    """A generator that belongs to these parts, whatever was drawn before."""
    return random.Random(":".join(str(part) for part in parts))  # noqa: S311  # a simulation, no secret


def noise(*parts: object) -> np.random.Generator:
    """The same for arrays."""
    digest = hashlib.sha256(":".join(str(part) for part in parts).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
