"""How a rule would have gone over stored readings: the decisions of live judging, with no state and no alarm (private).

A rule is tried as if it had been put into force at the start of the span, with nothing known of before but, for
silence, when a datastream was last heard. Readings count in the order of their times, whenever they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import BigIntegerField, QuerySet
from django.db.models.functions import Cast

from scoc.core.city.sections import city_settings
from scoc.core.fields import to_micros
from scoc.sensing import baselines
from scoc.sensing.hours import MINUTE, always, inside_of
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Datastream, Observation
from scoc.sensing.rule_rows import RuleIn, settings_of
from scoc.sensing.rules import (
    Cleared,
    Event,
    Raised,
    Standing,
    Usual,
    Worse,
    comes_back,
    decide,
    furthest,
    longest_gap,
    may_matter,
    nothing_usual,
    silence_of,
    silent,
)

CHUNK = 10_000
Readings = list[tuple[int, float | None]]


@dataclass(slots=True)
class Episode:
    """What would have been one alarm. Times are microseconds."""

    since: int
    """When its condition began to hold for the first time."""
    raised: int
    cleared: int | None
    peak: float | None
    occurrences: int = 1
    flapping: bool = False
    """It came and went too often to be told each time."""


class Course:
    """One rule over one datastream, from a fresh state on."""

    def __init__(self, rule: RuleIn, line: Datastream, start: int, heard: int) -> None:
        self._policy = city_settings(SensingSettings).alarms
        self._kind, self._settings = rule.kind, settings_of(rule)
        self._recurrence = rule.recurrence_seconds * 1_000_000
        self._cadence = line.cadence_seconds * 1_000_000
        self._gap = longest_gap(self._cadence, city_settings(SensingSettings).gap_cadences)
        self._inside = inside_of(self._settings)
        self._usual: Usual = nothing_usual
        if rule.kind == "deviation":
            self._usual = baselines.usual_of(baselines.known([line.pk])[line.pk], rule.least_samples)
        self._start, self._heard = start, heard
        self._value: float | None = None
        self._standing = Standing()
        self._episode: Episode | None = None
        self._changes: deque[int] = deque(maxlen=self._policy.flapping_changes)
        """When it was raised or cleared lately, over all episodes."""

    def take(self, readings: Readings) -> Iterator[Episode]:
        """Go over the next readings; the episodes of which it is certain now that they are over."""
        yield from self._told(self._listen(readings) if self._kind == "silence" else self._look(readings))

    def end(self, until: int) -> Iterator[Episode]:
        """There are no more readings until `until`; the last episode, if there is one."""
        if self._kind == "silence" and (fell := self._fell_silent(until)) is not None:
            yield from self._told([fell])
        if self._episode is not None:
            unstable = self._changes and until - self._changes[-1] < self._policy.stable_seconds * 1_000_000
            if self._episode.flapping and unstable:
                self._episode.cleared = None
            yield self._episode

    def _look(self, readings: Readings) -> list[Event]:
        numbers = [(at, value) for at, value in readings if value is not None]
        values = [value for _, value in numbers]
        idle = self._standing.phase == "normal" and not self._standing.memory
        if not values or (idle and not may_matter(self._kind, self._settings, min(values), max(values))):
            return []
        return decide(self._kind, self._settings, self._standing, numbers, self._gap, self._usual, self._inside)

    def _listen(self, readings: Readings) -> Iterator[Event]:
        for at, value in readings:
            if at > self._start and (fell := self._fell_silent(at)) is not None:
                yield fell
                yield Cleared(at, value)
            self._heard, self._value = at, value

    def _fell_silent(self, until: int) -> Raised | None:
        """That it was silent before `until`, from the first minute of it that lies in the rule's hours."""
        if not self._cadence or not silent(self._settings, self._cadence, self._heard, until):
            return None
        at = max(self._heard + silence_of(self._settings, self._cadence), self._start)
        if self._inside is not always:
            while not self._inside(at):
                at = at - at % MINUTE + MINUTE
                if at >= until:
                    return None
        return Raised(at, self._value, self._heard, None)

    def _came_back(self, last: Episode, at: int) -> bool:
        if last.flapping and at - self._changes[-1] <= self._policy.stable_seconds * 1_000_000:
            return True
        last.flapping = False
        return last.cleared is not None and comes_back(last.cleared, at, self._recurrence)

    def _flaps(self, at: int) -> bool:
        """Whether, with what happens at `at`, it changed too often lately; as live, that is seen when it is raised."""
        self._changes.append(at)
        full = len(self._changes) == self._changes.maxlen
        return full and at - self._changes[0] < self._policy.flapping_seconds * 1_000_000

    def _told(self, events: Iterable[Event]) -> Iterator[Episode]:
        """Events as episodes, as `raising` makes alarms of them."""
        for event in events:
            last = self._episode
            match event:
                case Raised():
                    if last is not None and self._came_back(last, event.at):
                        last.cleared, last.occurrences = None, last.occurrences + 1
                        last.peak = furthest(self._settings, last.peak, event.peak)
                    else:
                        if last is not None:
                            yield last
                        last = self._episode = Episode(event.since, event.at, None, event.peak)
                    last.flapping = self._flaps(event.at) or last.flapping
                case Cleared() if last is not None:
                    last.cleared = event.at
                    self._changes.append(event.at)
                case Worse() if last is not None:
                    last.peak = furthest(self._settings, last.peak, event.peak)


Told = Callable[[int, Datastream, Episode], None]
"""Hears of each episode, with the place of its rule among those tried."""


def try_over(
    rules: list[RuleIn], line: Datastream, start: datetime, end: datetime, listening_since: datetime, tell: Told
) -> int:
    """Try rules over the readings of one datastream from `start` to before `end`; how many readings there were."""
    heard = _heard(line, start, listening_since) if any(rule.kind == "silence" for rule in rules) else 0
    courses = [Course(rule, line, to_micros(start), heard) for rule in rules]
    rows = readings_of([line.pk], start, end).annotate(micros=Cast("at", BigIntegerField()))
    found = iter(rows.order_by("at", "result").values_list("micros", "result").iterator(CHUNK))
    number = 0
    while part := list(islice(found, CHUNK)):
        number += len(part)
        for place, course in enumerate(courses):
            for episode in course.take(part):
                tell(place, line, episode)
    for place, course in enumerate(courses):
        for episode in course.end(to_micros(end)):
            tell(place, line, episode)
    return number


def readings_of(datastreams: list[int], start: datetime, end: datetime) -> QuerySet[Observation]:
    """The readings of datastreams from `start` to before `end`."""
    return Observation.objects.filter(datastream_id__in=datastreams, at__gte=start, at__lt=end)


def _heard(line: Datastream, start: datetime, listening_since: datetime) -> int:
    """The last sign of life before `start`: a reading, else that it was registered, but not before anybody listened."""
    before = Observation.objects.filter(datastream=line, at__lt=start).order_by("-at").values_list("at", flat=True)
    return to_micros(before.first() or max(line.device.registered_at, listening_since))
