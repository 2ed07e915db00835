"""What people report on a day: by hotline, web and collectors, in their own (invented) words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from shapely.geometry import Point

from scoc.rehearsal.simulator.chance import chance
from scoc.rehearsal.simulator.incidents import troubles_of
from scoc.rehearsal.simulator.signals import Readings
from scoc.rehearsal.simulator.town import Community, Town

HOTLINE, WEB, COLLECTOR = "11", "33", "01"
WORKDAY_REPORTS, WEEKEND_REPORTS = 6.5, 4.5
FLOODED_CM = 15.0

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林罗高梁郑"
_CALLED = ("先生", "女士", "师傅", "阿姨")
_MATTERS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    (
        "event/0110",
        14,
        ("{at}垃圾桶外面堆了好多垃圾，味道很大，麻烦来清一下。", "{at}门口生活垃圾没人收，都流到路上了。"),
    ),
    ("event/0111", 6, ("{at}空地上倒了一大堆建筑垃圾，好几天了。", "{at}路边渣土没人管，下雨全是泥。")),
    ("event/0113", 8, ("{at}路面有个大坑，电动车差点摔了。", "{at}路面破损严重，请尽快修补。")),
    ("event/0112", 5, ("{at}路上全是泥水，走路都没法走。", "{at}路面油污很滑，请安排清洗。")),
    ("event/0401", 9, ("{at}晚上很多流动摊贩占着人行道。", "{at}游商占道卖水果，行人只能走车道。")),
    ("event/0405", 5, ("{at}饭店把桌子摆到人行道上。", "{at}商铺店外经营，堵住盲道。")),
    ("event/0410", 10, ("{at}共享单车堆得到处都是，盲道都占了。", "{at}电动车乱停，消防通道堵死了。")),
    ("event/0128", 5, ("{at}商铺音响从早放到晚，太吵了。", "{at}广场舞音响声音太大，孩子没法写作业。")),
    ("event/0301", 5, ("{at}工地半夜还在施工，没法睡觉。", "{at}夜里打桩，楼都在震。")),
    ("event/0304", 3, ("{at}工地没有喷淋，尘土飞扬。",)),
    ("event/0117", 5, ("{at}绿地里全是塑料袋和狗粪。", "{at}小公园草坪被踩秃了，还有垃圾。")),
    ("event/0201", 4, ("{at}电线杆上贴满小广告。",)),
    ("event/0136", 3, ("{at}楼道口堆着旧家具，有火灾隐患。",)),
    ("component/0137", 6, ("{at}路灯连着几盏不亮，晚上很黑。", "{at}路灯杆歪了，怕砸到人。")),
    ("component/0101", 4, ("{at}井盖破了一半，很危险！", "{at}井盖一过车就咣当响，吵得睡不着。")),
    ("component/0104", 3, ("{at}雨水箅子被树叶堵住了。",)),
    ("component/0402", 3, ("{at}行道树断枝挂在电线上，怕掉下来。",)),
    ("component/0217", 2, ("{at}路中间护栏被撞变形了。",)),
    ("component/0305", 4, ("{at}垃圾箱满了没人清。",)),
    ("event/0503", 3, ("{at}下水道堵了，污水冒到路上。",)),
    ("event/0508", 1, ("{at}通信线垂下来快碰到头了。",)),
    ("event/0125", 2, ("{at}河面漂着很多垃圾，水发黑。",)),
)
"""Class, how often, words."""
_FLOOD = (
    "{at}积水很深，小车熄火了！",
    "{at}下穿通道过不去，水到车门了。",
    "{at}路口全是水，堵死了。",
    "{at}有人困在车里，快来！",
)
_BURST = ("{at}水管爆了，水喷得很高。", "{at}马路上往外冒水，家里停水了。")
_GAS = ("{at}闻到很浓的煤气味。", "{at}附近有燃气味道，害怕。")
_OPEN = ("{at}有个井盖没了，晚上看不见！",)
_BUILD = ("{at}工地半夜还在打混凝土，吵得睡不着。",)
_HOURS = (1, 1, 1, 1, 1, 2, 6, 12, 16, 15, 13, 11, 9, 9, 10, 10, 10, 11, 12, 11, 10, 8, 5, 3)


@dataclass(frozen=True, slots=True)
class Report:
    """One report that somebody will make."""

    key: str
    at: datetime
    channel: str
    category: str | None
    text: str
    place: str
    lon: float
    lat: float
    district: str
    name: str
    phone: str


def _who(dice_key: object) -> tuple[str, str]:
    dice = chance("who", dice_key)
    name = dice.choice(_SURNAMES) + dice.choice(_CALLED)
    return name, f"1{dice.choice('3589')}9{dice.randrange(10**8):08d}"


def _poisson(mean: float, draw: float) -> int:
    """A count for a draw between 0 and 1."""
    term = total = float(np.exp(-mean))
    count = 0
    while draw > total and count < 60:
        count += 1
        term *= mean / count
        total += term
    return count


def _home(town: Town, key: str) -> Community:
    dice = chance(town.seed, "home", key)
    return dice.choices(town.communities, [community.people for community in town.communities])[0]


def _usual(town: Town, day: date) -> list[Report]:
    dice = chance(town.seed, "reports", day)
    mean = WEEKEND_REPORTS if day.weekday() >= 5 else WORKDAY_REPORTS
    midnight = datetime(day.year, day.month, day.day, tzinfo=town.zone)
    found = []
    for number in range(_poisson(mean, dice.random())):
        key = f"{day:%Y%m%d}-{number:03d}"
        category, _, texts = dice.choices(_MATTERS, [matter[1] for matter in _MATTERS])[0]
        channel = dice.choices((HOTLINE, WEB, COLLECTOR), (45, 30, 25))[0]
        hour = dice.choices(range(24), _HOURS)[0] if channel != COLLECTOR else dice.randrange(8, 18)
        home = _home(town, key)
        lon, lat = home.somewhere(key)
        place = f"{home.zh}{dice.randrange(1, 200)}号附近"
        known = category if channel != WEB or dice.random() < 0.7 else None
        found.append(
            Report(key, midnight + timedelta(hours=hour, seconds=dice.randrange(3600)), channel, known,
                   dice.choice(texts).format(at=place), place, lon, lat, home.district, *_who(key))
        )  # fmt: skip
    return found


def _seen(
    town: Town, key: str, at: float, device: str, category: str, texts: tuple[str, ...], share: float
) -> list[Report]:
    """What passers-by report of a trouble that a device notices too."""
    spot = next((d for d in town.devices if d.key == device), None)
    dice = chance(town.seed, "seen", key)
    if spot is None or not town.communities:
        return []
    found = []
    for number in range(_poisson(share, dice.random())):
        own = f"{key}-{number}"
        lon, lat = spot.lon + dice.gauss(0, 0.0006), spot.lat + dice.gauss(0, 0.0005)
        when = datetime.fromtimestamp(at + dice.uniform(120, 2400), town.zone)
        home = min(town.communities, key=lambda c: (c.outline.distance(Point(spot.lon, spot.lat)), c.code))
        place = f"{home.zh}附近道路"
        found.append(Report(own, when, dice.choices((HOTLINE, WEB), (75, 25))[0], category,
                            dice.choice(texts).format(at=place), place, round(lon, 6), round(lat, 6), home.district,
                            *_who(own)))  # fmt: skip
    return found


_TROUBLES = {
    "burst": ("event/0501", _BURST, 1.4), "leak": ("event/0502", _GAS, 0.8), "open": ("component/0103", _OPEN, 0.4),
    "construction": ("event/0301", _BUILD, 1.2),
}  # fmt: skip


def reports_of(town: Town, day: date, readings: Readings) -> list[Report]:
    """Every report of a local day in the order of its times; troubles and floods bring their own."""
    found = _usual(town, day)
    for device in town.devices:
        for trouble in troubles_of(town.seed, device, day, town.zone):
            told = _TROUBLES.get(trouble.kind)
            if told is not None:
                found += _seen(town, f"{device.key}-{int(trouble.start)}", trouble.start, device.key, *told)
    deep = (readings.property == "depth") & (readings.value >= FLOODED_CM) & (readings.value < 500)
    first: dict[str, float] = {}
    for key, at in zip(readings.device[deep].tolist(), readings.at_micros[deep].tolist(), strict=True):
        first.setdefault(key, at / 1_000_000)
    for key, begun in sorted(first.items()):
        found += _seen(town, f"{key}-{int(begun)}", begun, key, "event/0506", _FLOOD, 1.8)
    return sorted(found, key=lambda report: (report.at, report.key))


def matter_of(words: str) -> str | None:
    """The class that a desk would choose for these words; None where they fit none."""
    for category, _, texts in _MATTERS:
        if any(text.partition("{at}")[2] in words for text in texts):
            return category
    return None
