"""Who is responsible (权责): the rows of the matrix that fit a case, best first, each with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from scoc.command.cases.models import Case, FilingCondition, ResponsibilityRow
from scoc.core.models import Area, Organisation
from scoc.kit.text import Text


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
    return {**case.attributes, **({"owner": owner} if owner else {})}


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

    names = dict(Area.objects.filter(code__in={row.area for row in fitting}, valid_to=None).values_list("code", "name"))
    found: dict[int, Candidate] = {}
    for row in sorted(fitting, key=rank):
        found.setdefault(
            row.organisation_id,
            Candidate(row.organisation, f"matrix:{row.code}@{row.version}", row.priority, row.basis,
                      _reasons(row, condition, names.get(row.area))),
        )  # fmt: skip
    named = condition.responsible
    if named is not None and named.valid_to is None:
        found.setdefault(
            named.pk,
            Candidate(named, f"condition:{condition.code}@{condition.version}", None, condition.basis,
                      (Text("立案条件指明的责任主体", "Named by the filing condition"),)),
        )  # fmt: skip
    return list(found.values())


def _reasons(row: ResponsibilityRow, condition: FilingCondition, area: Text | None) -> tuple[Text, ...]:
    if row.condition:
        subject = Text(f"立案条件 {row.condition}：{condition.name.zh}",
                       f"Filing condition {row.condition}: {condition.name.en}")  # fmt: skip
    elif row.category == condition.category:
        subject = Text(f"小类 {row.category}", f"Class {row.category}")
    else:
        subject = Text(f"大类 {row.category}", f"Major class {row.category}")
    place = (
        Text(f"区域 {area.zh}", f"Area {area.en}") if area is not None else Text("全市", "The whole city")
    )  # fmt: skip
    rest = (Text(f"{name} = {value}", f"{name} = {value}") for name, value in sorted(row.attributes.items()))
    return (subject, place, *rest)


def candidates_for(case: Case, moment: datetime) -> list[Candidate]:
    """The candidates of a case. Raises ValueError before a condition was chosen."""
    if case.condition is None:
        raise ValueError("No filing condition was chosen yet.")
    return candidates(case.condition, case.area_path, attributes_of(case), moment)
