"""How persons' data are shown to those who need not see them whole (脱敏), after DOMAIN.md 10.3.

Masks never fail: what has no known form is hidden rather than shown.
"""

from __future__ import annotations

import re

_COMPOUND = re.compile(
    "欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|"
    "公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|太叔|申屠|公孙|慕容|仲孙|钟离|"
    "长孙|宇文|司徒|鲜于|司空|闾丘|子车|亓官|司寇|巫马|公西|颛孙|壤驷|"
    "公良|漆雕|乐正|宰父|谷梁|拓跋|夹谷|轩辕|令狐|段干|百里|呼延|东郭|"
    "南门|羊舌|微生|公户|公玉|公仪|梁丘|公仲|公上|公门|公山|公坚|左丘|"
    "西门|第五|完颜|纳兰|叶赫|爱新觉罗"
)
"""Surnames of more than one character (复姓)."""

_PHONE = r"(?:\+?86[-\s]?)?(?P<mobile>[1１][3-9３-９]\d)[-\s.·—－]?\d{4}[-\s.·—－]?(?P<mobile_end>\d{4})"
_LANDLINE = r"[(（]?(?P<area>0(?:10|2\d|[3-9]\d{2}))(?:[)）]\s?|[-\s])\d{3,4}[-\s]?(?P<landline_end>\d{4})"
_BORN = r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_RESIDENT = rf"(?P<id>[1-9]\d{{2}})\d{{3}}[-\s]?{_BORN}[-\s]?(?P<id_end>\d{{3}}[\dXx])"
_DIGEST = r"\b(?P<digest>[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"
_PERSONAL = re.compile(rf"{_DIGEST}|(?<!\d)(?:{_RESIDENT}|{_PHONE}|{_LANDLINE})(?!\d)")
_MOBILE_ONLY = re.compile(_PHONE)
_LANDLINE_ONLY = re.compile(r"[(（]?(?P<area>0(?:10|2\d|[3-9]\d{2}))[)）]?[-\s]?\d{3,4}[-\s]?(?P<end>\d{4})")
_RESIDENT_ONLY = re.compile(r"(\d{3})\d{8}(?:\d{3})?(\d{3}[\dXx])")
_BUILDING = re.compile(r"[0-9０-９]|[一二三四五六七八九十百]+(?:号|栋|幢|座|楼|单元|室|层|门|弄)")
_DOWN_TO = [
    re.compile(f"^.*(?:{ends})")
    for ends in ("社区|居委会|村委会", "小区|村", "街道|镇|乡", "大道|路|街|巷|胡同", "[区县市旗]")
]


def mask_name(name: str) -> str:
    """Surname (姓) kept: 张*, 欧阳*, 张**; of a name in letters the first letter."""
    name = name.strip()
    if not name:
        return ""
    if name.isascii():
        return name[0] + "***"
    compound = _COMPOUND.match(name)
    kept = compound.end() if compound and compound.end() < len(name) else 1
    return name[:kept] + "*" * max(1, len(name) - kept)


def mask_phone(phone: str) -> str:
    """138****5678; of a landline the area code and the last four digits, of anything else the last four."""
    phone = phone.strip()
    if match := _MOBILE_ONLY.fullmatch(phone):
        return f"{match['mobile']}****{match['mobile_end']}"
    if match := _LANDLINE_ONLY.fullmatch(phone):
        return f"{match['area']}-****{match['end']}"
    return _last(re.sub(r"\D", "", phone), 4)


def mask_id_card(number: str) -> str:
    """First three and last four of a resident identity number (居民身份证); of another id the last two."""
    number = number.strip()
    if match := _RESIDENT_ONLY.fullmatch(number):
        return match[1] + "*" * (len(number) - 7) + match[2]
    return _last(number, 2)


def mask_address(address: str) -> str:
    """Down to the community, else the town or street; building and room are hidden."""
    if not address.strip():
        return ""
    # What follows the first house number may name a place that the number belongs to, so it goes first.
    outside = _BUILDING.split(address.strip(), maxsplit=1)[0]
    return next((match[0] for form in _DOWN_TO if (match := form.match(outside))), "") + "***"


def public_place(words: str) -> str:
    """Of a place in a caller's own words what may be shown in lists and titles; empty where nothing has a known form.

    Said once it is the same for ever: masked again it stays as it is.
    """
    return mask_address(words).rstrip("*")


def mask_text(text: str) -> str:
    """Free text, such as a log line, with telephone and resident identity numbers of the mainland masked.

    Mobile numbers are found with or without +86 and separators, landlines only with an area code set apart,
    identity numbers by form, even with a wrong check character. Longer numbers and digests stay readable.
    """
    return _PERSONAL.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    if match["digest"]:
        return match[0]
    if match["id"]:
        return f"{match['id']}{'*' * 11}{match['id_end']}"
    if match["mobile"]:
        return f"{match['mobile']}****{match['mobile_end']}"
    return f"{match['area']}-****{match['landline_end']}"


def _last(text: str, kept: int) -> str:
    """Stars but for the last characters; all stars where these would be half of it or more."""
    return "*" * (len(text) - kept) + text[-kept:] if len(text) > 2 * kept else "*" * len(text)
