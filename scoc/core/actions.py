"""`@action("cases.dispatch")`: the one door for change.

An action is a plain function with its actor first. Calling it checks the permission (default deny), opens the
transaction, publishes its facts with it, and leaves its trace in the audit when it is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

from scoc.core import audit, now
from scoc.core.acting import BY_STATE, Actor, unit_of_work
from scoc.core.models import Run, User
from scoc.core.refusals import NotAllowed, Refusal
from scoc.kit.text import Text

P = ParamSpec("P")
R = TypeVar("R")
ACTIONS: dict[str, Callable[..., object]] = {}
"""Every action there is, by its name, which is also its permission."""
SHARED: set[str] = set()
"""Actions that change what all runs share, e.g. accounts, devices, the calendar: never done from inside a drill."""


def action(
    name: str, *, audited: bool = False, by_state: Iterable[str] = (), shared: bool = False
) -> Callable[[Callable[Concatenate[Actor, P], R]], Callable[Concatenate[Actor, P], R]]:
    """Make a function the action `name`. With `audited`, successes are written to the audit as well, under the subject
    of the first fact that the action published.

    With `by_state`, the states that its subject may be in, grants may be limited to some of them: the function calls
    `access.allowed(actor, name, state)` once it knows the state. With `shared` it changes what real life and drills
    have in common, and is refused in a drill or replay: there nothing real may change.
    """
    states = frozenset(str(state) for state in by_state)

    def make(function: Callable[Concatenate[Actor, P], R]) -> Callable[Concatenate[Actor, P], R]:
        if name in ACTIONS:
            raise ValueError(f"Two actions are called {name}; give each its own name.")
        if states:
            BY_STATE[name] = states
        if shared:
            SHARED.add(name)

        @functools.wraps(function)
        def act(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with unit_of_work(actor) as work:
                work.states_asked.discard(name)
                told_before = len(work.facts)
                try:
                    if actor.may(name) is None:
                        raise NotAllowed(
                            "no_permission",
                            Text("您的岗位没有这项权限。", f"Your post does not have the permission {name}."),
                        )
                    _refuse_in_wrong_run(actor, work.run_id, shared=shared)
                    result = function(actor, *args, **kwargs)
                    if states and name not in work.states_asked and actor.states_named(name):
                        raise RuntimeError(f"{name} is limited by state but never asked `allowed` with the state.")
                except Refusal as refusal:
                    audit.record(
                        actor,
                        kind="refusal",
                        action=name,
                        subject=refusal.subject,
                        outcome=refusal.outcome,
                        code=refusal.code,
                        detail=refusal.message,
                    )
                    raise
                except Exception as fault:
                    # Its text may hold anything, persons too; its kind and the correlation lead to the log.
                    audit.record(actor, kind="fault", action=name, outcome="failed", code=type(fault).__name__)
                    raise
                if audited:
                    told = work.facts[told_before:]
                    subject = told[0].subject if told else ""
                    audit.record(actor, kind="action", action=name, subject=subject, outcome="done")
            return result

        ACTIONS[name] = act
        return act

    return make


def _refuse_in_wrong_run(actor: Actor, run_id: int, *, shared: bool) -> None:
    """Raises Refusal for a person in a drill that is over, and for what all runs share in any drill or replay."""
    clock = now.run_clock(run_id)
    if clock is None or clock.kind == Run.Kind.NORMAL or now.is_real(run_id):
        return
    if clock.ended_at is not None and actor.kind == User.Kind.PERSON:
        raise Refusal("run_ended", Text("该演练或回放已结束，请先返回真实城市。",
                                        "This drill or replay is over: go back to real life first."))  # fmt: skip
    if shared:
        raise Refusal("in_a_drill", Text("演练或回放中不能更改真实城市的设置，请先返回真实城市。",
                                         "This would change the real city: go back to real life first."))  # fmt: skip
