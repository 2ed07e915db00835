"""What indicators do about facts from below: a closed case shows in its rate at once."""

from __future__ import annotations

from scoc.command.cases.facts import CaseClosed
from scoc.command.indicators.computing import definitions
from scoc.core.facts import News, on
from scoc.core.now import city_now
from scoc.core.tasks import enqueue


@on(CaseClosed)
def refresh_closing_rate(fact: CaseClosed, news: News) -> None:
    """Have what is counted from cases measured soon: once for many cases that close together."""
    codes = list(definitions(city_now()).filter(measure__startswith="cases.").values_list("code", flat=True))
    if codes:
        enqueue("indicators.compute", unique=f"indicators:cases:{news.run_id}", codes=codes)
