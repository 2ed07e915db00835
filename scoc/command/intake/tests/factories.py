"""Signals and rules for tests; times are minutes after 08:10, fifty before the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from scoc.command.intake.actions import receive_signal
from scoc.command.intake.models import JoinRule
from scoc.command.intake.schemas import Channel, SignalIn, SignalReceipt
from scoc.core.acting import Actor
from scoc.core.models import Asset, Category
from scoc.core.now import city_now
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import LONG_AGO, SINCE
from scoc.kit.geometry import EARTH_RADIUS_M
from scoc.kit.text import Text

LON, LAT = 121.5, 30.0
METRE = 360 / (2 * 3.141592653589793 * EARTH_RADIUS_M)
"""Degrees of latitude in one metre."""
WATER, FLOOD, NOISE, COVER = "event/0501", "event/0506", "event/0128", "component/0101"
NAMES = {WATER: "供水管道破裂", FLOOD: "道路积水", NOISE: "商业噪音", COVER: "上水井盖"}


def north(metres: float) -> float:
    """The latitude so many metres north of the tests' middle."""
    return LAT + metres * METRE


def make_categories() -> None:
    """The four categories that the tests speak of."""
    for code, name in NAMES.items():
        kind, _, digits = code.partition("/")
        Category.objects.create(
            code=code, version=1, kind=kind, major=digits[:2], minor=digits[2:], name=Text(name, code),
            valid_from=LONG_AGO, recorded_at=LONG_AGO,
        )  # fmt: skip


def make_rule(category: str, **values: Any) -> JoinRule:
    """A rule of joining that holds now; the city's defaults where nothing is said."""
    rule = JoinRule.objects.create(
        **{"code": category, "version": 1, "radius_m": 200, "window_minutes": 30, "valid_from": LONG_AGO,
           "recorded_at": LONG_AGO, **values}
    )  # fmt: skip
    forget_all()
    return rule


def make_asset(code: str, lat: float = LAT) -> Asset:
    """A component of the city."""
    return Asset.objects.create(
        code=code, category=COVER, name=Text(code, code), lon=LON, lat=lat, valid_from=SINCE
    )  # fmt: skip


def report(actor: Actor, *, metres: float | None = 0, minutes: float = 0, **values: Any) -> SignalReceipt:
    """One report, so many metres north of the middle (None: no position), minutes after ten past eight."""
    position = {} if metres is None else {"lon": LON, "lat": north(metres)}
    return receive_signal(
        actor,
        SignalIn.model_validate(
            {
                "channel": Channel.HOTLINE,
                "happened_at": city_now() + timedelta(minutes=minutes - 50),
                **position,
                **values,
            }
        ),
    )
