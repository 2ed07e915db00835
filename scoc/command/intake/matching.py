"""Which live situation a signal belongs to, and how sure that is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet

from scoc.command.intake import scoring
from scoc.command.intake.models import Signal, Situation
from scoc.command.intake.rules import Rules
from scoc.command.intake.scoring import Score, Side
from scoc.core.models import AssetLink
from scoc.kit.geometry import bbox_around, distance_m

MOST_CANDIDATES = 100
"""More live situations than this around one point are not compared; the newest are."""


def side_of_signal(signal: Signal) -> Side:
    """What is compared of a signal."""
    return Side(signal.happened_at, signal.last_at, signal.category, signal.lon, signal.lat, signal.asset_id)


def side_of_situation(situation: Situation) -> Side:
    """What is compared of a situation."""
    return Side(
        situation.first_at, situation.last_at, situation.category, situation.lon, situation.lat, situation.asset_id
    )


def _candidates(signal: Signal) -> QuerySet[Situation]:
    """Live situations of the run in whose time window and box the signal lies; newest first.

    A signal without a position can only belong where its device or asset has been seen.
    """
    rows = Situation.objects.filter(
        run_id=signal.run_id, ended_at=None, joinable_until__gte=signal.happened_at,
        joinable_from__lte=signal.last_at,
    )  # fmt: skip
    if signal.lon is not None and signal.lat is not None:
        rows = rows.filter(
            west__lte=signal.lon, east__gte=signal.lon, south__lte=signal.lat, north__gte=signal.lat
        )  # fmt: skip
    elif signal.device or signal.asset_id:
        same = Q()
        if signal.device:
            same |= Q(device=signal.device)
        if signal.asset_id:
            same |= Q(asset_id=signal.asset_id)
        rows = rows.filter(pk__in=Signal.objects.filter(same, run_id=signal.run_id).values("situation_id"))
    else:
        return rows.none()
    return rows.order_by("-last_at", "-id")


def asset_kinship(signal: Signal, situations: list[Situation]) -> dict[int, str]:
    """For each situation how its devices and assets relate to the signal's, as `scoring.asset` takes it."""
    ids = [situation.pk for situation in situations]
    found: dict[int, str] = {}
    if not ids or not (signal.device or signal.asset_id):
        return dict.fromkeys(ids, "unknown")
    rows = Signal.objects.filter(situation_id__in=ids)
    if signal.asset_id:
        links = AssetLink.objects.filter(Q(origin_id=signal.asset_id) | Q(target_id=signal.asset_id), valid_to=None)
        linked = {pk for pair in links.values_list("origin_id", "target_id") for pk in pair} - {signal.asset_id}
        for pk in rows.filter(asset_id__in=linked).order_by().values_list("situation_id", flat=True).distinct():
            found[pk] = "linked"
        for pk in rows.filter(asset_id=signal.asset_id).order_by().values_list("situation_id", flat=True).distinct():
            found[pk] = "same"
    if signal.device:
        for pk in rows.filter(device=signal.device).order_by().values_list("situation_id", flat=True).distinct():
            found[pk] = "device"
    for situation in situations:
        if situation.pk not in found:
            other = signal.asset_id and situation.asset_id
            found[situation.pk] = "different" if other else "unknown"
    return found


def compare(signal: Signal, situation: Situation, rules: Rules, asset_how: str) -> Score:
    """The score of a signal in a situation, by the rule of the situation."""
    return scoring.score(
        side_of_signal(signal), side_of_situation(situation), radius_m=situation.radius_m,
        window_minutes=situation.window_minutes, asset_how=asset_how, related=rules.related, settings=rules.settings,
    )  # fmt: skip


def within(score: Score) -> bool:
    """Whether it lies inside of radius and window, as far as these are known."""
    return all(
        reason.has is None or reason.of is None or reason.has <= reason.of
        for reason in score.reasons
        if reason.what in {"space", "time"}
    )


def best(signal: Signal, rules: Rules) -> tuple[Situation, Score] | None:
    """The situation that a signal fits best, if any is in reach; of equal ones the older."""
    situations = list(_candidates(signal)[:MOST_CANDIDATES])
    kinship = asset_kinship(signal, situations)
    scored = [(situation, compare(signal, situation, rules, kinship[situation.pk])) for situation in situations]
    inside = [(situation, score) for situation, score in scored if within(score)]
    return max(inside, key=lambda pair: (pair[1].value, -pair[0].pk), default=None)


def one(signal: Signal, situation: Situation, rules: Rules) -> Score:
    """The score of a signal in one situation, wherever that is: evidence beside a person's decision."""
    return compare(signal, situation, rules, asset_kinship(signal, [situation])[situation.pk])


def nearby(situation: Situation, rules: Rules, rows: QuerySet[Situation]) -> list[tuple[Situation, Score, int]]:
    """Of `rows` the live situations around one, with the score of a merger and the metres between, best first."""
    if situation.lon is None or situation.lat is None:
        return []
    reach = situation.radius_m * rules.settings.nearby_factor
    west, south, east, north = bbox_around(situation.lon, situation.lat, reach)
    window = timedelta(minutes=situation.window_minutes * rules.settings.nearby_factor)
    around = rows.filter(
        ended_at=None, joinable_until__gte=situation.first_at - window, first_at__lte=situation.last_at + window,
        lon__range=(west, east), lat__range=(south, north),
    ).exclude(pk=situation.pk)  # fmt: skip
    found = []
    for other in around.order_by("-last_at", "-id")[:MOST_CANDIDATES]:
        assert other.lon is not None
        assert other.lat is not None
        metres = round(distance_m(situation.lon, situation.lat, other.lon, other.lat))
        if metres > reach:
            continue
        same = situation.asset_id and other.asset_id
        how = "unknown" if not same else "same" if situation.asset_id == other.asset_id else "different"
        score = scoring.score(
            side_of_situation(other), side_of_situation(situation), radius_m=situation.radius_m,
            window_minutes=situation.window_minutes, asset_how=how, related=rules.related, settings=rules.settings,
        )  # fmt: skip
        found.append((other, score, metres))
    return sorted(found, key=lambda item: (-item[1].value, item[2]))[:5]
