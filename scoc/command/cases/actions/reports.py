"""Reporting: how a case comes to be."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from scoc.command.cases import facts
from scoc.command.cases.models import (
    Case,
)
from scoc.command.cases.moving import (
    Step,
    is_photo,
    nothing,
    open_case,
    subject_of,
)
from scoc.command.cases.pack import CasesSettings, Source
from scoc.command.cases.places import category_at, cell_of, located, priority_of
from scoc.command.cases.schemas import (
    CaseIn,
    CaseMoved,
)
from scoc.core import contacts
from scoc.core.access import in_scope
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.facts import Code
from scoc.core.models import Area, Asset, Attachment, Category, Grade
from scoc.core.now import city_now, wall_now
from scoc.core.refusals import Invalid, NotAllowed, Refusal, invalid
from scoc.kit.coordinates import Datum, convert
from scoc.kit.masks import mask_text
from scoc.kit.text import Text


def _source(actor: Actor, code: str) -> Source:
    settings = city_settings(CasesSettings)
    if code not in settings.sources:
        raise invalid("source", f"There is no source {code}.", f"Use one of {', '.join(sorted(settings.sources))}.",
                      zh=f"没有案件来源 {code}。")  # fmt: skip
    own = settings.role_sources.get(actor.role)
    if own is not None and code not in own:
        raise NotAllowed(
            "not_your_source", Text("您的岗位不能以该来源上报。", "Your post may not report under this source."),
        )  # fmt: skip
    return settings.sources[code]


def _where(report: CaseIn, area_id: int | None, judged: bool) -> tuple[float | None, float | None, Area]:
    """Position and area of a report. Of a situation that was judged already the place may be vague: then the named
    area or the whole city stands for it, and acceptance asks for a better one."""
    if report.lon is None or report.lat is None:
        if not judged:
            raise invalid("lon", "A report has a position.", "Give lon and lat.", code="position_missing",
                          zh="上报须有位置。")  # fmt: skip
        return None, None, _vague(area_id)
    try:
        return located(report.lon, report.lat, report.datum)
    except Invalid:
        if not judged:
            raise
        lon, lat = convert(report.lon, report.lat, report.datum, Datum.WGS84)
        return lon, lat, _vague(area_id)


def _vague(area_id: int | None) -> Area:
    """The area that a situation names, else the city as a whole."""
    named = Area.objects.filter(pk=area_id).first() if area_id is not None else None
    return named or Area.objects.filter(level=Area.Level.CITY, valid_to=None).latest("version")


def _asset(code: str | None) -> Asset | None:
    if code is None:
        return None
    found = Asset.objects.filter(code=code, valid_to=None).first()
    if found is None:
        raise invalid("asset", f"There is no asset {code}.", "Give the code of its sign, or leave it out.",
                      zh=f"没有部件 {code}。")  # fmt: skip
    return found


def _title(report: CaseIn, category: Category | None, area: Area) -> str:
    """Shown and searched as it is kept, so what a caller says of persons is masked before it is kept here."""
    what = category.name.zh if category else " ".join(report.description.split())[:40]
    return mask_text(report.title.strip() or f"{report.address or area.name.zh} {what}".strip())[:160]


def _photos(report: CaseIn, source: Source) -> None:
    ids = [item.attachment_id for item in report.evidence]
    if sum(is_photo(row) for row in Attachment.objects.filter(pk__in=ids)) < source.photos:
        raise invalid(
            "evidence", f"Reports of this source bring at least {source.photos} photo(s).", "Hand in a photo first.",
            code="photo_missing", zh=f"该来源的上报至少须附 {source.photos} 张照片。",
        )  # fmt: skip


def _known(run_id: int, report: CaseIn, situation_id: int | None) -> Case | None:
    """The case that was opened for the same situation, or for the same number of the same source."""
    if situation_id is not None:
        return Case.objects.filter(situation_id=situation_id).first()
    if report.external_id:
        return Case.objects.filter(run_id=run_id, source=report.source, external_id=report.external_id).first()
    return None


def _refuse_known(run_id: int, report: CaseIn, situation_id: int | None) -> None:
    known = _known(run_id, report, situation_id)
    if known is not None:
        raise Refusal(
            "already_reported",
            Text(f"该上报已立为案卷 {known.case_no}。", f"This report is case {known.case_no} already."),
            subject=known.subject,
        )


def _in_area(actor: Actor, area: Area) -> None:
    """A post with the scope of an area reports in its area."""
    if not in_scope(actor, "cases.report_case", organisation_path=actor.organisation_path, area_path=area.path,
                    user_id=actor.user_id):  # fmt: skip
        raise NotAllowed(
            "out_of_scope", Text("位置不在您岗位的辖区内。", "The place is outside the area of your post.")
        )


@action("cases.report_case")
def report_case(
    actor: Actor,
    report: CaseIn,
    *,
    situation_id: int | None = None,
    contact_id: int | None = None,
    area_id: int | None = None,
    priority: int | None = None,
) -> CaseMoved:
    """Report something (1 上报): a case in REPORTED, whose acceptance clock runs.

    Refuses a position outside the city, neither class nor words, a collector's report without a photo, and what was
    reported before. The other parameters come from intake: the situation, its reporter, its level, and its area where
    it has no position.
    """
    work = acting()
    moment = city_now()
    source = _source(actor, report.source)
    _refuse_known(work.run_id, report, situation_id)
    lon, lat, area = _where(report, area_id, situation_id is not None)
    _in_area(actor, area)
    category = category_at(report.category, moment)
    if category is None and not report.description.strip():
        raise invalid("description", "A report has a class or says in words what is wrong.", "Give one of the two.",
                      zh="请选择分类或填写描述。")  # fmt: skip
    happened_at = report.happened_at or moment
    if happened_at > moment:
        raise invalid("happened_at", "It lies in the future.", "Give when it was seen.", zh="发现时间不能晚于现在。")
    if situation_id is None:  # a situation was judged by a person or a rule of the city already
        _photos(report, source)
    if contact_id is None and report.reporter is not None and (report.reporter.name or report.reporter.phone):
        contact_id = contacts.keep(contacts.Person(name=report.reporter.name, phone=report.reporter.phone)).pk
    case = Case(
        happened_at=happened_at, recorded_at=wall_now(), run_id=work.run_id, organisation_id=actor.organisation_id,
        area=area, grade=Grade.L3_SENSITIVE, post_id=actor.post_id, correlation=work.correlation,
        kind=category.kind if category else "", category=category, source=report.source,
        external_id=report.external_id, situation_id=situation_id, contact_id=contact_id,
        reported_by_id=actor.user_id, title=_title(report, category, area), description=report.description,
        address=report.address.strip(), lon=lon, lat=lat, h3=cell_of(lon, lat), area_path=area.path,
        asset=_asset(report.asset), attributes=report.attributes, urgent=report.urgent, supervised=source.supervised,
    )  # fmt: skip
    case.priority = priority_of(case, priority or city_settings(CasesSettings).default_priority)
    try:
        with transaction.atomic():
            return open_case(actor, case, Step(nothing, _reported, evidence=report.evidence))
    except IntegrityError:
        _refuse_known(work.run_id, report, situation_id)
        raise


def _reported(case: Case) -> facts.CaseReported:
    return facts.CaseReported(
        subject=subject_of(case), case_no=Code(case.case_no), source=Code(case.source),
        category=Code(case.category.code if case.category else ""), priority=case.priority,
        situation=case.situation_id,
    )  # fmt: skip
