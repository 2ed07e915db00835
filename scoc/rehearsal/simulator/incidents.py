"""What goes wrong on a day: real troubles that devices notice, and faults of the devices themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scoc.rehearsal.simulator.chance import chance
from scoc.rehearsal.simulator.town import SimDevice

LONGEST = timedelta(days=3)
"""No trouble lasts longer, so a day is known when the three before it are."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong at a device from one moment to another; `strength` is in the unit of its kind."""

    kind: str
    device: str
    start: float
    end: float
    strength: float


_REAL: dict[str, tuple[str, float, tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    # type: kind, chance a device and day, begins between (hour), lasts (hours), strength
    "pipe_pressure": ("burst", 0.0030, (0, 24), (2, 7), (0.16, 0.22)),
    "gas_leak": ("leak", 0.0030, (6, 23), (1, 4), (10, 60)),
    "manhole_cover": ("open", 0.0060, (0, 24), (1, 9), (25, 85)),
    "light_cabinet": ("dark", 0.0060, (17, 24), (10, 60), (0.3, 0.6)),
    "noise_monitor": ("construction", 0.0120, (19, 24), (1.5, 5), (77, 88)),
}
_FAULTS = (
    ("stuck", 0.0012, (6, 40)),
    ("drift", 0.0008, (24, 60)),
    ("silence", 0.0016, (5, 40)),
    ("spike", 0.0030, (0.3, 1)),
)
"""Kind, chance a device and day, lasts (hours)."""


def troubles_of(seed: int, device: SimDevice, day: date, zone: ZoneInfo) -> list[Trouble]:
    """What begins at a device on a day."""
    dice = chance(seed, "trouble", device.key, day)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    found = []
    real = _REAL.get(device.type)
    if real is not None and dice.random() < real[1]:
        start = midnight + dice.uniform(*real[2]) * 3600
        found.append(Trouble(real[0], device.key, start, start + dice.uniform(*real[3]) * 3600, dice.uniform(*real[4])))
    for kind, share, lasts in _FAULTS:
        if dice.random() < share:
            start = midnight + dice.uniform(0, 24) * 3600
            found.append(Trouble(kind, device.key, start, start + dice.uniform(*lasts) * 3600, dice.random()))
    return found


def troubles_around(seed: int, devices: list[SimDevice], day: date, zone: ZoneInfo) -> dict[str, list[Trouble]]:
    """By device what begins on the day or goes on from the three before."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
    found: dict[str, list[Trouble]] = {}
    for device in devices:
        for back in range(LONGEST.days + 1):
            for trouble in troubles_of(seed, device, day - timedelta(days=back), zone):
                if trouble.end > midnight:
                    found.setdefault(device.key, []).append(trouble)
    return found
