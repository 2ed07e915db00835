"""What a city pack may configure of cases: filing conditions, the responsibility matrix, limits of the desks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from scoc.command.cases.models import FilingCondition, LimitUnit, ResponsibilityRow
from scoc.core.city import Changes, Pack, PackRow, Problem, Section, SettingsTable, declare_section, declare_settings
from scoc.core.city.sections import text_of
from scoc.core.models import Organisation
from scoc.core.now import city_now, wall_now
from scoc.core.pack import ALWAYS, CODE, EN, ZH

LONG_ZH = Field(min_length=1, max_length=300)
LONG_EN = Field(min_length=1, max_length=400)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeskLimit(_Strict):
    """How long a desk of the centre may take."""

    minutes: int = Field(ge=1, le=60 * 24 * 60)
    office: bool = False
    """Counted in office hours only; otherwise day and night."""


class Rung(_Strict):
    """One rung of the ladder that the city climbs while a clock runs on."""

    percent: int = Field(ge=10, le=1000)
    """Of the limit that is used."""
    level: Literal["info", "urge", "alarm"] = "urge"
    roles: tuple[str, ...] = ()
    """Roles of the unit that are told when its own clock runs, beside the desk whose turn it is."""
    supervision: tuple[str, ...] = ()
    """Roles of the centre that are told, whoever's clock it is."""


class Source(_Strict):
    """A source of reports (DOMAIN.md 1.2)."""

    name_zh: str = ZH
    name_en: str = EN
    verify: bool = True
    """Whether a report is to be verified on the spot before it is filed."""
    photos: int = Field(0, ge=0, le=20)
    """Photos that a report must bring."""
    supervised: bool = False
    """Its cases are always supervised (督办)."""
    personal: bool = True
    """Whether the place is in a caller's own words and may name a home: the house is then kept with the reporter."""


def _source(zh: str, en: str, **rest: Any) -> Source:
    return Source(**{"name_zh": zh, "name_en": en, "verify": False, "personal": False, **rest})


SOURCES = {
    "01": _source("信息采集员上报", "Grid collector", photos=1),
    "02": _source("考评发现", "Found by evaluators"),
    "03": _source("自行处置", "Put right on the spot"),
    "11": _source("热线举报 12345", "Hotline 12345", verify=True, personal=True),
    "31": _source("媒体监督", "Media", verify=True, personal=True),
    "33": _source("网络/微信上报", "Web and mini-program", verify=True, personal=True),
    "34": _source("视频上报", "Video watch"),
    "36": _source("督查检查", "Inspection by superiors"),
    "41": _source("智能分析", "Video analytics", verify=True),
    "42": _source("物联感知", "Sensor alarm"),
    "51": _source("领导交办", "Leader's assignment", supervised=True, personal=True),
    "52": _source("部门批转、上级平台下发", "Transferred from another system", personal=True),
}

_CENTRE = {
    "reported": ("acceptor",),
    "accepted": ("shift_leader",),
    "filed": ("dispatcher",),
    "dispatched": ("unit_clerk", "unit_handler"),
    "handling": ("unit_handler",),
    "handled": ("shift_leader",),
    "checking": ("collector",),
    "pending_close": ("shift_leader",),
}


class CasesSettings(BaseModel):
    """`[cases]`: limits of the desks, when clocks warn, who is told, which sources there are."""

    model_config = ConfigDict(extra="forbid")
    acceptance: DeskLimit = DeskLimit(minutes=30)
    """From report to acceptance (受理时限)."""
    filing: DeskLimit = DeskLimit(minutes=30)
    """From acceptance to filing (立案时限)."""
    dispatch: DeskLimit = DeskLimit(minutes=30)
    """From filing to dispatch (派遣时限)."""
    sign: DeskLimit = DeskLimit(minutes=60, office=True)
    """From dispatch to the unit's signature (签收时限)."""
    check: DeskLimit = DeskLimit(minutes=30)
    """From the order to check to its result (核查时限)."""
    close: DeskLimit = DeskLimit(minutes=30)
    """From the passed check to closing (结案时限)."""
    yellow_percent: int = Field(70, ge=1, le=99)
    """From here on a clock is yellow: soon overdue."""
    ladder: tuple[Rung, ...] = (
        Rung(percent=80, level="urge", roles=("unit_clerk", "unit_handler")),
        Rung(percent=100, level="alarm", roles=("unit_admin", "unit_clerk", "unit_handler"),
             supervision=("shift_leader",)),
    )  # fmt: skip
    """Rungs in the order of their percent (催办)."""
    rework: Literal["bundle", "fresh"] = "bundle"
    """Whether disposal after rework goes on in its budget (捆绑计时) or begins a new one."""
    desks: dict[str, tuple[str, ...]] = _CENTRE
    """State → roles whose turn it is; of the states of the unit its posts only."""
    default_priority: int = Field(3, ge=1, le=4)
    same_place_metres: int = Field(50, ge=1, le=500)
    """Cases within this distance are at the same place."""
    history_months: int = Field(24, ge=1, le=120)
    """How far back the history of a place goes."""
    sources: dict[str, Source] = SOURCES
    role_sources: dict[str, list[Annotated[str, Field(pattern=r"^\d{2}$")]]] = {
        "collector": ["01", "03"],
        "grid_officer": ["01", "03"],
        "evaluator": ["02"],
        "acceptor": ["11", "31", "33", "34", "36", "51", "52"],
    }
    """Sources that a role may report under, so that its guards and rates hold; roles not named may use all."""

    @field_validator("ladder")
    @classmethod
    def _in_order(cls, ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
        percents = [rung.percent for rung in ladder]
        if percents != sorted(set(percents)):
            raise ValueError("rungs stand in the order of their percent, each once")
        return ladder


def _roles(settings: CasesSettings) -> dict[str, set[str]]:
    return {
        "ladder": {role for rung in settings.ladder for role in (*rung.roles, *rung.supervision)},
        "desks": {role for roles in settings.desks.values() for role in roles},
    }


declare_settings(SettingsTable("cases", CasesSettings, roles=_roles))


class ConditionIn(PackRow):
    """One filing condition (立案条件) of a class, with its limit and closing criterion."""

    code: str = CODE
    category: str = Field(pattern=r"^(component|event)/\d{4}$")
    """Code of the class, e.g. `component/0101`."""
    name_zh: str = LONG_ZH
    name_en: str = LONG_EN
    limit: Decimal = Field(gt=0, le=10_000, decimal_places=2)
    unit: Literal["URGENT_HOUR", "URGENT_DAY", "WORK_HOUR", "WORK_DAY", "NATURAL_DAY"]
    criterion_zh: str = LONG_ZH
    criterion_en: str = LONG_EN
    basis_zh: str = LONG_ZH
    basis_en: str = LONG_EN
    responsible: str | None = None
    """Code of the organisation that handles where the matrix says nothing."""
    supervising: str | None = None
    """Code of the bureau that answers for the field."""
    urgency: int = Field(3, ge=1, le=4)
    """The least priority of its cases: 1 is the most urgent."""


class ResponsibilityIn(PackRow):
    """One row of the responsibility matrix (权责清单)."""

    code: str = CODE
    category: str | None = Field(None, pattern=r"^(component|event)/\d{4}$")
    """Code of a class; with the minor part `00` of a whole major class."""
    condition: str | None = Field(None, max_length=60)
    """Code of one filing condition; either this or a class."""
    area: str | None = Field(None, max_length=20)
    """Where it holds; without it in the whole city."""
    attributes: dict[str, str] = Field(default_factory=dict)
    """What must be true of the case; in CSV files `road_grade=main;owner=…`."""
    organisation: str
    priority: int = Field(5, ge=1, le=9)
    """The smaller goes first."""
    basis_zh: str = LONG_ZH
    basis_en: str = LONG_EN

    @field_validator("attributes", mode="before")
    @classmethod
    def _from_csv(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(";") if pair.strip()]
        if any(not mark for _, mark, _ in pairs):
            raise ValueError("write attributes as name=value;name=value")
        return {name.strip(): text.strip() for name, _, text in pairs}


def _classes(pack: Pack) -> set[str]:
    return {str(getattr(row, "code", "")) for row, _, _ in pack.rows["categories"]}


def _check_conditions(pack: Pack, rows: Sequence[tuple[ConditionIn, str, int]]) -> Iterable[Problem]:
    classes = _classes(pack)
    for row, file, line in rows:
        if row.category not in classes:
            yield Problem(file, line, "category", f"`{row.category}` is not among the categories.",
                          "Add it to categories.toml or correct it.")  # fmt: skip


def _check_responsibility(pack: Pack, rows: Sequence[tuple[ResponsibilityIn, str, int]]) -> Iterable[Problem]:
    classes = _classes(pack)
    majors = {f"{code[:-2]}00" for code in classes}
    for row, file, line in rows:
        if bool(row.category) == bool(row.condition):
            yield Problem(file, line, "category", "It names both a class and a condition, or neither.",
                          "Give one of the two.")  # fmt: skip
        if row.category and row.category not in classes | majors:
            yield Problem(file, line, "category", f"`{row.category}` is not among the categories.",
                          "Add it to categories.toml or correct it.")  # fmt: skip


def _code_of(organisation: Organisation | None) -> str | None:
    return organisation.code if organisation else None


def _conditions() -> Iterable[ConditionIn]:
    for row in FilingCondition.objects.filter(valid_to=None).select_related("responsible", "supervising"):
        yield ConditionIn(
            code=row.code, category=row.category, name_zh=row.name.zh, name_en=row.name.en, limit=row.limit,
            unit=LimitUnit(row.unit).value, criterion_zh=row.criterion.zh, criterion_en=row.criterion.en,
            basis_zh=row.basis.zh, basis_en=row.basis.en, responsible=_code_of(row.responsible),
            supervising=_code_of(row.supervising), urgency=row.urgency,
        )  # fmt: skip


def _newest(model: type[FilingCondition | ResponsibilityRow]) -> dict[str, int]:
    return dict(model.objects.order_by("version").values_list("code", "version"))


def _versioned(known: dict[str, int], code: str) -> dict[str, Any]:
    moment = city_now()
    return {
        "code": code, "version": known.get(code, 0) + 1, "valid_from": moment if code in known else ALWAYS,
        "recorded_at": wall_now(), "source": "city pack",
    }  # fmt: skip


def _apply_conditions(changes: Changes[ConditionIn]) -> None:
    """A changed condition gets a new version: cases filed under the old one keep it."""
    known = _newest(FilingCondition)
    ended = [row.code for row in [*changes.removed, *changes.changed]]
    FilingCondition.objects.filter(code__in=ended, valid_to=None).update(valid_to=city_now())
    organisations = dict(Organisation.objects.values_list("code", "id"))
    FilingCondition.objects.bulk_create(
        FilingCondition(
            **_versioned(known, row.code), category=row.category, name=text_of(row), limit=row.limit, unit=row.unit,
            criterion=text_of(row, "criterion"), basis=text_of(row, "basis"), urgency=row.urgency,
            responsible_id=organisations[row.responsible] if row.responsible else None,
            supervising_id=organisations[row.supervising] if row.supervising else None,
        )
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


def _responsibility() -> Iterable[ResponsibilityIn]:
    for row in ResponsibilityRow.objects.filter(valid_to=None).select_related("organisation"):
        yield ResponsibilityIn(
            code=row.code, category=row.category or None, condition=row.condition or None, area=row.area or None,
            attributes=row.attributes, organisation=row.organisation.code, priority=row.priority,
            basis_zh=row.basis.zh, basis_en=row.basis.en,
        )  # fmt: skip


def _apply_responsibility(changes: Changes[ResponsibilityIn]) -> None:
    known = _newest(ResponsibilityRow)
    ended = [row.code for row in [*changes.removed, *changes.changed]]
    ResponsibilityRow.objects.filter(code__in=ended, valid_to=None).update(valid_to=city_now())
    organisations = dict(Organisation.objects.values_list("code", "id"))
    ResponsibilityRow.objects.bulk_create(
        ResponsibilityRow(
            **_versioned(known, row.code), category=row.category or "", condition=row.condition or "",
            area=row.area or "", attributes=row.attributes, organisation_id=organisations[row.organisation],
            priority=row.priority, basis=text_of(row, "basis"),
        )
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip


declare_section(
    Section("conditions", ("conditions.toml",), "condition", ConditionIn, ("code",), _conditions, _apply_conditions,
            references={"responsible": "organisations", "supervising": "organisations"}, check=_check_conditions)
)  # fmt: skip
declare_section(
    Section("responsibility", ("responsibility.toml", "responsibility.csv"), "responsibility", ResponsibilityIn,
            ("code",), _responsibility, _apply_responsibility,
            references={"condition": "conditions", "area": "areas", "organisation": "organisations"},
            check=_check_responsibility)
)  # fmt: skip
