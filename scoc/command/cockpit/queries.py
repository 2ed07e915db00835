"""The cockpit in one request: lower modules' public queries, under the viewer's permissions."""

from __future__ import annotations

from scoc.command.cockpit.needs import needs
from scoc.command.cockpit.news import news
from scoc.command.cockpit.parts import devices, first, month_of_units, part, sources
from scoc.command.cockpit.schemas import Overview
from scoc.command.indicators import queries as indicators
from scoc.core.access import query
from scoc.core.acting import Viewer
from scoc.core.models import Installation, Run
from scoc.core.now import city_now, current_run, run_clock, wall_now
from scoc.core.queries import run_out
from scoc.core.schemas import ClockOut, text_out
from scoc.sensing import queries as sensing

SEE = "cockpit.read_overview"
SIGNS = "indicators.read_values"
MOST_NEEDS = 6
MOST_NEWS = 8


@query(SEE)
def overview(viewer: Viewer) -> Overview:
    """The city at one look: index and why, vital signs, districts, what needs something, what happened."""
    moment = city_now()
    run = Run.objects.get(pk=viewer.run_id or current_run())
    clock = run_clock()
    signs = part(viewer, SIGNS, lambda: indicators.vital_signs(viewer))
    return Overview(
        city=text_out(Installation.objects.only("name").get().name),
        run=run_out(run),
        clock=ClockOut(city_now=moment, wall_now=wall_now(), speed=clock.speed if clock else 1.0), as_of=moment,
        health=part(viewer, SIGNS, lambda: indicators.health_index(viewer)), signs=signs,
        districts=part(viewer, SIGNS, lambda: indicators.district_indices(viewer)),
        sources=None if signs is None else sources(signs), needs=needs(viewer, moment, MOST_NEEDS),
        units=part(viewer, "cases.read_evaluation", lambda: month_of_units(viewer, moment)),
        alarms=part(viewer, "sensing.read_alarms", lambda: sensing.alarms(viewer, first(MOST_NEWS)).items),
        devices=part(viewer, "sensing.read_devices", lambda: devices(viewer)),
        news=news(viewer, moment, signs or [], MOST_NEWS),
    )  # fmt: skip
