"""The health index: worked out by hand, and true for any weights and scores."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from scoc.command.indicators.composite import Child, Composite, compose

D = Decimal
WEIGHTS = {"air": D(40), "management": D(40), "operation": D(20)}


def made(*children: Child, cap: int = 60, least: str = "0") -> Composite:
    return compose(children, WEIGHTS, cap=D(cap), least_coverage=D(least))


def child(code: str, theme: str, weight: int, score: int | None, *, failed: bool = False) -> Child:
    return Child(code, theme, D(weight), None if score is None else Fraction(score), failed)


def lost(index: Composite) -> dict[str, Decimal | None]:
    return {part.child.code: part.lost for part in index.children}


def test_by_hand() -> None:
    """Air: (2*70 + 1*85) / 3 = 75. Management: 90. Operation: 60.

    Index = 0.4*75 + 0.4*90 + 0.2*60 = 30 + 36 + 12 = 78. Lost: A 0.4*(2/3)*30 = 8; B 0.4*(1/3)*15 = 2; C 0.4*10 = 4;
    D 0.2*40 = 8: together 22.
    """
    index = made(child("A", "air", 2, 70), child("B", "air", 1, 85), child("C", "management", 1, 90),
                 child("D", "operation", 1, 60))  # fmt: skip
    assert index.value == D("78.0")
    assert lost(index) == {"A": D("8.0"), "B": D("2.0"), "C": D("4.0"), "D": D("8.0")}
    assert {part.code: (part.score, part.lost) for part in index.themes} == {
        "air": (Fraction(75), D(10)), "management": (Fraction(90), D(4)), "operation": (Fraction(60), D(8)),
    }  # fmt: skip
    assert index.coverage == 1


def test_a_missing_child_leaves_its_weight_to_its_neighbours() -> None:
    """B missing: air is A alone, 70. Index = 0.4*70 + 0.4*90 + 0.2*60 = 76. Covered: 1 - 0.4/3 = 13/15."""
    index = made(child("A", "air", 2, 70), child("B", "air", 1, None), child("C", "management", 1, 90),
                 child("D", "operation", 1, 60))  # fmt: skip
    assert index.value == D("76.0")
    assert lost(index) == {"A": D("12.0"), "B": None, "C": D("4.0"), "D": D("8.0")}
    assert index.coverage == Fraction(13, 15)


def test_a_missing_theme_leaves_its_weight_to_the_others() -> None:
    """Air missing: (40*90 + 20*60) / 60 = 80. Covered: 60/100."""
    index = made(child("A", "air", 2, None), child("C", "management", 1, 90), child("D", "operation", 1, 60))
    assert index.value == D("80.0")
    assert index.coverage == Fraction(3, 5)
    assert {part.code: part.lost for part in index.themes}["air"] is None


def test_a_theme_without_indicators_does_not_count() -> None:
    index = made(child("C", "management", 1, 90))
    assert (index.value, index.coverage) == (D("90.0"), Fraction(1))


def test_too_little_known_gives_no_index_and_no_zero() -> None:
    index = made(child("A", "air", 1, None), child("D", "operation", 1, 60), least="0.5")
    assert index.coverage == Fraction(1, 3)
    assert index.value is None
    assert lost(index) == {"A": None, "D": None}
    assert made().value is None


def test_a_failed_bottom_line_caps_its_theme_and_bears_the_loss() -> None:
    """Air: (1*0 + 3*100) / 4 = 75, but A failed: capped at 60.

    Index = 0.4*60 + 0.6*100 = 84 with management and operation at 100. A loses 0.4*(1/4)*100 = 10 and the cap's
    0.4*(75-60) = 6: 16; B nothing.
    """
    index = made(child("A", "air", 1, 0, failed=True), child("B", "air", 3, 100), child("C", "management", 1, 100),
                 child("D", "operation", 1, 100))  # fmt: skip
    assert index.value == D("84.0")
    assert lost(index) == {"A": D("16.0"), "B": D("0.0"), "C": D("0.0"), "D": D("0.0")}
    assert {part.code: (part.score, part.capped) for part in index.themes}["air"] == (Fraction(60), True)


def test_a_cap_above_the_score_changes_nothing() -> None:
    index = made(child("A", "air", 1, 0, failed=True), child("B", "air", 1, 100))
    assert (index.value, index.themes[0].capped) == (D("50.0"), False)


def test_tenths_add_up() -> None:
    """Three thirds of the loss: 100/3 each of 33.3…; value 0 needs 100.0 = 33.4 + 33.3 + 33.3."""
    index = made(child("A", "air", 1, 0), child("B", "air", 1, 0), child("C", "air", 1, 0))
    assert index.value == 0
    assert lost(index) == {"A": D("33.4"), "B": D("33.3"), "C": D("33.3")}


CHILDREN = st.lists(
    st.builds(
        Child, code=st.uuids().map(str), theme=st.sampled_from(["air", "management", "operation"]),
        weight=st.decimals(min_value="0.001", max_value=1000, places=3),
        score=st.none() | st.fractions(min_value=0, max_value=100), failed=st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@given(CHILDREN, st.decimals(min_value=0, max_value=100, places=1), st.sampled_from(["0", "0.5", "1"]))
def test_it_stays_within_its_scale_and_its_losses_add_up(children: list[Child], cap: Decimal, least: str) -> None:
    index = compose(children, WEIGHTS, cap=cap, least_coverage=D(least))
    assert 0 <= index.coverage <= 1
    if index.value is None:
        assert index.coverage < Fraction(least) or all(one.score is None for one in children)
        return
    assert 0 <= index.value <= 100
    parts = [part.lost for part in index.children if part.lost is not None]
    assert sum(parts) == 100 - index.value
    assert all(part >= 0 for part in parts)
    assert sum((part.lost or 0) for part in index.themes) == 100 - index.value
