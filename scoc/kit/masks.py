"""How persons' data are shown to those who need not see them whole (脱敏), after DOMAIN.md 10.3."""

from __future__ import annotations

import re

_COMPOUND = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 "
    "公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 "
    "谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 "
    "西门 第五"
).split()
_PHONE = re.compile(r"(?<![\dA-Za-z])(?:\+?86[-\s]?)?(1[3-9]\d)[-\s]?(\d{4})[-\s]?(\d{4})(?!\d)")
_ID_CARD = re.compile(r"(?<![\dA-Za-z])([1-9]\d{2})(\d{3}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])\d{2})(\d{3}[\dXx])(?![\dA-Za-z])")
_DOWN_TO = [re.compile(rf"^(.*?(?:{ends}))") for ends in ("社区|村|小区", "街道|镇|乡", "大道|路|街|巷")]


def mask_name(name: str) -> str:
    """Surname kept: 张*, 欧阳*, 张**; of a name in letters the first letter."""
    if not name:
        return ""
    if name.isascii():
        return name[0] + "***"
    surname = next((s for s in _COMPOUND if name.startswith(s) and len(name) > len(s)), name[0])
    return surname + "*" * max(1, len(name) - len(surname))


def mask_phone(phone: str) -> str:
    """138****5678; of other numbers the last four digits and, if long enough, the area code."""
    if not phone:
        return ""
    match = _PHONE.fullmatch(phone)
    if match:
        return f"{match[1]}****{match[3]}"
    digits = re.sub(r"\D", "", phone)
    if len(digits) < 7:
        return "*" * len(digits)
    return digits[:3] + "*" * (len(digits) - 7) + digits[-4:] if len(digits) > 8 else "****" + digits[-4:]


def mask_id_card(number: str) -> str:
    """First three and last four of a resident identity number; the last two of anything else."""
    if not number:
        return ""
    if len(number) == 18:
        return number[:3] + "*" * 11 + number[-4:]
    return "*" * max(0, len(number) - 2) + number[-2:]


def mask_address(address: str) -> str:
    """Down to the community or street; building and room are hidden."""
    if not address:
        return ""
    kept = next((match[1] for form in _DOWN_TO if (match := form.match(address))), address[: len(address) // 2])
    return f"{kept}***"


def mask_bank_card(number: str) -> str:
    """Last four digits."""
    return "*" * max(0, len(number) - 4) + number[-4:] if len(number) > 4 else "*" * len(number)


def mask_plate(plate: str) -> str:
    """First two and last one."""
    return plate[:2] + "*" * (len(plate) - 3) + plate[-1] if len(plate) > 3 else "*" * len(plate)


def mask_text(text: str) -> str:
    """Free text with mainland telephone numbers and resident identity numbers masked."""
    text = _ID_CARD.sub(lambda m: m[1] + "*" * 11 + m[3], text)
    return _PHONE.sub(lambda m: f"{m[1]}****{m[3]}", text)
