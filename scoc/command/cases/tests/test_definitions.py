"""Filing conditions of a class, and the ranking of the responsibility matrix."""

from __future__ import annotations

import pytest

from scoc.command.cases import queries
from scoc.command.cases.tests.factories import (
    COVER,
    Cast,
    make_condition,
    make_row,
    report,
    step,
)
from scoc.core.refusals import NotFound, Refusal
from scoc.core.tests.factories import make_area, make_organisation
from scoc.spatial.tests.factories import make_outline


def test_conditions_of_a_class(cast: Cast) -> None:
    assert [row.code for row in queries.conditions(cast.acceptor, "component/0101")] == [COVER, "component/0101-3"]
    assert len(queries.conditions(cast.acceptor)) == 3
    assert queries.conditions(cast.acceptor, "event/9999") == []


def test_the_matrix_ranks_its_rows_with_reasons(cast: Cast) -> None:
    units = {name: make_organisation(name) for name in "abcdef"}
    make_row("major", units["a"], category="component/0100")
    make_row("area", units["b"], category="component/0101", area="990102")
    make_row("condition", units["c"], condition=COVER)
    make_row("first", units["d"], category="component/0100", priority=1)
    make_row("west", units["e"], category="component/0101", area="990103")
    make_row("road", units["f"], category="component/0101", attributes={"road_grade": "main"})
    street = make_area("990102001", "street", "一街", cast.city.east)
    make_outline(street, 121.7, 29.9, 121.8, 30.1)

    def order(attributes: dict[str, str] | None = None) -> list[str]:
        return [row.basis for row in queries.suggest_unit(cast.dispatcher, COVER, "990102001", attributes)]

    # priority 1 first; then the condition, the class in its area, the class, the major class
    assert order() == [
        "matrix:first@1",
        "matrix:condition@1",
        "matrix:area@1",
        "matrix:water-covers@1",
        "matrix:major@1",
    ]
    assert order({"road_grade": "main"}) == [
        "matrix:first@1", "matrix:condition@1", "matrix:area@1", "matrix:road@1", "matrix:water-covers@1",
        "matrix:major@1",
    ]  # fmt: skip
    found = queries.suggest_unit(cast.dispatcher, COVER, "990102001")
    assert [reason.zh for reason in found[2].reasons] == ["小类 0101 上水井盖", "区域：东区"]
    assert [reason.zh for reason in found[4].reasons] == ["部件大类 01", "全市"]
    case = report(cast)
    with pytest.raises(Refusal) as error:
        queries.units_for_case(cast.dispatcher, case.pk)
    assert error.value.code == "no_condition_yet"
    step(cast, case.pk, "accept_case")
    assert [row.basis for row in queries.units_for_case(cast.dispatcher, case.pk)] == order()
    with pytest.raises(NotFound):
        queries.suggest_unit(cast.dispatcher, "nothing")


def test_the_unit_of_the_condition_comes_last(cast: Cast) -> None:
    make_condition("component/0101-4", "4", "WORK_HOUR", responsible=cast.city.bureau)
    found = queries.suggest_unit(cast.dispatcher, "component/0101-4", "990102")
    assert [(row.rank, row.unit.id, row.basis) for row in found] == [
        (1, cast.city.utility.pk, "matrix:water-covers@1"), (2, cast.city.bureau.pk, "condition:component/0101-4@1"),
    ]  # fmt: skip
