"""What intake offers to count."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Count, Max

from scoc.command.intake.loading import OF_SITUATION
from scoc.command.intake.models import LIVE, SituationFlow
from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.measures import Measured, Window, measure
from scoc.core.refusals import invalid

SEE = "intake.read_situations"


@measure("intake.open_situations", permission=SEE)
def open_situations(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """How many situations were not over at the moment the window ends, by the flow as known at `as_of`.

    `parameters["state"]` narrows it to one state, e.g. `open`: those that waited to be judged.
    """
    states = [str(state) for state in LIVE]
    if (wanted := parameters.get("state")) is not None:
        if wanted not in states:
            raise invalid("state", f"`{wanted}` is no state of a live situation.", f"One of {', '.join(states)}.",
                          zh=f"{wanted} 不是在办态势的状态。")  # fmt: skip
        states = [wanted]
    standing = SituationFlow.objects.standing(states, window.end, window.as_of)
    rows = visible(viewer, standing.last_known(window.end, window.as_of), SEE, OF_SITUATION)
    if window.area is not None:
        rows = rows.filter(situation__area__path__startswith=window.area.path)
    by_state = dict(rows.order_by().values_list("to_state").annotate(n=Count("id")))
    count = sum(by_state.values())
    latest = rows.aggregate(latest=Max("happened_at"))["latest"]
    return Measured(
        numerator=Decimal(count), samples=count, latest_at=latest,
        inputs={"by_state": by_state, "area": window.area.code if window.area else None},
    )  # fmt: skip
