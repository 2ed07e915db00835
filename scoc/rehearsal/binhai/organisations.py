"""The organisations of the city: government, bureaus (DOMAIN.md 9), utilities, districts with their units, streets.

Every one has a key by which the generator knows it; its identity is a valid social credit code.
"""

from __future__ import annotations

from dataclasses import dataclass

from scoc.kit.identifiers import credit_code_with_check
from scoc.rehearsal.binhai.names import DISTRICTS

CITY = "990100"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation: `handles` means that cases are dispatched to it."""

    key: str
    kind: str
    zh: str
    en: str
    short_zh: str
    short_en: str
    parent: str = ""
    area: str = ""
    handles: bool = False


def credit_code(kind: str, area: str, number: int) -> str:
    """A made-up social credit code: registrar and type by kind, an organisation code with its check (GB 11714)."""
    head = "91" if kind == "utility" else ("12" if kind == "centre" else "11")
    body = f"MB{number:06d}"
    total = sum(_DIGITS.index(c) * w for c, w in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    check = {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
    return credit_code_with_check(f"{head}{area or CITY}{body}{check}")


_BUREAUS: tuple[tuple[str, str, str, bool], ...] = (
    ("office", "市政府办公室", "Government Office", False),
    ("ndrc", "市发展和改革委员会", "Development and Reform Commission", False),
    ("data", "市数据局", "Data Administration", False),
    ("affairs", "市政务服务管理局", "Government Services Bureau", False),
    ("emergency", "市应急管理局", "Emergency Management Bureau", True),
    ("police", "市公安局", "Public Security Bureau", False),
    ("fire", "市消防救援支队", "Fire and Rescue Detachment", True),
    ("health", "市卫生健康委员会", "Health Commission", False),
    ("cdc", "市疾病预防控制局", "Disease Control Bureau", False),
    ("urban", "市城市管理局", "Urban Management Bureau", True),
    ("housing", "市住房和城乡建设局", "Housing and Construction Bureau", True),
    ("planning", "市自然资源和规划局", "Natural Resources and Planning Bureau", False),
    ("ecology", "市生态环境局", "Ecology and Environment Bureau", True),
    ("water", "市水务局", "Water Bureau", True),
    ("weather", "市气象局", "Meteorological Bureau", False),
    ("transport", "市交通运输局", "Transport Bureau", True),
    ("market", "市市场监督管理局", "Market Regulation Bureau", False),
    ("civil", "市民政局", "Civil Affairs Bureau", False),
    ("labour", "市人力资源和社会保障局", "Human Resources and Social Security Bureau", False),
    ("insurance", "市医疗保障局", "Medical Insurance Bureau", False),
    ("education", "市教育局", "Education Bureau", False),
    ("justice", "市司法局", "Justice Bureau", False),
    ("finance", "市财政局", "Finance Bureau", False),
    ("statistics", "市统计局", "Statistics Bureau", False),
    ("industry", "市工业和信息化局", "Industry and Information Technology Bureau", False),
    ("commerce", "市商务局", "Commerce Bureau", False),
    ("culture", "市文化广电和旅游局", "Culture and Tourism Bureau", False),
    ("agriculture", "市农业农村局", "Agriculture and Rural Affairs Bureau", False),
    ("parks", "市园林绿化局", "Parks and Forestry Bureau", True),
    ("letters", "市信访局", "Letters and Calls Bureau", False),
    ("veterans", "市退役军人事务局", "Veterans Affairs Bureau", False),
    ("politics", "市委政法委", "Political and Legal Affairs Commission", False),
    ("cyber", "市委网信办", "Cyberspace Office", False),
)
_UTILITIES: tuple[tuple[str, str, str], ...] = (
    ("waterworks", "滨海水务集团", "Binhai Water Group"),
    ("drainage", "滨海排水公司", "Binhai Drainage Company"),
    ("gas", "滨海燃气集团", "Binhai Gas Group"),
    ("power", "滨海供电公司", "Binhai Power Supply Company"),
    ("heat", "滨海热力公司", "Binhai Heating Company"),
    ("lights", "滨海路灯照明公司", "Binhai Street Lighting Company"),
    ("bus", "滨海公交集团", "Binhai Bus Group"),
    ("metro", "滨海地铁集团", "Binhai Metro Group"),
    ("telecom", "滨海通信管线公司", "Binhai Telecom Ducts Company"),
    ("iot", "滨海物联运维公司", "Binhai IoT Maintenance Company"),
)
_DISTRICT_UNITS: tuple[tuple[str, str, str], ...] = (
    ("urban", "城市管理局", "Urban Management Bureau"),
    ("roads", "市政养护所", "Municipal Works Unit"),
    ("sanitation", "环境卫生中心", "Sanitation Centre"),
    ("parks", "园林绿化所", "Parks Unit"),
)
DISTRICT_KEYS = {"990102": "hw", "990103": "lj", "990104": "dy", "990105": "qy", "990106": "lg"}


def organisations() -> dict[str, Organisation]:
    """All organisations by key, parents before children."""
    made = [
        Organisation("gov", "government", "滨海市人民政府", "Binhai Municipal Government", "市政府", "City Government"),
        Organisation("centre", "centre", "滨海市城市运行管理中心", "Binhai City Operation Centre", "运行中心",
                     "Operation Centre", "gov"),
        Organisation("supervision", "centre", "滨海市城市运行管理中心监督中心", "Binhai Supervision Centre", "监督中心",
                     "Supervision Centre", "centre"),
        Organisation("command", "centre", "滨海市城市运行管理中心指挥中心", "Binhai Command Centre", "指挥中心",
                     "Command Centre", "centre"),
        Organisation("bigdata", "centre", "滨海市城市运行管理中心大数据中心", "Binhai Data Centre", "大数据中心",
                     "Data Centre", "centre"),
        Organisation("it", "centre", "滨海市城市运行管理中心IT运维中心", "Binhai IT Operations Centre", "运维中心",
                     "IT Operations", "centre"),
    ]  # fmt: skip
    made += [
        Organisation(
            key, "bureau", f"滨海{zh}" if zh.startswith("市") else zh, f"Binhai {en}", zh, en, "gov", handles=handles
        )
        for key, zh, en, handles in _BUREAUS
    ]
    made.append(Organisation("traffic", "bureau", "滨海市公安局交警支队", "Binhai Traffic Police Detachment",
                             "市交警支队", "Traffic Police", "police", handles=True))  # fmt: skip
    made += [
        Organisation(key, "utility", f"{zh.removesuffix('公司')}有限公司", en,
                     zh.removeprefix("滨海"), en.removeprefix("Binhai "), "", handles=True)
        for key, zh, en in _UTILITIES
    ]  # fmt: skip
    for district in DISTRICTS:
        d = DISTRICT_KEYS[district.code]
        en = district.en.removesuffix(" District")
        made.append(Organisation(d, "district", f"滨海市{district.zh}人民政府", f"{en} District Government",
                                 f"{district.zh}政府", f"{en} Government", "gov", district.code))  # fmt: skip
        made += [
            Organisation(f"{d}-{key}", "bureau", f"滨海市{district.zh}{zh}", f"{en} {unit}", f"{district.zh}{zh}",
                         f"{en} {unit}", d, district.code, handles=True)
            for key, zh, unit in _DISTRICT_UNITS
        ]  # fmt: skip
        counts = {False: 0, True: 0}
        for street in district.streets:
            code = district.code + f"{counts[street.town] + (100 if street.town else 1):03d}"
            counts[street.town] += 1
            kind_zh, kind_en = ("人民政府", "Town Government") if street.town else ("办事处", "Subdistrict Office")
            name_en = street.en.removesuffix(" Town").removesuffix(" Subdistrict")
            made.append(Organisation(f"street-{code}", "street", f"{district.zh}{street.zh}{kind_zh}",
                                     f"{name_en} {kind_en}", street.zh, street.en, d, code, handles=True))  # fmt: skip
    return {organisation.key: organisation for organisation in made}


def codes() -> dict[str, str]:
    """The credit code of every organisation by key."""
    return {
        o.key: credit_code(o.kind, o.area[:6], number) for number, o in enumerate(organisations().values(), 1)
    }  # fmt: skip


def organisation_rows() -> list[dict[str, str | None]]:
    """The rows of `organisations.toml`."""
    code = codes()
    return [
        {
            "code": code[o.key], "kind": o.kind, "name_zh": o.zh, "name_en": o.en, "short_zh": o.short_zh,
            "short_en": o.short_en, "parent": code[o.parent] if o.parent else None, "area": o.area or None,
        }
        for o in organisations().values()
    ]  # fmt: skip
