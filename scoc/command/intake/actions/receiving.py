"""Signals come in: each becomes part of exactly one situation, at once."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from scoc.command.intake import desk, facts, matching
from scoc.command.intake.actions.judging import consider
from scoc.command.intake.models import Join, Proposal, Repeat, Signal, Situation
from scoc.command.intake.pack import IntakeSettings
from scoc.command.intake.rules import Rules, rules_now
from scoc.command.intake.schemas import PERSONAL, Channel, ReporterIn, SignalIn, SignalReceipt
from scoc.command.intake.scoring import Score
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.city import city_settings
from scoc.core.city.reading import Manifest
from scoc.core.contacts import Person, keep
from scoc.core.facts import Code
from scoc.core.models import Area, Asset, Attachment, Contact, Grade
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.refusals import NotAllowed, Refusal, invalid
from scoc.kit.coordinates import Datum, convert
from scoc.kit.masks import public_place
from scoc.kit.text import Text
from scoc.spatial.queries import locate

_MACHINES = frozenset({Channel.ANALYTICS, Channel.SENSOR})
"""Channels on which no person speaks."""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@action("intake.receive_signal")
def receive_signal(actor: Actor, signal: SignalIn) -> SignalReceipt:
    """Take in one report; it joins a live situation or opens one. The same number of a channel comes in once.

    Raises Invalid for a time ahead of the city's clock, a position outside of the city, an unknown category, area,
    asset or file; NotAllowed where the acting role may not report through the channel.
    """
    settings = city_settings(IntakeSettings)
    _check_channel(actor, signal.channel, settings)
    desk.take()
    number = signal.external_id or f"scoc:{secrets.token_hex(8)}"
    before = _known(actor, signal.channel, number)
    if before is not None:
        return before
    happened_at = _checked_time(signal, settings)
    lon, lat = _checked_position(signal)
    _check_category(signal)
    area = _area_of(signal, lon, lat, happened_at)
    asset = _asset_of(signal)
    if lon is None and asset is not None:
        lon, lat = asset.lon, asset.lat
    level = signal.level or settings.default_level
    if signal.channel == Channel.LEADER:
        level = min(level, settings.leader_level)
    place, contact = _reported_by(signal)
    files = _files_of(actor, signal)
    row = new_row(
        channel=signal.channel, external_id=number, category=signal.category or "", level=level, text=signal.text,
        contact=contact, lon=lon, lat=lat, place=place, area=area, asset=asset,
        organisation_id=actor.organisation_id, device=signal.device or "", rule=signal.rule or "",
        happened_at=happened_at, last_at=happened_at,
    )  # fmt: skip
    return place_signal(row, files)


def _reported_by(signal: SignalIn) -> tuple[str, Contact | None]:
    """The place as everybody may read it, and who reported it, with whom a caller's own words of the place are kept."""
    given, said = signal.reporter or ReporterIn(name="", phone=""), signal.place.strip()
    place = public_place(said) if signal.channel in PERSONAL else said
    person = Person(name=given.name.strip(), phone=given.phone.strip(), address=said if place != said else "")
    return place, keep(person) if person != Person() else None


def new_row(**values: Any) -> Signal:
    """A signal of the open action that is not stored yet. Needs no permission: `place_signal` stores it."""
    work = acting()
    return Signal(
        **{
            "recorded_at": wall_now(), "run_id": work.run_id, "grade": Grade.L3_SENSITIVE,
            "post_id": work.actor.post_id, "correlation": work.correlation, **values,
        }
    )  # fmt: skip


def _check_channel(actor: Actor, channel: str, settings: IntakeSettings) -> None:
    allowed = settings.role_channels.get(actor.role)
    if allowed is not None and channel not in allowed:
        raise NotAllowed(
            "not_your_channel",
            Text("您的岗位不能以该来源上报。", "Your post may not report through this channel."),
        )


def _known(actor: Actor, channel: str, number: str) -> SignalReceipt | None:
    """The receipt of a report that came in before, as a signal or counted on one.

    Raises Refusal when another organisation gave the number: its report must not be taken for this one.
    """
    same = {"run_id": acting().run_id, "channel": channel, "external_id": number}
    own = Signal.objects.filter(**same).values_list("id", "organisation_id")[:1]
    on_another = Repeat.objects.filter(**same).values_list("signal_id", "signal__organisation_id")[:1]
    for counted, rows in ((False, own), (True, on_another)):
        for signal_id, organisation_id in rows:
            if organisation_id != actor.organisation_id:
                raise Refusal(
                    "number_taken",
                    Text("该来源的编号已被其他单位使用，请加上本单位前缀。",
                         "Another organisation gave this number on this channel; put a prefix of your own before it."),
                )  # fmt: skip
            signal = Signal.objects.select_related("situation").get(pk=signal_id)
            return SignalReceipt(
                signal_id=signal.pk, situation_id=signal.situation_id, number=signal.situation.number, known=True,
                counted=counted,
            )  # fmt: skip
    return None


def _checked_time(signal: SignalIn, settings: IntakeSettings) -> datetime:
    moment = city_now()
    happened_at = signal.happened_at or moment
    if not _EARLIEST <= happened_at <= moment + timedelta(minutes=settings.future_minutes):
        raise invalid(
            "happened_at", "This time is ahead of the city's clock or before the year 2000.",
            "Check the sender's clock and time zone.", code="impossible_time", zh="时间晚于城市时钟或早于2000年。",
        )  # fmt: skip
    return happened_at.astimezone(UTC)


def _checked_position(signal: SignalIn) -> tuple[float | None, float | None]:
    """The position as WGS84. Raises Invalid for half of one, or one outside of the city's box."""
    if signal.lon is None and signal.lat is None:
        return None, None
    if signal.lon is None or signal.lat is None:
        raise invalid("lat" if signal.lat is None else "lon", "A position has longitude and latitude.", "Give both.",
                      zh="位置需同时给出经度和纬度。")  # fmt: skip
    lon, lat = convert(signal.lon, signal.lat, signal.datum, Datum.WGS84)
    west, south, east, north = city_settings(Manifest).bbox
    if not (west <= lon <= east and south <= lat <= north):
        raise invalid(
            "lon", "This position is outside of the city.", "Order is longitude, latitude, in degrees; name the datum.",
            code="outside_city", zh="位置不在本市范围内。",
        )  # fmt: skip
    return lon, lat


def _check_category(signal: SignalIn) -> None:
    if signal.category and signal.category not in rules_now().names:
        raise invalid("category", "There is no such category.", "Choose one of the city's categories.",
                      code="unknown_category", zh="没有这个类别。")  # fmt: skip


def _area_of(signal: SignalIn, lon: float | None, lat: float | None, happened_at: datetime) -> Area | None:
    """The version of the area that held the position when it happened, else the one that the report names."""
    day = happened_at.astimezone(city_zone()).date()
    found = locate(lon, lat, day) if lon is not None and lat is not None else None
    if found is not None:
        return Area.objects.get(pk=found)
    if signal.area is None:
        return None
    area = Area.objects.filter(code=signal.area, valid_to=None).first()
    if area is None:
        raise invalid("area", "There is no such area.", "Give the code of an area of the city.",
                      code="unknown_area", zh="没有这个区划。")  # fmt: skip
    return area


def _asset_of(signal: SignalIn) -> Asset | None:
    if signal.asset is None:
        return None
    asset = Asset.objects.filter(code=signal.asset).first()
    if asset is None:
        raise invalid("asset", "There is no such component or asset.", "Check its code, or leave it out.",
                      code="unknown_asset", zh="没有这个部件或设施。")  # fmt: skip
    return asset


def _files_of(actor: Actor, signal: SignalIn) -> list[Attachment]:
    """The files that go with the report: those that the same post handed in, in the same run."""
    wanted = set(signal.attachments)
    mine = Attachment.objects.filter(pk__in=wanted, run_id=acting().run_id)
    found = [file for file in mine if file.post_id == actor.post_id] if wanted else []
    if len(found) != len(wanted):
        raise invalid("attachments", "One of these files is not yours or not there.", "Hand in the files first.",
                      code="unknown_file", zh="附件不存在或不是您提交的。")  # fmt: skip
    return found


def place_signal(signal: Signal, files: list[Attachment]) -> SignalReceipt:
    """Find a place for a signal that came in for the first time: counted, joined, asked about, or on its own.

    Needs no permission: the action that received it was asked for its own.
    """
    rules = rules_now()
    stream = _stream(signal, rules) if _may_be_counted(signal, files) else None
    if stream is not None:
        return _count_on(stream, signal)
    match = matching.best(signal, rules)
    sure = match is not None and match[1].value >= rules.settings.auto_join
    if match is not None and sure:
        situation, score = match
        signal.situation = situation
        signal.save()
        desk.absorb(situation, signal, rules)
        join = desk.stay(signal, situation, Join.How.AUTOMATIC, score=score)
    else:
        situation, score = desk.open_situation(signal, rules), None
        signal.situation = situation
        signal.save()
        join = desk.stay(signal, situation, Join.How.SEED)
    if files:
        signal.attachments.set(files)
    received = facts.SignalReceived(
        subject=desk.subject_of(situation), signal=signal.pk, channel=Code(signal.channel), level=signal.level
    )
    desk.tell(situation, received, signal.happened_at)
    proposal = None
    if sure:
        desk.tell_joined(join, situation, score, None)
    elif match is not None and match[1].value >= rules.settings.ask:
        proposal = _propose(signal, *match)
    consider(situation, rules)
    return SignalReceipt(
        signal_id=signal.pk, situation_id=situation.pk, number=situation.number, joined=sure,
        proposal_id=proposal.pk if proposal else None,
    )  # fmt: skip


def _may_be_counted(signal: Signal, files: list[Attachment]) -> bool:
    """Whether nothing is lost when it is only counted: a machine's, or one without words, reporter and files."""
    told = signal.text or signal.contact_id or files
    return bool(signal.device) and (signal.channel in _MACHINES or not told)


def _stream(signal: Signal, rules: Rules) -> Signal | None:
    """The newest signal of the same device and rule, once so many came within the window that more would flood.

    One that is more urgent than it is no mere repeat.
    """
    since = signal.happened_at - timedelta(minutes=rules.settings.flood_minutes)
    until = signal.happened_at + timedelta(minutes=rules.settings.flood_minutes)
    rows = Signal.objects.filter(
        run_id=signal.run_id, device=signal.device, rule=signal.rule, last_at__range=(since, until),
        situation__ended_at=None, channel=signal.channel,
    ).order_by("-last_at", "-id")  # fmt: skip
    newest = list(rows.values_list("id", flat=True)[: rules.settings.flood_rows])
    if len(newest) < rules.settings.flood_rows:
        return None
    stream = Signal.objects.select_related("situation").get(pk=newest[0])
    return stream if signal.level >= stream.level else None


def _count_on(stream: Signal, signal: Signal) -> SignalReceipt:
    """Count a signal on an earlier one of its stream."""
    Repeat.objects.create(
        signal=stream, run_id=signal.run_id, channel=signal.channel, external_id=signal.external_id,
        alarm_id=signal.alarm_id, recurrences=signal.recurrences, happened_at=signal.happened_at,
        recorded_at=signal.recorded_at, cleared_at=signal.cleared_at,
    )  # fmt: skip
    stream.count += signal.count
    stream.last_at = max(stream.last_at, signal.last_at)
    stream.save(update_fields=["count", "last_at"])
    situation = stream.situation
    desk.touch(situation, stream, signal.count)
    return SignalReceipt(signal_id=stream.pk, situation_id=situation.pk, number=situation.number, counted=True)


def _propose(signal: Signal, situation: Situation, score: Score) -> Proposal:
    """Ask a person whether the signal belongs to the situation."""
    proposal = Proposal.objects.create(
        signal=signal, situation=situation, score=score.value, reasons=score.stored(),
        rule_version=situation.rule_version, happened_at=city_now(), recorded_at=wall_now(),
    )  # fmt: skip
    asked = facts.JoinProposed(
        subject=desk.subject_of(situation), signal=signal.pk, proposal=proposal.pk,
        score_per_10000=desk.per_10000(score) or 0,
    )  # fmt: skip
    desk.tell(situation, asked)
    return proposal
