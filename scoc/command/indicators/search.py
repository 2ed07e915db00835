"""How indicators are found."""

from __future__ import annotations

from scoc.command.indicators.computing import definitions_seen
from scoc.command.indicators.models import INDICATOR_TEXT
from scoc.command.indicators.queries import SEE
from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder, look_up
from scoc.core.now import city_now
from scoc.kit.text import Text


@finder("indicator", "指标", "Indicator", permission=SEE)
def find_indicators(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Indicators by name or code, in the definition that holds."""
    rows = definitions_seen(viewer, city_now())
    return [
        Hit(
            subject=f"indicators:{row.code}", title=row.name, note=Text(row.code, row.code),
            path=f"/indicators/{row.code}",
        )
        for row in look_up(rows, asked, INDICATOR_TEXT)
    ]  # fmt: skip
