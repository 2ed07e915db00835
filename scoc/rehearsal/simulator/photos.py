"""Small pictures that the simulated staff hand in: drawn, not photographed, and never twice the same."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from scoc.rehearsal.simulator.chance import noise

WIDTH, HEIGHT = 160, 120
_TONES = {"near": (150, 96, 70), "after": (92, 138, 96), "check": (88, 120, 150)}


def photo(kind: str, *parts: object) -> bytes:
    """A PNG of a road with something on it: of before (`near`), `after`, or the `check`."""
    dice = noise("photo", kind, *parts)
    tone = np.array(_TONES.get(kind, (128, 128, 128)), dtype=np.float64)
    rows = np.linspace(0.75, 1.15, HEIGHT)[:, None, None]
    picture = np.broadcast_to(rows * np.array([112.0, 116.0, 120.0]), (HEIGHT, WIDTH, 3)).copy()
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    middle = (dice.uniform(50, 110), dice.uniform(50, 80))
    spot = ((x - middle[0]) / dice.uniform(18, 34)) ** 2 + ((y - middle[1]) / dice.uniform(10, 20)) ** 2 < 1
    picture[spot] = tone * (0.9 if kind == "near" else 1.05)
    picture[np.abs(x - WIDTH / 2) < 2] = (225, 225, 210)
    grain = dice.integers(-6, 7, (HEIGHT // 4, WIDTH // 4, 1)).repeat(4, axis=0).repeat(4, axis=1)
    return _png(np.clip(picture + grain, 0, 255).astype(np.uint8))


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Pixels (rows, columns, red green blue) as a PNG file."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
