"""Whatever people do at the desk, in whatever order: each signal is in one situation, and all counts are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scoc.command.intake import actions
from scoc.command.intake.models import Join, Proposal, Repeat, Signal, Situation
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import FLOOD, NOISE, report
from scoc.core.acting import Actor
from scoc.core.refusals import Refusal

STEPS = (
    *("report", "report", "camera", "join", "join", "separate", "undo", "undo", "merge"),
    *("confirm", "reject", "accept", "dismiss", "take_over", "settle"),
)
Step = tuple[str, int, int]


def _pick(rows: list[int], index: int) -> int:
    return rows[index % len(rows)] if rows else 0


def _do(actor: Actor, step: Step) -> None:
    what, one, other = step
    signals = list(Signal.objects.order_by("id").values_list("id", flat=True))
    situations = list(Situation.objects.order_by("id").values_list("id", flat=True))
    joins = list(Join.objects.order_by("-id").values_list("id", flat=True))
    proposals = list(Proposal.objects.order_by("id").values_list("id", flat=True))
    signal, situation, target = _pick(signals, one), _pick(situations, one), _pick(situations, other)
    acts: dict[str, Callable[[], object]] = {
        "report": lambda: report(
            actor, metres=None if other == 9 else 60 * other, minutes=3 * one, category=(FLOOD, NOISE, None)[one % 3],
            level=1 + other % 4,
        ),
        "camera": lambda: report(actor, metres=100, minutes=one, channel="41", device=f"CAM-{other % 2}", rule="water"),
        "join": lambda: actions.join(actor, signal, target),
        "separate": lambda: actions.separate(actor, signal),
        "undo": lambda: actions.undo(actor, _pick(joins, one)),
        "merge": lambda: actions.merge(actor, situation, target),
        "confirm": lambda: actions.confirm(actor, _pick(proposals, one)),
        "reject": lambda: actions.reject(actor, _pick(proposals, one)),
        "accept": lambda: actions.accept(actor, situation, category=FLOOD),
        "dismiss": lambda: actions.dismiss(actor, situation, DismissReason.GONE, "已恢复"),
        "take_over": lambda: actions.take_over(actor, situation, "cases:1"),
        "settle": lambda: actions.settle(actor, situation, "cases:1", "closed"),
    }  # fmt: skip
    with suppress(Refusal):
        acts[what]()


def _check() -> None:
    stays = Counter(Join.objects.filter(undone_at=None).values_list("signal_id", "situation_id"))
    assert stays == Counter(Signal.objects.values_list("id", "situation_id"))
    for situation in Situation.objects.all():
        rows = list(Signal.objects.filter(situation=situation).order_by("happened_at", "id"))
        assert situation.signals == len(rows)
        assert situation.counts == dict(Counter(row.channel for row in rows))
        assert situation.occurrences == sum(row.count for row in rows)
        flow = list(situation.flow.order_by("version"))
        assert flow[-1].to_state == situation.state
        assert [step.left_at is None for step in flow] == [False] * (len(flow) - 1) + [True]
        assert [step.version for step in flow] == list(range(1, len(flow) + 1))
        over = situation.state in {"dismissed", "settled", "merged"}
        assert (situation.ended_at is not None) == over
        assert (situation.state == "merged") == (not rows) == (situation.merged_into_id is not None)
        if over:
            assert not Proposal.objects.filter(situation=situation, decided_at=None).exists()
        if not rows:
            continue
        assert situation.first_at == min(row.happened_at for row in rows)
        assert situation.last_at == max(row.last_at for row in rows)
        assert situation.signal_level == min(row.level for row in rows)
        placed = [row.lat for row in rows if row.lat is not None]
        assert situation.located == len(placed)
        if placed:
            assert situation.lat == pytest.approx(sum(placed) / len(placed), abs=1e-9)
        else:
            assert situation.lat is None
    for signal in Signal.objects.all():
        assert signal.count == 1 + Repeat.objects.filter(signal=signal).count()
        assert Proposal.objects.filter(signal=signal, decided_at=None).count() <= 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would act on the database for minutes
)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=24))
def test_each_signal_is_in_one_situation_and_counts_are_right(acceptor: Actor, steps: list[Step]) -> None:
    before = transaction.savepoint()
    try:
        for step in steps:
            _do(acceptor, step)
        _check()
    finally:
        transaction.savepoint_rollback(before)
