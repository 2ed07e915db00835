"""The table of allowed moves (DOMAIN.md 1.6) as data: who may bring a case from which state into which.

A further transition is a further row here, its guard in `actions`, and a route. States of the full table are all
declared; the rows that exist carry their number in the table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from django.db import models

from scoc.command.cases.models.timers import Clock
from scoc.kit.text import Text


class State(models.TextChoices):
    """Where a case stands; the label is what people say."""

    REPORTED = "reported", "待受理"
    VERIFYING = "verifying", "核实中"
    ACCEPTED = "accepted", "待立案"
    FILED = "filed", "待派遣"
    COORDINATING = "coordinating", "疑难协调中"
    DISPATCHED = "dispatched", "待签收"
    HANDLING = "handling", "处理中"
    SUSPENDED = "suspended", "挂账中"
    HANDLED = "handled", "已反馈待督查"
    CHECKING = "checking", "核查中"
    PENDING_CLOSE = "pending_close", "待结案"
    CLOSED = "closed", "已结案"
    VOID = "void", "作废"
    REFUSED = "refused", "不予受理"
    NOT_FILED = "not_filed", "不予立案"
    MERGED = "merged", "已合并"


STATE_TEXT = {
    State.REPORTED: Text("待受理", "to be accepted"),
    State.VERIFYING: Text("核实中", "being verified"),
    State.ACCEPTED: Text("待立案", "to be filed"),
    State.FILED: Text("待派遣", "to be dispatched"),
    State.COORDINATING: Text("疑难协调中", "in coordination"),
    State.DISPATCHED: Text("待签收", "to be signed for"),
    State.HANDLING: Text("处理中", "being handled"),
    State.SUSPENDED: Text("挂账中", "suspended"),
    State.HANDLED: Text("已反馈待督查", "handled, to be reviewed"),
    State.CHECKING: Text("核查中", "being checked"),
    State.PENDING_CLOSE: Text("待结案", "to be closed"),
    State.CLOSED: Text("已结案", "closed"),
    State.VOID: Text("作废", "void"),
    State.REFUSED: Text("不予受理", "refused"),
    State.NOT_FILED: Text("不予立案", "not filed"),
    State.MERGED: Text("已合并", "merged"),
}
OVER = frozenset({State.CLOSED, State.VOID, State.REFUSED, State.NOT_FILED, State.MERGED})
"""States in which nothing more is to be done."""

STAGES = (
    Text("信息收集", "Collection"),
    Text("案卷建立", "Filing"),
    Text("任务派遣", "Dispatch"),
    Text("任务处理", "Disposal"),
    Text("处理反馈", "Feedback"),
    Text("核查结案", "Check and close"),
    Text("综合评价", "Evaluation"),
)
"""The seven stages (七步闭环, DOMAIN.md 1.5)."""
STAGE_OF = {
    State.REPORTED: 2, State.VERIFYING: 2, State.ACCEPTED: 2, State.REFUSED: 2, State.NOT_FILED: 2, State.MERGED: 2,
    State.FILED: 3, State.COORDINATING: 3,
    State.DISPATCHED: 4, State.HANDLING: 4, State.SUSPENDED: 4,
    State.HANDLED: 5,
    State.CHECKING: 6, State.PENDING_CLOSE: 6,
    State.CLOSED: 7, State.VOID: 7,
}  # fmt: skip
"""The stage that a case in this state is in: collection is over once it is reported."""
STEP_CLOCK = {
    State.REPORTED: Clock.ACCEPTANCE,
    State.ACCEPTED: Clock.FILING,
    State.FILED: Clock.DISPATCH,
    State.DISPATCHED: Clock.SIGN,
    State.HANDLING: Clock.DISPOSAL,
    State.CHECKING: Clock.CHECK,
    State.PENDING_CLOSE: Clock.CLOSE,
}
"""The clock of the desk whose turn it is in this state; a stay is counted in its time."""


class Side(StrEnum):
    """The two separated axes, and those whose work they direct."""

    SOURCE = "source"
    """Whoever reports."""
    SUPERVISION = "supervision"
    """监督: finds, files, checks, closes, scores."""
    COMMAND = "command"
    """指挥: dispatches, coordinates."""
    UNIT = "unit"
    """The unit that the case was dispatched to, and it alone."""


class Need(StrEnum):
    """What a move asks of the person who makes it."""

    CONDITION = "condition"
    UNIT = "unit_id"
    OPINION = "opinion"
    AFTER_PHOTO = "after_photo"
    CHECK_PHOTO = "check_photo"
    CRITERION = "criterion_met"


NEED_TEXT = {
    Need.CONDITION: Text("立案条件", "Filing condition"),
    Need.UNIT: Text("承办单位", "Unit"),
    Need.OPINION: Text("意见", "Opinion"),
    Need.AFTER_PHOTO: Text("处置后照片", "Photo after disposal"),
    Need.CHECK_PHOTO: Text("核查照片", "Photo of the check"),
    Need.CRITERION: Text("已达到结案条件", "The closing criterion is met"),
}


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: an action, from where to where, which clocks it stops and starts, who may make it."""

    number: int
    """Of the table in DOMAIN.md 1.6."""
    name: str
    """Of the action, without `cases.`."""
    route: str
    label: Text
    origins: frozenset[State]
    target: State
    side: Side
    stops: tuple[Clock, ...] = ()
    starts: tuple[Clock, ...] = ()
    needs: tuple[Need, ...] = ()
    optional: tuple[Need, ...] = (Need.OPINION,)
    turn: frozenset[State] = field(default=frozenset())
    """States in which a case waits for this move rather than another; it makes the list 我的待办."""

    @property
    def permission(self) -> str:
        """What the actor's grants must give, in the state the case is in."""
        return f"cases.{self.name}"


def _move(number: int, name: str, route: str, label: Text, origins: set[State], target: State, side: Side,
          *, turn: set[State] | None = None, **rest: tuple[Clock, ...] | tuple[Need, ...]) -> Move:  # fmt: skip
    return Move(number, name, route, label, frozenset(origins), target, side,
                turn=frozenset(origins if turn is None else turn), **rest)  # type: ignore[arg-type]  # fmt: skip


_TABLE = (
    _move(1, "report_case", "", Text("上报", "Report"), set(), State.REPORTED, Side.SOURCE,
          starts=(Clock.ACCEPTANCE,)),
    _move(4, "accept_case", "accept", Text("受理", "Accept"), {State.REPORTED}, State.ACCEPTED, Side.SUPERVISION,
          stops=(Clock.ACCEPTANCE,), starts=(Clock.FILING,), needs=(Need.CONDITION,)),
    _move(7, "file_case", "file", Text("立案", "File"), {State.ACCEPTED}, State.FILED, Side.SUPERVISION,
          stops=(Clock.FILING,), starts=(Clock.DISPATCH,)),
    _move(9, "dispatch_case", "dispatch", Text("派遣", "Dispatch"), {State.FILED}, State.DISPATCHED, Side.COMMAND,
          stops=(Clock.DISPATCH,), starts=(Clock.DISPOSAL, Clock.SIGN), needs=(),
          optional=(Need.UNIT, Need.OPINION)),
    _move(13, "sign_case", "sign", Text("签收", "Sign"), {State.DISPATCHED}, State.HANDLING, Side.UNIT,
          stops=(Clock.SIGN,)),
    _move(18, "feed_back", "feed-back", Text("反馈", "Feed back"), {State.HANDLING}, State.HANDLED, Side.UNIT,
          stops=(Clock.DISPOSAL,), needs=(Need.OPINION, Need.AFTER_PHOTO), optional=()),
    _move(20, "send_to_check", "send-to-check", Text("发核查", "Send to check"), {State.HANDLED}, State.CHECKING,
          Side.SUPERVISION, starts=(Clock.CHECK,)),
    _move(21, "pass_check", "pass-check", Text("核查通过", "Pass the check"), {State.CHECKING}, State.PENDING_CLOSE,
          Side.SUPERVISION, stops=(Clock.CHECK,), starts=(Clock.CLOSE,), needs=(Need.CHECK_PHOTO,)),
    _move(22, "rework_case", "rework", Text("返工", "Send back for rework"), {State.CHECKING, State.PENDING_CLOSE},
          State.DISPATCHED, Side.SUPERVISION, stops=(Clock.CHECK, Clock.CLOSE), starts=(Clock.DISPOSAL, Clock.SIGN),
          needs=(Need.OPINION,), optional=(), turn=set()),
    _move(23, "close_case", "close", Text("结案", "Close"), {State.PENDING_CLOSE}, State.CLOSED, Side.SUPERVISION,
          stops=(Clock.CLOSE,), needs=(Need.CRITERION,)),
)  # fmt: skip
MOVES = {move.name: move for move in _TABLE}
"""Every allowed move by its name."""
HANDLING = ("sign_case", "feed_back")
"""Moves by which a unit acts for itself: who made one of them can never judge the result."""
JUDGING = frozenset({"send_to_check", "pass_check", "rework_case", "close_case"})
"""Moves that judge the unit's work: it can never make them itself, whatever it was granted."""


def moves_from(state: str) -> list[Move]:
    """The moves that the table knows from a state, in its order."""
    return [move for move in MOVES.values() if state in move.origins]
