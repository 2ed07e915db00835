"""What cases do about accepted situations, about their own closing, and about a new working calendar."""

from __future__ import annotations

from scoc.command.cases.actions import report_case
from scoc.command.cases.facts import CaseClosed
from scoc.command.cases.models import Case, Evidence
from scoc.command.cases.schemas import CaseIn, EvidenceIn
from scoc.command.intake import actions as intake
from scoc.command.intake import queries as intake_queries
from scoc.command.intake.facts import SituationAccepted
from scoc.command.intake.schemas import PERSONAL, SituationOut
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.clocks import CalendarEdited
from scoc.core.facts import News, on
from scoc.core.models import Area
from scoc.core.now import city_now, city_zone
from scoc.core.tasks import enqueue
from scoc.kit.identifiers import parse_subject

MOST_PHOTOS = 20
MOST_WORDS = 4000


@on(SituationAccepted)
def open_case_for_situation(fact: SituationAccepted, news: News) -> None:
    """Open a case in REPORTED for an accepted situation, once, and tell intake."""
    actor = system_actor("cases").on_run(news.run_id)
    situation_id = int(parse_subject(fact.subject)[1])
    intake.reserve(actor, situation_id)
    known = Case.objects.filter(situation_id=situation_id).values_list("id", flat=True).first()
    case_id = known or _open(actor, situation_id, fact)
    intake.take_over(actor, situation_id, by=f"cases:{case_id}")


def _open(actor: Actor, situation_id: int, fact: SituationAccepted) -> int:
    situation = intake_queries.situation(actor, situation_id)
    rows = sorted(situation.rows, key=lambda row: (row.happened_at, row.id))
    photos = list(dict.fromkeys(number for row in rows for number in row.attachments))[:MOST_PHOTOS]
    reporters = [row.reporter for row in rows if row.reporter is not None]
    reporters.sort(key=lambda who: not (who.name or who.phone))  # first who can be asked
    area = _area_of(situation)
    report = CaseIn(
        source=rows[0].channel,
        category=fact.category or None,
        title=situation.title.zh[:160],
        description=_words(situation),
        address=next((row.place for row in rows if row.place and row.channel not in PERSONAL), situation.place),
        lon=situation.lon,
        lat=situation.lat,
        asset=next((row.asset for row in rows if row.asset), None),
        external_id=situation.number,
        happened_at=min(situation.first_at, rows[0].happened_at, city_now()),  # a sensor's clock may be ahead
        evidence=[EvidenceIn(attachment_id=number, kind=Evidence.NEAR) for number in photos],
    )
    made = report_case(
        actor, report, situation_id=situation_id, contact_id=reporters[0].contact_id if reporters else None,
        area_id=area.pk if area else None, priority=situation.level,
    )  # fmt: skip
    return made.id


def _area_of(situation: SituationOut) -> Area | None:
    """The version of the situation's area that held when it began, else the newest."""
    versions = Area.objects.filter(code=situation.area or "").order_by("version")
    then = versions.filter(valid_from__lte=situation.first_at.astimezone(city_zone()).date())
    return then.last() or versions.last()


def _words(situation: SituationOut) -> str:
    """What people and devices said, oldest first, each once; the title where nobody said anything."""
    rows = sorted(situation.rows, key=lambda row: (row.happened_at, row.id))
    said = [row.text.strip() or (row.said.zh if row.said else "") for row in rows]
    return "\n".join(dict.fromkeys(text for text in said if text))[:MOST_WORDS] or situation.title.zh


@on(CaseClosed)
def settle_situation(fact: CaseClosed, news: News) -> None:
    """A closed case settles the situation that it was opened for."""
    if fact.situation is not None:
        actor = system_actor("cases").on_run(news.run_id)
        intake.settle(actor, fact.situation, by=fact.subject, outcome="closed")


@on(CalendarEdited)
def recompute_open_clocks(fact: CalendarEdited, news: News) -> None:
    """A new version of the working calendar moves open deadlines, never those of the past."""
    enqueue("cases.recompute", version=fact.version)
