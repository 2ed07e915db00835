"""Who is responsible (权责): the rows of the matrix that fit a case, best first, each with its reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from scoc.command.cases.models import Case, FilingCondition, ResponsibilityRow
from scoc.core.models import Area, Category, Organisation
from scoc.kit.text import Text

_OWNER = "owner"
"""Of the attributes: the code of the organisation that owns the asset."""
_KINDS = {"component": Text("部件", "Component"), "event": Text("事件", "Event")}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be responsible."""

    organisation: Organisation
    basis: str
    """`matrix:<row>@<version>` or `condition:<code>@<version>`."""
    priority: int | None
    legal_basis: Text
    reasons: tuple[Text, ...]


def attributes_of(case: Case) -> dict[str, str]:
    """What the matrix may ask of a case: its own attributes, and the owner of its asset (权属单位)."""
    owner = case.asset.owner.code if case.asset and case.asset.owner else None
    return {**case.attributes, **({_OWNER: owner} if owner else {})}


def candidates(
    condition: FilingCondition, area_path: str, attributes: Mapping[str, str], moment: datetime
) -> list[Candidate]:
    """Rows that hold at `moment` and fit, best first, one for each unit; dissolved units are left out.

    The smaller priority goes first; among equals a condition before a class before a major class, then the finer
    area, then more attributes. The unit that the condition itself names comes last.
    """
    codes = [code for code in area_path.split("/") if code]
    major = f"{condition.category[:-2]}00"
    rows = (
        ResponsibilityRow.objects.at(moment)
        .filter(Q(condition=condition.code) | Q(category__in=(condition.category, major)))
        .filter(Q(area="") | Q(area__in=codes))
        .filter(organisation__valid_to=None)
        .select_related("organisation")
    )
    fitting = [row for row in rows if all(attributes.get(name) == value for name, value in row.attributes.items())]

    def rank(row: ResponsibilityRow) -> tuple[int, int, int, int, str]:
        subject = 2 if row.condition else int(row.category == condition.category)
        depth = codes.index(row.area) + 1 if row.area else 0
        return row.priority, -subject, -depth, -len(row.attributes), row.code

    names = _names(fitting)
    found: dict[int, Candidate] = {}
    for row in sorted(fitting, key=rank):
        found.setdefault(
            row.organisation_id,
            Candidate(row.organisation, f"matrix:{row.code}@{row.version}", row.priority, row.basis,
                      (_subject(row, names), *_place_and_rest(row, names))),
        )  # fmt: skip
    named = condition.responsible
    if named is not None and named.valid_to is None:
        found.setdefault(
            named.pk,
            Candidate(named, f"condition:{condition.code}@{condition.version}", None, condition.basis,
                      (Text("立案条件指明的责任主体", "Named by the filing condition"),)),
        )  # fmt: skip
    return list(found.values())


def _names(rows: Iterable[ResponsibilityRow]) -> dict[str, Text]:
    """What the codes in these rows are called: areas, classes, conditions and owners, as they are now."""
    rows = list(rows)
    classes = {row.category for row in rows if row.category}
    owners = {row.attributes[_OWNER] for row in rows if _OWNER in row.attributes}
    found: dict[str, Text] = {}
    for names in (
        Area.objects.filter(code__in={row.area for row in rows if row.area}, valid_to=None),
        Category.objects.filter(code__in=classes, valid_to=None),
        FilingCondition.objects.filter(code__in={row.condition for row in rows if row.condition}, valid_to=None),
        Organisation.objects.filter(code__in=owners, valid_to=None),
    ):
        found |= dict(names.values_list("code", "name"))
    return found


def _subject(row: ResponsibilityRow, names: Mapping[str, Text]) -> Text:
    """What the row is about: a filing condition, a class or a whole major class, by name."""
    code = row.condition or row.category
    kind, _, short = code.partition("/")
    name = names.get(code, Text("", ""))
    if row.condition:
        return Text(f"立案条件：{name.zh or short}", f"Filing condition: {name.en or short}")
    if code.endswith("00"):
        what = _KINDS[kind]
        return Text(f"{what.zh}大类 {short[:2]} {name.zh}".rstrip(), f"{what.en} class {short[:2]} {name.en}".rstrip())
    return Text(f"小类 {short} {name.zh}".rstrip(), f"Class {short} {name.en}".rstrip())


def _place_and_rest(row: ResponsibilityRow, names: Mapping[str, Text]) -> list[Text]:
    area = names.get(row.area)
    told = [Text(f"区域：{area.zh}", f"Area: {area.en}") if area else Text("全市", "The whole city")]
    for name, value in sorted(row.attributes.items()):
        owner = names.get(value, Text(value, value))
        told.append(
            Text(f"权属单位：{owner.zh}", f"Owned by {owner.en}") if name == _OWNER
            else Text(f"{name} = {value}", f"{name} = {value}")
        )  # fmt: skip
    return told


def told_bases(bases: Iterable[str]) -> dict[str, Text]:
    """What the bases of dispatches rest on, in words; a base that is gone keeps its code."""
    found = {"manual": Text("人工指定，未按权责清单", "Chosen by hand, not by the list of duties")}
    parts = [base.replace("@", ":").split(":") for base in bases if base.count("@") == base.count(":") == 1]
    rows = ResponsibilityRow.objects.filter(_any([part for part in parts if part[0] == "matrix"]))
    names = _names(rows)
    for row in rows:
        subject = _subject(row, names)
        words = Text(f"{row.basis.zh}，{subject.zh}", f"{row.basis.en}, {subject.en}")
        found[f"matrix:{row.code}@{row.version}"] = words
    for one in FilingCondition.objects.filter(_any([part for part in parts if part[0] == "condition"])):
        words = Text(f"立案条件「{one.name.zh}」指明", f"Named by the filing condition “{one.name.en}”")
        found[f"condition:{one.code}@{one.version}"] = words
    return found


def _any(parts: list[list[str]]) -> Q:
    """The version rows of these codes and versions."""
    wanted = Q(pk__in=())
    for _, code, version in parts:
        wanted |= Q(code=code, version=int(version))
    return wanted


def candidates_for(case: Case, moment: datetime) -> list[Candidate]:
    """The candidates of a case. Raises ValueError before a condition was chosen."""
    if case.condition is None:
        raise ValueError("No filing condition was chosen yet.")
    return candidates(case.condition, case.area_path, attributes_of(case), moment)
