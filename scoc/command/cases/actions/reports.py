"""Reporting: how a case comes to be."""

from __future__ import annotations

from datetime import datetime

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
    CaseReporterIn,
)
from scoc.core import contacts
from scoc.core.access import in_scope
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.facts import Code
from scoc.core.models import Area, Asset, Attachment, Category, Grade
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.refusals import Invalid, NotAllowed, Refusal, invalid
from scoc.core.validity import valid_at
from scoc.kit.coordinates import Datum, convert
from scoc.kit.masks import mask_text, public_place
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


def _where(report: CaseIn, area_id: int | None, judged: bool, at: datetime) -> tuple[float | None, float | None, Area]:
    """Position and area of a report at its time. Of a situation that was judged already the place may be vague:
    then the named area or the whole city stands for it, and acceptance asks for a better one."""
    if report.lon is None or report.lat is None:
        if not judged:
            raise invalid("lon", "A report has a position.", "Give lon and lat.", code="position_missing",
                          zh="上报须有位置。")  # fmt: skip
        return None, None, _vague(area_id, at)
    try:
        return located(report.lon, report.lat, report.datum, at)
    except Invalid:
        if not judged:
            raise
        lon, lat = convert(report.lon, report.lat, report.datum, Datum.WGS84)
        return lon, lat, _vague(area_id, at)


def _vague(area_id: int | None, at: datetime) -> Area:
    """The area that a situation names, else the city as a whole, as it was then."""
    named = Area.objects.filter(pk=area_id).first() if area_id is not None else None
    if named is not None:
        return named
    city, day = Area.objects.filter(level=Area.Level.CITY).order_by("version"), at.astimezone(city_zone()).date()
    return city.filter(valid_at(day)).last() or city.latest("version")


def _asset(code: str | None) -> Asset | None:
    if code is None:
        return None
    found = Asset.objects.filter(code=code, valid_to=None).first()
    if found is None:
        raise invalid("asset", f"There is no asset {code}.", "Give the code of its sign, or leave it out.",
                      zh=f"没有部件 {code}。")  # fmt: skip
    return found


def _reported_by(report: CaseIn, source: Source) -> tuple[str, int | None]:
    """The address as everybody may read it, and who reported, with whom a caller's own words of it are kept."""
    given = report.reporter or CaseReporterIn(name="", phone="")
    address = public_place(report.address) if source.personal else report.address
    person = contacts.Person(
        name=given.name, phone=given.phone, address=report.address if address != report.address else ""
    )
    return address, contacts.keep(person).pk if person != contacts.Person() else None


def _title(report: CaseIn, address: str, category: Category | None, area: Area) -> str:
    """Shown and searched as it is kept, so what a caller says of persons is masked before it is kept here."""
    what = category.name.zh if category else " ".join(report.description.split())[:40]
    return mask_text(report.title.strip() or f"{address or area.name.zh} {what}".strip())[:160]


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
    happened_at = report.happened_at or moment
    lon, lat, area = _where(report, area_id, situation_id is not None, happened_at)
    _in_area(actor, area)
    category = category_at(report.category, moment)
    if category is None and not report.description.strip():
        raise invalid("description", "A report has a class or says in words what is wrong.", "Give one of the two.",
                      zh="请选择分类或填写描述。")  # fmt: skip
    if happened_at > moment:
        raise invalid("happened_at", "It lies in the future.", "Give when it was seen.", zh="发现时间不能晚于现在。")
    if situation_id is None:  # a situation was judged by a person or a rule of the city already
        _photos(report, source)
    address = report.address
    if situation_id is None:  # of a situation intake has kept apart already what is personal
        address, contact_id = _reported_by(report, source)
    case = Case(
        happened_at=happened_at, recorded_at=wall_now(), run_id=work.run_id, organisation_id=actor.organisation_id,
        area=area, grade=Grade.L3_SENSITIVE, post_id=actor.post_id, correlation=work.correlation,
        kind=category.kind if category else "", category=category, source=report.source,
        external_id=report.external_id, situation_id=situation_id, contact_id=contact_id,
        reported_by_id=actor.user_id, title=_title(report, address, category, area), description=report.description,
        address=address, lon=lon, lat=lat, h3=cell_of(lon, lat), area_path=area.path,
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
