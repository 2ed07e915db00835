"""What the devices read on one day: rhythm of day and week, weather, troubles and faults, as columns by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from scoc.rehearsal.simulator.chance import Floats, chance, noise
from scoc.rehearsal.simulator.incidents import Trouble, troubles_around
from scoc.rehearsal.simulator.town import SimDevice, Town
from scoc.rehearsal.simulator.weather import Storm, rain, stagnation, storms_of

GRID_S = 600
WARM_UP_DAYS = 2
CADENCES = {
    "air_station": 3600, "underpass_gauge": 600, "river_gauge": 900, "rain_gauge": 600, "pipe_pressure": 900,
    "manhole_cover": 3600, "gas_leak": 900, "light_cabinet": 1800, "noise_monitor": 900,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of a day in the order of their times (microseconds since 1970)."""

    device: NDArray[np.str_]
    property: NDArray[np.str_]
    at_micros: NDArray[np.int64]
    value: Floats

    def between(self, start: datetime, end: datetime) -> Readings:
        """Those after `start` and up to `end`."""
        low, high = (
            int(np.searchsorted(self.at_micros, round(moment.timestamp() * 1_000_000), side="right"))
            for moment in (start, end)
        )
        return Readings(self.device[low:high], self.property[low:high], self.at_micros[low:high], self.value[low:high])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.at_micros)

    @staticmethod
    def joined(parts: Sequence[Readings]) -> Readings:
        """Several spans as one."""
        if not parts:
            nothing = np.zeros(0)
            return Readings(nothing.astype(np.str_), nothing.astype(np.str_), nothing.astype(np.int64), nothing)
        return Readings(
            np.concatenate([part.device for part in parts]), np.concatenate([part.property for part in parts]),
            np.concatenate([part.at_micros for part in parts]), np.concatenate([part.value for part in parts]),
        )  # fmt: skip


@dataclass(slots=True)
class _Day:
    """The shared grid of a day with its warm-up: times in seconds, hours of the local day, weekend or not."""

    town: Town
    day: date
    midnight: float
    grid: Floats
    hour: Floats
    weekend: NDArray[np.bool_]
    storms: list[Storm]

    def rain_at(self, devices: list[SimDevice]) -> Floats:
        return rain(self.storms, *_places(devices), self.grid)


def _places(devices: list[SimDevice]) -> tuple[Floats, Floats]:
    return np.array([device.lon for device in devices]), np.array([device.lat for device in devices])


def _day(town: Town, day: date) -> _Day:
    midnight = datetime(day.year, day.month, day.day, tzinfo=town.zone).timestamp()
    first = midnight - WARM_UP_DAYS * 86_400
    grid = np.arange(first, midnight + 86_400 + GRID_S, GRID_S, dtype=np.float64)
    offset = datetime.fromtimestamp(midnight, town.zone).utcoffset() or timedelta()
    local = grid + offset.total_seconds()
    weekday = (np.floor(local / 86_400).astype(np.int64) + 3) % 7
    storms = [
        storm
        for back in range(WARM_UP_DAYS + 2)
        for storm in storms_of(town.seed, day - timedelta(days=back), town.zone, town.center)
    ]
    return _Day(town, day, midnight, grid, local % 86_400 / 3600, weekday >= 5, storms)


def _bump(hour: Floats, middle: float, width: float) -> Floats:
    """A smooth hill in the day around an hour."""
    apart = np.abs(hour - middle)
    made: Floats = np.exp(-(np.minimum(apart, 24 - apart) ** 2) / (2 * width**2))
    return made


def _traffic(day: _Day) -> Floats:
    week = 0.95 * _bump(day.hour, 8, 1.3) + _bump(day.hour, 18, 1.6) + 0.45 * _bump(day.hour, 13, 3)
    rest = 0.35 * _bump(day.hour, 11, 3) + 0.6 * _bump(day.hour, 18, 3)
    made: Floats = np.where(day.weekend, rest, week)
    return made


def _own(day: _Day, devices: list[SimDevice], low: float, high: float, what: str) -> Floats:
    """A figure of each device that never changes, as a column."""
    return np.array([chance(day.town.seed, what, device.key).uniform(low, high) for device in devices])[:, None]


def _tremble(day: _Day, devices: list[SimDevice], what: str, scale: float) -> Floats:
    """Noise that is the same for a grid moment whichever day asks for it."""
    blocks = []
    for back in range(WARM_UP_DAYS, -1, -1):
        size = (len(devices), 86_400 // GRID_S)
        blocks.append(noise(day.town.seed, what, day.day - timedelta(days=back)).normal(0, scale, size))
    last = noise(day.town.seed, what, day.day + timedelta(days=1)).normal(0, scale, size)[:, :1]
    return np.concatenate([*blocks, last], axis=1)


def _air(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    still = stagnation(day.town.seed, day.grid)
    wet = np.clip(1 - day.rain_at(devices) / 25, 0.35, 1)
    traffic = _traffic(day)
    place = _own(day, devices, 0.82, 1.2, "air")
    pm25 = (14 + 76 * still**1.7 + 9 * traffic) * place * wet * np.exp(_tremble(day, devices, "pm25", 0.06))
    coarse = (16 + 14 * traffic + 10 * still) * wet * np.exp(_tremble(day, devices, "pm10", 0.08))
    sun = np.clip(np.sin(np.pi * (day.hour - 6) / 13), 0, None) * ((day.hour > 6) & (day.hour < 19))
    no2 = (12 + 26 * traffic + 14 * still) * place * np.exp(_tremble(day, devices, "no2", 0.07))
    o3 = np.clip(28 + 95 * sun * (0.6 + 0.5 * still) - 0.45 * no2 + _tremble(day, devices, "o3", 4), 2, None)
    return {
        "pm25": pm25, "pm10": pm25 + coarse, "no2": no2, "o3": o3,
        "so2": (4 + 5 * still) * np.exp(_tremble(day, devices, "so2", 0.1)),
        "co": 0.3 + pm25 / 110 + 0.15 * traffic + np.abs(_tremble(day, devices, "co", 0.03)),
    }  # fmt: skip


def _underpass(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    """Water gathers when it rains more than the pumps carry away."""
    fallen = day.rain_at(devices)
    inflow = fallen * _own(day, devices, 0.5, 1.9, "catchment")
    pumped = _own(day, devices, 24, 46, "pumps")[:, 0]
    depth = np.zeros_like(fallen)
    level = np.zeros(len(devices))
    for step in range(fallen.shape[1]):
        level = np.clip(level + (inflow[:, step] - pumped) * (GRID_S / 3600) * 0.9, 0, 140)
        depth[:, step] = level
    return {"depth": depth + np.abs(_tremble(day, devices, "depth", 0.25))}


def _river(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    """The stage follows the rain of the last day, and near the sea the tide."""
    fallen = day.rain_at(devices)
    memory = np.exp(-GRID_S / (14 * 3600))
    state = np.zeros(len(devices))
    swollen = np.zeros_like(fallen)
    for step in range(fallen.shape[1]):
        state = state * memory + fallen[:, step] * GRID_S / 3600
        swollen[:, step] = state
    tide = 0.45 * np.sin(2 * np.pi * day.grid / (12.42 * 3600)) * _own(day, devices, 0.1, 1.0, "tide")
    base = _own(day, devices, -1.7, -0.9, "stage")
    return {"stage": base + tide + swollen * _own(day, devices, 0.016, 0.044, "swell")
            + _tremble(day, devices, "stage", 0.01)}  # fmt: skip


def _rain(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    return {"rain": day.rain_at(devices) * GRID_S / 3600 * np.exp(_tremble(day, devices, "rain", 0.15))}


def _pipe(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    demand = 0.6 * _bump(day.hour, 7.5, 1.2) + 0.75 * _bump(day.hour, 19.5, 1.8) + 0.3 * _bump(day.hour, 12, 1.5)
    return {"pressure": _own(day, devices, 0.30, 0.39, "pressure") - 0.05 * demand
            + _tremble(day, devices, "pressure", 0.003)}  # fmt: skip


def _cover(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    return {"tilt": _own(day, devices, 0, 2, "tilt") + np.abs(_tremble(day, devices, "tilt", 0.2))}


def _gas(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    return {"ch4": _own(day, devices, 0.1, 0.8, "gas") + np.abs(_tremble(day, devices, "gas", 0.2))}


def _light(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    lit = (day.hour >= 18) | (day.hour < 6)
    current = np.where(lit, _own(day, devices, 26, 48, "current"), 0.2) + np.abs(_tremble(day, devices, "amp", 0.4))
    return {"current": current, "voltage": 228 + _tremble(day, devices, "volt", 2.0)}


def _noise(day: _Day, devices: list[SimDevice]) -> dict[str, Floats]:
    level = _own(day, devices, 46, 53, "leq") + 11 * _traffic(day) * _own(day, devices, 0.6, 1.1, "road")
    wet = 6 * np.tanh(day.rain_at(devices) / 15)
    return {"leq": level + wet + 5 * _bump(day.hour, 13, 6) + _tremble(day, devices, "leq", 1.2)}


_MODELS: dict[str, Callable[[_Day, list[SimDevice]], dict[str, Floats]]] = {
    "air_station": _air, "underpass_gauge": _underpass, "river_gauge": _river, "rain_gauge": _rain,
    "pipe_pressure": _pipe, "manhole_cover": _cover, "gas_leak": _gas, "light_cabinet": _light,
    "noise_monitor": _noise,
}  # fmt: skip
_PLACES = {
    "pm25": 0, "pm10": 0, "so2": 0, "no2": 0, "o3": 0, "co": 1, "depth": 1, "stage": 2, "rain": 1, "pressure": 3,
    "tilt": 1, "ch4": 1, "current": 1, "voltage": 1, "leq": 1,
}  # fmt: skip


def _touched(values: Floats, times: Floats, trouble: Trouble, name: str) -> Floats:
    """The values with one trouble of their device in them; NaN where nothing is reported."""
    inside = (times >= trouble.start) & (times < trouble.end)
    if not inside.any():
        return values
    since = (times - trouble.start) / max(1.0, trouble.end - trouble.start)
    match trouble.kind:
        case "burst":
            return np.where(inside, values - trouble.strength * np.clip(since * 30, 0, 1), values)
        case "leak":
            return np.where(inside, values + trouble.strength * np.sin(np.pi * np.clip(since, 0, 1)), values)
        case "open" | "construction":
            return np.where(inside, np.maximum(values, trouble.strength), values)
        case "dark":
            return np.where(inside & (values > 5), values * trouble.strength, values) if name == "current" else values
        case "stuck":
            return np.where(inside, values[int(np.argmax(inside))], values)
        case "drift":
            return np.where(inside, values * (1 + 0.5 * since * (trouble.strength + 0.3)), values)
        case "silence":
            return np.where(inside, np.nan, values)
        case _:
            return np.where(inside, 9999.0, values)


def readings_of(town: Town, day: date) -> Readings:
    """All readings of a local day, in order of time. The same day is always the same."""
    made = _day(town, day)
    troubles = troubles_around(town.seed, town.devices, day, town.zone)
    keys: list[NDArray[np.str_]] = []
    names: list[NDArray[np.str_]] = []
    times: list[Floats] = []
    values: list[Floats] = []
    for type_, model in _MODELS.items():
        devices = town.by_type.get(type_, [])
        if not devices:
            continue
        cadence = CADENCES[type_]
        columns = model(made, devices)
        for row, device in enumerate(devices):
            phase = 0 if type_ == "air_station" else int(chance(town.seed, "phase", device.key).uniform(0, cadence))
            at = made.midnight + phase + np.arange(0, 86_400, cadence, dtype=np.float64)
            for name, grid_values in columns.items():
                series = np.round(np.interp(at, made.grid, grid_values[row]), _PLACES[name])
                for trouble in troubles.get(device.key, ()):
                    series = _touched(series, at, trouble, name)
                heard = ~np.isnan(series)
                keys.append(np.full(int(heard.sum()), device.key))
                names.append(np.full(int(heard.sum()), name))
                times.append(at[heard])
                values.append(np.round(series[heard], _PLACES[name]))
    at_micros = (np.concatenate(times) * 1_000_000).astype(np.int64)
    order = np.argsort(at_micros, kind="stable")
    return Readings(
        np.concatenate(keys)[order], np.concatenate(names)[order], at_micros[order], np.concatenate(values)[order]
    )
