"""What actions do with rows at the desk: lock it, open situations, move signals in and out, keep counts and flow.

Everything here runs inside an action and after `take`, which makes it one at a time in a run.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Avg, Count, Max, Min, Q, Sum

from scoc.command.intake import facts
from scoc.command.intake.models import (
    LIVE,
    MOVES,
    STATE_NAMES,
    Answer,
    Desk,
    Join,
    Proposal,
    Repeat,
    Signal,
    Situation,
    SituationFlow,
)
from scoc.command.intake.rules import Rules
from scoc.command.intake.schemas import CHANNEL_NAMES
from scoc.command.intake.scoring import PLACES, Score
from scoc.core.access import posts_in_force, system_actor
from scoc.core.acting import acting
from scoc.core.facts import Code, Fact, publish
from scoc.core.models import Area, Contact, Grade
from scoc.core.notify import notify
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.refusals import Refusal
from scoc.kit.geometry import bbox_around
from scoc.kit.scaled import to_scaled
from scoc.kit.text import Text
from scoc.sensing import actions as sensing_actions
from scoc.sensing import queries as sensing_queries

_NOWHERE = Text("位置待定", "place unknown")


def take() -> None:
    """Take the desk of the open action's run; others wait until this transaction ends."""
    run_id = acting().run_id
    if Desk.objects.select_for_update().filter(run_id=run_id).first() is None:
        Desk.objects.get_or_create(run_id=run_id)
        Desk.objects.select_for_update().get(run_id=run_id)


def subject_of(situation: Situation) -> Code:
    """`intake:7`."""
    return Code(f"intake:{situation.pk}")


def tell(situation: Situation, fact: Fact, happened_at: datetime | None = None) -> None:
    """Publish a fact to those who may see the situation."""
    publish(
        fact, happened_at=happened_at, organisation_id=situation.organisation_id, area_id=situation.area_id,
        grade=situation.grade,
    )  # fmt: skip


def _where(signal: Signal, area: Area | None) -> Text:
    if signal.place:
        # Places are written in one language; the area has a name in both.
        return Text(signal.place, area.name.en if area else signal.place)
    return area.name if area else _NOWHERE


def _name(situation: Situation, signal: Signal, rules: Rules) -> None:
    """Title and place, from the category and the first signal; never a person's own words."""
    what = rules.names.get(situation.category) or signal.name or CHANNEL_NAMES[signal.channel]
    where = _where(signal, situation.area)
    situation.place = where.zh
    situation.title = Text(f"{where.zh} {what.zh}", f"{what.en}, {where.en}")


def _reach(situation: Situation, rules: Rules) -> None:
    """Where and until when signals may join, by the rule of its category."""
    rule = rules.of(situation.category)
    situation.rule_version, situation.radius_m = rule.version, rule.radius_m
    situation.window_minutes = rule.window_minutes
    window = timedelta(minutes=rule.window_minutes)
    situation.joinable_from = situation.first_at - window
    situation.joinable_until = situation.last_at + window
    box: tuple[float | None, ...] = (None,) * 4
    if situation.lon is not None and situation.lat is not None:
        box = bbox_around(situation.lon, situation.lat, rule.radius_m)
    situation.west, situation.south, situation.east, situation.north = box


def _urgency(situation: Situation, least: int, rules: Rules) -> None:
    """The level: the most urgent of its signals, its category's rule, one step more once escalated."""
    situation.signal_level = least
    level = min(least, rules.of(situation.category).level or least)
    if situation.escalated_at is not None:
        level = max(1, level - 1)
    if situation.pk and level < situation.level and situation.state == Situation.State.OPEN:
        sooner = city_now() + timedelta(minutes=rules.settings.judge_minutes.of(level))
        situation.judge_by = min(situation.judge_by, sooner)
    situation.level = level


def step(situation: Situation, action: str, *, reason: str = "", opinion: str = "", before: str = "") -> None:
    """Write one row of the situation's flow and close the one before; called after its state was set."""
    work, moment = acting(), city_now()
    last = SituationFlow.objects.filter(situation=situation).order_by("-version").first()
    if last is not None:
        SituationFlow.objects.filter(pk=last.pk, left_at=None).update(left_at=moment)
    SituationFlow.objects.create(
        situation=situation, version=last.version + 1 if last else 1, from_state=before, to_state=situation.state,
        action=action, actor_id=work.actor.user_id, post_id=work.actor.post_id,
        organisation_id=work.actor.organisation_id, opinion=opinion, happened_at=moment, recorded_at=wall_now(),
        level=situation.level, reason=reason,
    )  # fmt: skip


def check_move(situation: Situation, action: str) -> None:
    """Raises Refusal where the table of moves does not allow the action in the situation's state."""
    if situation.state not in MOVES[action][0]:
        raise Refusal(
            "wrong_state",
            Text(f"该态势当前为“{STATE_NAMES[situation.state].zh}”，不能进行此操作。",
                 f"The situation is {STATE_NAMES[situation.state].en} and this cannot be done with it."),
            subject=subject_of(situation),
        )  # fmt: skip


def move(situation: Situation, action: str, *, reason: str = "", opinion: str = "") -> None:
    """Take a situation along one of the allowed moves and save it. Raises Refusal for any other move."""
    check_move(situation, action)
    before, target = situation.state, MOVES[action][1]
    situation.state = target
    situation.version += 1
    if target in LIVE:
        situation.ended_at = None
    else:
        situation.ended_at = city_now()
        lapse(situation)
    situation.save()
    step(situation, action, reason=reason, opinion=opinion, before=before)


def open_situation(signal: Signal, rules: Rules) -> Situation:
    """A new situation of one signal, which need not be stored yet."""
    work, moment = acting(), city_now()
    day = moment.astimezone(city_zone()).date()
    newest = Situation.objects.filter(run_id=work.run_id, day=day).aggregate(newest=Max("serial"))["newest"]
    serial = (newest or 0) + 1
    situation = Situation(
        happened_at=signal.happened_at, recorded_at=wall_now(), run_id=work.run_id,
        organisation_id=signal.organisation_id, area=signal.area, grade=Grade.L2_INTERNAL, post_id=work.actor.post_id,
        correlation=work.correlation, day=day, serial=serial, number=f"S-{day:%Y%m%d}-{serial:04d}",
        category=signal.category, first_at=signal.happened_at, last_at=signal.last_at, lon=signal.lon, lat=signal.lat,
        located=int(signal.lon is not None), asset_id=signal.asset_id, counts={signal.channel: 1}, signals=1,
        occurrences=signal.count,
    )  # fmt: skip
    _urgency(situation, signal.level, rules)
    situation.judge_by = moment + timedelta(minutes=rules.settings.judge_minutes.of(situation.level))
    _name(situation, signal, rules)
    _reach(situation, rules)
    situation.save()
    step(situation, "open")
    opened = facts.SituationOpened(
        subject=subject_of(situation), category=Code(situation.category), level=situation.level
    )
    tell(situation, opened)
    call_attention(situation, rules)
    return situation


def posts_of(roles: Collection[str]) -> list[tuple[int, str | None]]:
    """The posts in force with one of these roles, each with the path of its area."""
    rows = posts_in_force().filter(role__code__in=roles).order_by("id")
    return list(rows.values_list("id", "area__path"))


def put_before(situation: Situation, title: Text, posts: Collection[tuple[int, str | None]], level: str) -> None:
    """Tell those of the posts in whose area the situation lies."""
    path = situation.area.path if situation.area else ""
    notify(
        subject_of(situation), title, level=level,
        posts=[post for post, area in posts if not area or path.startswith(area)],
    )  # fmt: skip


def call_attention(situation: Situation, rules: Rules) -> None:
    """Tell the desks of a situation that is as urgent as the city wants to be told of."""
    if situation.level > rules.settings.notify_level:
        return
    put_before(
        situation,
        Text(f"新的 P{situation.level} 态势 {situation.number}：{situation.title.zh}",
             f"New P{situation.level} situation {situation.number}: {situation.title.en}"),
        posts_of(rules.settings.notify_roles), "alarm",
    )  # fmt: skip


def absorb(situation: Situation, signal: Signal, rules: Rules) -> None:
    """Add a signal to a situation's counts, span, middle, category and level; saves it."""
    situation.counts = {**situation.counts, signal.channel: situation.counts.get(signal.channel, 0) + 1}
    situation.signals += 1
    situation.occurrences += signal.count
    situation.first_at = min(situation.first_at, signal.happened_at)
    situation.last_at = max(situation.last_at, signal.last_at)
    if signal.lon is not None and signal.lat is not None:
        situation.located += 1
        share = 1 / situation.located
        lon, lat = (situation.lon, situation.lat) if situation.located > 1 else (signal.lon, signal.lat)
        assert lon is not None
        assert lat is not None
        situation.lon, situation.lat = lon + (signal.lon - lon) * share, lat + (signal.lat - lat) * share
    situation.asset_id = situation.asset_id or signal.asset_id
    situation.area_id = situation.area_id or signal.area_id
    if not situation.category and signal.category:
        situation.category = signal.category
        _name(
            situation, Signal.objects.filter(situation=situation).order_by("happened_at", "id").first() or signal, rules
        )
    before = situation.level
    _urgency(situation, min(situation.signal_level, signal.level), rules)
    _reach(situation, rules)
    situation.save()
    if situation.state == Situation.State.OPEN and situation.level <= rules.settings.notify_level < before:
        call_attention(situation, rules)


def recategorise(situation: Situation, code: str, rules: Rules) -> None:
    """Give a situation another category, and with it its name, level and reach; the caller saves it."""
    situation.category = code
    first = Signal.objects.filter(situation=situation).order_by("happened_at", "id")[0]
    _name(situation, first, rules)
    _urgency(situation, situation.signal_level, rules)
    _reach(situation, rules)


def touch(situation: Situation, signal: Signal, more: int) -> None:
    """One of its signals happened again, `more` times."""
    situation.occurrences += more
    situation.last_at = max(situation.last_at, signal.last_at)
    situation.joinable_until = situation.last_at + timedelta(minutes=situation.window_minutes)
    situation.save(update_fields=["occurrences", "last_at", "joinable_until"])


def recount(situation: Situation, rules: Rules) -> None:
    """Make a situation anew from the signals it has, after one left; saves it. It has at least one."""
    rows = Signal.objects.filter(situation=situation)
    whole = rows.aggregate(
        n=Count("id"), times=Sum("count"), first=Min("happened_at"), last=Max("last_at"), mean_lon=Avg("lon"),
        mean_lat=Avg("lat"), placed=Count("lon"), least=Min("level"),
    )  # fmt: skip
    by_channel = rows.values_list("channel").annotate(n=Count("id")).order_by("channel")
    situation.counts = dict(by_channel)
    situation.signals, situation.occurrences = whole["n"], whole["times"]
    situation.first_at, situation.last_at = whole["first"], whole["last"]
    situation.lon, situation.lat, situation.located = whole["mean_lon"], whole["mean_lat"], whole["placed"]
    ordered = rows.order_by("happened_at", "id")
    situation.asset_id = ordered.exclude(asset=None).values_list("asset_id", flat=True).first()
    if situation.state == Situation.State.OPEN:  # what was accepted keeps its name, category and place
        first = ordered.select_related("area")[0]
        situation.category = ordered.exclude(category="").values_list("category", flat=True).first() or ""
        situation.area = first.area
        _name(situation, first, rules)
    _urgency(situation, whole["least"], rules)
    _reach(situation, rules)
    situation.save()


def stay(
    signal: Signal,
    situation: Situation,
    how: str,
    *,
    before: Join | None = None,
    score: Score | None = None,
) -> Join:
    """Write down that a signal is part of a situation from now on, and why."""
    work = acting()
    return Join.objects.create(
        signal=signal, situation=situation, before=before, how=how, score=score.value if score else None,
        reasons=score.stored() if score else [], rule_version=situation.rule_version, actor_id=work.actor.user_id,
        post_id=work.actor.post_id, happened_at=city_now(), recorded_at=wall_now(), correlation=work.correlation,
    )  # fmt: skip


def undo_stay(join: Join) -> None:
    """Write down that a stay is over."""
    join.undone_at, join.undone_recorded_at = city_now(), wall_now()
    join.undone_by_id = acting().actor.user_id
    join.save(update_fields=["undone_at", "undone_recorded_at", "undone_by"])


def per_10000(score: Score | None) -> int | None:
    """A score as facts carry it."""
    return None if score is None else to_scaled(score.value, PLACES)


def tell_joined(join: Join, situation: Situation, score: Score | None, origin: int | None) -> None:
    """Publish that a signal was joined."""
    joined = facts.SignalJoined(
        subject=subject_of(situation), signal=join.signal_id, join=join.pk, how=Code(join.how),
        automatic=join.how == Join.How.AUTOMATIC, score_per_10000=per_10000(score), origin=origin,
    )  # fmt: skip
    tell(situation, joined)


def lapse(situation: Situation) -> None:
    """Whatever was proposed to or from an ended situation needs no decision any more."""
    touching = Q(situation=situation) | Q(signal__situation=situation)
    for proposal in Proposal.objects.filter(touching, decided_at=None).select_related("situation").order_by("id"):
        decide(proposal, Proposal.Decision.LAPSED)


def decide(proposal: Proposal, decision: str) -> None:
    """Set a proposal's decision and tell of it."""
    proposal.decision, proposal.decided_at = decision, city_now()
    proposal.decided_by_id = acting().actor.user_id
    proposal.save(update_fields=["decision", "decided_at", "decided_by"])
    told = facts.ProposalDecided(
        subject=subject_of(proposal.situation), signal=proposal.signal_id, proposal=proposal.pk,
        decision=Code(decision),
    )  # fmt: skip
    tell(proposal.situation, told)


def note_answers(situation: Situation, outcome: str, by: str) -> None:
    """Note for every reporter how it ended; whoever gave neither name nor number cannot be told."""
    moment, recorded = city_now(), wall_now()
    reached = Contact.objects.exclude(name_hash="", phone_hash="")
    rows = Signal.objects.filter(situation=situation, contact__in=reached).values_list("id", "contact_id")
    Answer.objects.bulk_create(
        [
            Answer(signal_id=signal, contact_id=contact, outcome=outcome, by=by, noted_at=moment, recorded_at=recorded)
            for signal, contact in rows
        ],
        ignore_conflicts=True,
    )


def end_alarms(situation: Situation, refuted: str = "") -> None:
    """Settle the situation's alarms in sensing; with words of refutation judge those false that are still open."""
    actor = system_actor("intake").on_run(acting().run_id)
    for alarm_id in alarms_of(situation):
        if not refuted:
            sensing_actions.settle_alarm(actor, alarm_id, subject_of(situation))
        elif sensing_queries.alarm(actor, alarm_id).state in {"new", "acknowledged"}:
            sensing_actions.refute_alarm(actor, alarm_id, refuted)


def alarms_of(situation: Situation) -> list[int]:
    """Ids of the alarms that the situation's signals and their repeats stand for."""
    own = Signal.objects.filter(situation=situation).values_list("alarm_id", flat=True)
    counted = Repeat.objects.filter(signal__situation=situation).values_list("alarm_id", flat=True)
    return sorted({alarm for alarm in [*own, *counted] if alarm is not None})
