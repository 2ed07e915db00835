"""City packs (城市配置包): everything a city configures, as files: read, checked, planned, applied, exported.

Modules declare what a pack may configure in their `pack.py`, as sections (rows in files) and settings (tables of
`city.toml`); so the kernel never imports upwards.
"""

from scoc.core.city.applying import apply_pack, export_pack
from scoc.core.city.planning import Change, plan_pack
from scoc.core.city.reading import Pack, read_pack
from scoc.core.city.sections import (
    SECTIONS,
    SETTINGS,
    BadPack,
    Changes,
    PackRow,
    Problem,
    Section,
    SettingsTable,
    city_settings,
    declare_section,
    declare_settings,
)

__all__ = [
    "SECTIONS",
    "SETTINGS",
    "BadPack",
    "Change",
    "Changes",
    "Pack",
    "PackRow",
    "Problem",
    "Section",
    "SettingsTable",
    "apply_pack",
    "city_settings",
    "declare_section",
    "declare_settings",
    "export_pack",
    "plan_pack",
    "read_pack",
]
