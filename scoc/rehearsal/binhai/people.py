"""Posts and the demonstration accounts that hold them. All names of persons are invented."""

from __future__ import annotations

import random
from dataclasses import dataclass

from scoc.rehearsal.binhai.names import DISTRICTS
from scoc.rehearsal.binhai.organisations import DISTRICT_KEYS, codes, organisations

PASSWORD = "binhai-demo-2026"  # noqa: S105  # of a made-up city; real cities give accounts in SCOC
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林罗高梁郑谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
_GIVEN = (
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳",
    "杰", "娟", "涛", "明", "超", "霞", "平", "刚", "桂英", "志强", "秀兰", "建国",
    "海燕", "晓东", "文博", "雨桐", "子涵", "思远", "佳怡", "浩然", "立新", "卫东", "国栋", "春梅",
    "雪莲", "永康", "俊峰", "美玲", "少华", "振宇", "若兰", "天佑", "一鸣", "清源", "可欣", "书瑶",
    "景行", "怀瑾", "望舒", "听雨",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Post:
    """One post: its key is its code in the pack."""

    code: str
    role: str
    organisation: str
    zh: str
    en: str
    area: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One person with a log-in and the posts held."""

    username: str
    name: str
    posts: tuple[str, ...]


_CENTRE: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("city_leader", "gov", "市领导", "City Leader", "city_leader", "李卫民", ""),
    ("cto", "it", "首席技术官", "Chief Technology Officer", "cto", "沈一帆", ""),
    ("cdo", "bigdata", "首席数据官", "Chief Data Officer", "cdo", "顾清源", ""),
    ("cpo", "command", "首席绩效官", "Chief Performance Officer", "cpo", "梁思远", ""),
    ("centre_director", "centre", "中心主任", "Centre Director", "centre_director", "王海", ""),
    ("shift_leader", "supervision", "值班长", "Shift Leader", "shift_leader", "周宁", "1"),
    ("shift_leader", "supervision", "值班长（二班）", "Shift Leader, Second Shift", "shift_leader2", "何静", "2"),
    ("duty_officer", "command", "值班员", "Duty Officer", "duty_officer", "陈立", "1"),
    ("duty_officer", "command", "值班员（二班）", "Duty Officer, Second Shift", "duty_officer2", "曹明", "2"),
    ("acceptor", "supervision", "受理员", "Acceptor", "acceptor", "赵敏", "1"),
    ("acceptor", "supervision", "受理员（二班）", "Acceptor, Second Shift", "acceptor2", "吴洋", "2"),
    ("acceptor", "supervision", "受理员（三班）", "Acceptor, Third Shift", "acceptor3", "谢春梅", "3"),
    ("dispatcher", "command", "派遣员", "Dispatcher", "dispatcher", "孙磊", "1"),
    ("dispatcher", "command", "派遣员（二班）", "Dispatcher, Second Shift", "dispatcher2", "罗娟", "2"),
    ("evaluator", "supervision", "考评员", "Evaluator", "evaluator", "高文博", "1"),
    ("data_steward", "bigdata", "数据管理员", "Data Steward", "data_steward", "程书瑶", ""),
    ("data_provider", "ecology", "数据提供方", "Data Provider", "data_provider", "潘国栋", ""),
    ("data_user", "statistics", "数据使用方", "Data User", "data_user", "叶可欣", ""),
    ("analyst", "command", "分析员", "Analyst", "analyst", "董景行", "1"),
    ("audit_admin", "centre", "审计管理员", "Audit Administrator", "audit_admin", "任怀瑾", ""),
    ("security_admin", "it", "安全管理员", "Security Administrator", "security_admin", "魏永康", ""),
    ("system_admin", "it", "系统管理员", "System Administrator", "system_admin", "丁振宇", ""),
    ("device_engineer", "it", "设备工程师", "Device Engineer", "device_engineer", "苏俊峰", "1"),
)


class _Names:
    """Invented names, each once."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}:names")  # noqa: S311  # invented names, no secret
        self._taken = {row[5] for row in _CENTRE}

    def take(self) -> str:
        """A name that nobody else has."""
        while True:
            name = self._chance.choice(_SURNAMES) + self._chance.choice(_GIVEN)
            if name not in self._taken:
                self._taken.add(name)
                return name


def posts_and_accounts(seed: int) -> tuple[list[Post], list[Account]]:
    """All posts, and one account for each; the first duty officer may also sit at the acceptor's desk."""
    posts: list[Post] = []
    accounts: list[Account] = []
    names = _Names(seed)

    def seat(post: Post, username: str, name: str = "") -> None:
        posts.append(post)
        accounts.append(Account(username, name or names.take(), (post.code,)))

    for role, unit, zh, en, username, name, desk in _CENTRE:
        code = f"{role}-{desk}" if desk else role
        if username == "duty_officer":
            posts.append(Post(code, role, unit, zh, en))
            posts.append(Post("acceptor-night", "acceptor", "supervision", "受理员（夜班）", "Acceptor, Night"))
            accounts.append(Account(username, name, (code, "acceptor-night")))
        else:
            seat(Post(code, role, unit, zh, en), username, name)
    for district in DISTRICTS:
        d = DISTRICT_KEYS[district.code]
        short = district.zh
        en = district.en.removesuffix(" District")
        seat(Post(f"district_leader-{d}", "district_leader", d, f"{short}领导", f"{en} District Leader", district.code),
             f"district_leader.{d}")  # fmt: skip
        for number in (1, 2, 3):
            seat(Post(f"collector-{d}-{number}", "collector", "supervision", f"{short}采集员{number}",
                      f"{en} Collector {number}", district.code), f"collector.{d}{number}")  # fmt: skip
        first = district.streets[0]
        for role, code, zh, title in (
            ("community_officer", f"{district.code}001001", f"{first.zh}社区工作者", "Community Officer"),
            ("grid_officer", f"{district.code}001001001", f"{first.zh}网格员", "Grid Officer"),
        ):
            seat(Post(f"{role}-{d}", role, f"street-{district.code}001", zh, f"{en} {title}", code), f"{role}.{d}")
    for organisation in organisations().values():
        if organisation.key.startswith("street-"):
            seat(Post(f"street_officer-{organisation.area}", "street_officer", organisation.key,
                      f"{organisation.short_zh}城管专员", f"{organisation.short_en} Officer", organisation.area),
                 f"street_officer.{organisation.area[4:]}")  # fmt: skip
        if not organisation.handles:
            continue
        key = organisation.key.removeprefix("street-99")
        roles = [("unit_clerk", "平台员", "Clerk", "clerk"), ("unit_handler", "处置员", "Handler", "handler")]
        if not organisation.key.startswith("street-"):
            roles.insert(0, ("unit_admin", "管理员", "Administrator", "admin"))
        for role, zh, title, short_name in roles:
            seat(Post(f"{role}-{key}", role, organisation.key, f"{organisation.short_zh}{zh}",
                      f"{organisation.short_en} {title}"), f"{short_name}.{key}")  # fmt: skip
    return posts, accounts


def post_rows(seed: int) -> list[dict[str, str | None]]:
    """The rows of `posts.toml`."""
    code = codes()
    return [
        {"code": p.code, "role": p.role, "organisation": code[p.organisation], "area": p.area or None, "title_zh": p.zh,
         "title_en": p.en}
        for p in posts_and_accounts(seed)[0]
    ]  # fmt: skip


def account_rows(seed: int) -> list[dict[str, object]]:
    """The rows of `accounts.toml`."""
    return [
        {"username": a.username, "name": a.name, "posts": list(a.posts), "password": PASSWORD}
        for a in posts_and_accounts(seed)[1]
    ]  # fmt: skip
