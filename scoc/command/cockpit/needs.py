"""What needs something: situations that nobody judged and cases whose time runs out, the gravest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scoc.command.cases import queries as cases
from scoc.command.cases.schemas import CaseRow
from scoc.command.cockpit.parts import first
from scoc.command.cockpit.schemas import Need, Needs, NextAction
from scoc.command.intake import queries as intake
from scoc.command.intake.schemas import SituationRow
from scoc.core.acting import Viewer
from scoc.core.schemas import text_out
from scoc.kit.text import Text

SITUATIONS = "intake.read_situations"
CASES = "cases.read_cases"
CLOCK_TIME = Text("自然时间", "clock time")
CENTRE = Text("指挥中心", "Command centre")
WAITING = Text("待研判", "To be judged")
LOOKED_AT = 30
"""Rows of each list that the gravest are chosen from: lists are ordered by time, and a grave one may stand behind."""
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
NEXT: dict[str, tuple[str, Text]] = {
    "reported": ("cases.accept_case", Text("受理", "Accept")),
    "accepted": ("cases.file_case", Text("立案", "File")),
    "filed": ("cases.dispatch_case", Text("派遣", "Dispatch")),
    "dispatched": ("cases.sign_case", Text("签收", "Sign")),
    "handling": ("cases.feed_back", Text("反馈", "Feed back")),
    "handled": ("cases.send_to_check", Text("发核查", "Send to check")),
    "checking": ("cases.pass_check", Text("核查", "Check")),
    "pending_close": ("cases.close_case", Text("结案", "Close")),
}
"""The one move that a case in a state waits for (DOMAIN.md 1.6)."""
VIEW = (CASES, Text("查看", "View"))
"""What is left to do where a case waits for nothing that is known here."""


def _situation(viewer: Viewer, row: SituationRow, moment: datetime) -> Need:
    left = None if row.judge_by is None else (row.judge_by - moment) // timedelta(minutes=1)
    return Need(
        subject=f"intake:{row.id}", number=row.number, title=row.title, level=row.level, state=text_out(WAITING),
        who=text_out(CENTRE), action=_action(viewer, "intake.accept", Text("研判", "Judge"), None),
        due_at=row.judge_by, remaining_minutes=left, unit=text_out(CLOCK_TIME), lon=row.lon, lat=row.lat,
    )  # fmt: skip


def _case(viewer: Viewer, row: CaseRow) -> Need:
    code, name = NEXT.get(row.state, VIEW)
    clock = row.clock or row.disposal
    return Need(
        subject=f"cases:{row.id}", number=row.case_no, title=row.title, level=row.priority,
        state=row.state_name, who=row.current_unit.short if row.current_unit else text_out(CENTRE),
        action=_action(viewer, code, name, row.state), due_at=row.due_at,
        remaining_minutes=clock.remaining_minutes if clock else None,
        unit=clock.unit_name if clock else text_out(CLOCK_TIME), lon=row.lon, lat=row.lat,
    )  # fmt: skip


def _action(viewer: Viewer, code: str, name: Text, state: str | None) -> NextAction:
    return NextAction(code=code, name=text_out(name), may=viewer.may(code, state) is not None)


def _urgency(need: Need) -> tuple[int, datetime, str]:
    return need.level, need.due_at or _NEVER, need.subject


def needs(viewer: Viewer, moment: datetime, limit: int) -> Needs | None:
    """The gravest matters of those that the viewer may see; None where that is neither situations nor cases."""
    sees_situations, sees_cases = (viewer.may(permission) is not None for permission in (SITUATIONS, CASES))
    if not sees_situations and not sees_cases:
        return None
    found: list[Need] = []
    situations = in_work = overdue = near = None
    if sees_situations:
        judged = intake.situations(viewer, first(LOOKED_AT), state="open")
        found += [_situation(viewer, row, moment) for row in judged.items]
        situations = judged.total
    if sees_cases:
        late = cases.worklist(viewer, first(LOOKED_AT), "overdue")
        soon = cases.worklist(viewer, first(LOOKED_AT), "soon")
        found += [_case(viewer, row) for row in [*late.items, *soon.items]]
        overdue, near = late.total, soon.total
        in_work = cases.worklist(viewer, first(1), "open").total
    parts = [*([situations] if sees_situations else []), *([overdue, near] if sees_cases else [])]
    return Needs(
        items=sorted(found, key=_urgency)[:limit], total=sum_of(parts), situations=situations, cases=in_work,
        overdue=overdue, soon=near,
    )  # fmt: skip


def sum_of(counts: Sequence[int | None]) -> int | None:
    """The sum; a count that is not known makes the sum unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
