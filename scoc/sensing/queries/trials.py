"""A rule tried on past data: what it would have raised, before it is put into the city pack."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.fields import from_micros
from scoc.core.now import city_now
from scoc.core.refusals import invalid
from scoc.core.schemas import TextOut, text_out
from scoc.core.validity import in_area
from scoc.kit.text import Text
from scoc.sensing import baselines
from scoc.sensing.models import Alarm, Datastream, Device, DeviceType, Rule
from scoc.sensing.queries.rules import observed
from scoc.sensing.rule_rows import FIXED, RuleIn, fitting, row_of, settings_of, target_in, told_in
from scoc.sensing.rules import sentence
from scoc.sensing.schemas import RuleDraft, RuleInForce, TrialDevice, TrialEpisode, TrialOut
from scoc.sensing.silence import run_began
from scoc.sensing.targets import streams_of
from scoc.sensing.trying import Episode, readings_of, try_over

MOST_DAYS = 92
MOST_READINGS = 1_000_000
"""So many are gone over within seconds; whoever asks waits for it."""
MOST_DATASTREAMS = 2_000
MOST_ROWS = 500
_PERMISSION = "sensing.try_rule"


@query(_PERMISSION)
def try_rule(
    viewer: Viewer,
    draft: RuleDraft,
    start: datetime,
    end: datetime,
    *,
    device_id: int | None = None,
    area: str | None = None,
) -> TrialOut:
    """What a rule would have raised from `start` to before `end`, had it been put into force at `start`.

    With `code`, the rule in force with the settings that are given otherwise, compared with itself as it is. Looks at
    the devices that the viewer may see, as they are now. Changes nothing. Raises Invalid for a rule that the city pack
    could not have, a span of more than MOST_DAYS days, and where there is too much to go over.
    """
    until = min(end, city_now())
    _check_span(start, end, until)
    tried, type_, in_force = _rule(draft)
    lines = _lines(viewer, tried, device_id, area)
    _check_size(lines, start, until)
    rules = [tried] if in_force is None else [tried, row_of(in_force)]
    tallies = [_Tally() for _ in rules]
    began, readings = run_began(), 0

    def tell(place: int, line: Datastream, episode: Episode) -> None:
        tallies[place].add(line, episode)

    for line in lines:
        readings += try_over(rules, line, start, until, began, tell)
    name, unit = observed(tried.property, type_)
    mine = tallies[0]
    return TrialOut(
        kind=tried.kind, level=tried.level, device_type=tried.device_type, property=tried.property, unit=unit,
        sentence=text_out(sentence(tried.kind, settings_of(tried), name, unit)), start=start, end=until,
        datastreams=len(lines), readings=readings, episodes=mine.episodes, recurrences=mine.recurrences,
        devices=mine.devices(), items=mine.items(tried.level), more=mine.episodes > MOST_ROWS,
        in_force=None if in_force is None else RuleInForce(
            version=in_force.version,
            sentence=text_out(sentence(in_force.kind, in_force.settings, name, unit)),
            episodes=tallies[1].episodes, recurrences=tallies[1].recurrences,
            raised=_raised(viewer, in_force.code, lines, start, until),
        ),
        notes=_notes(tried, lines),
    )  # fmt: skip


@dataclass(slots=True)
class _Tally:
    """Episodes as they are told: counted all, the newest kept."""

    episodes: int = 0
    recurrences: int = 0
    _by_device: dict[int, TrialDevice] = field(default_factory=dict)
    _newest: list[tuple[int, int, Device, Episode]] = field(default_factory=list)
    """A heap by time and number."""

    def add(self, line: Datastream, episode: Episode) -> None:
        device, again = line.device, episode.occurrences - 1
        self.episodes += 1
        self.recurrences += again
        of_device = self._by_device.setdefault(
            device.pk,
            TrialDevice(
                device_id=device.pk, device_key=device.key, device_name=text_out(device.name), episodes=0, recurrences=0
            ),
        )
        of_device.episodes += 1
        of_device.recurrences += again
        push = heapq.heappush if len(self._newest) < MOST_ROWS else heapq.heappushpop
        push(self._newest, (episode.raised, self.episodes, device, episode))

    def devices(self) -> list[TrialDevice]:
        """The devices with the most episodes."""
        return sorted(self._by_device.values(), key=lambda one: (-one.episodes, one.device_key))[:MOST_ROWS]

    def items(self, level: str) -> list[TrialEpisode]:
        """The newest episodes, the newest first."""
        return [
            TrialEpisode(
                device_id=device.pk, device_key=device.key, device_name=text_out(device.name), level=level,
                started_at=from_micros(one.since), raised_at=from_micros(one.raised),
                ended_at=None if one.cleared is None else from_micros(one.cleared), peak=one.peak,
                occurrences=one.occurrences, flapping=one.flapping,
            )
            for _, _, device, one in sorted(self._newest, key=lambda kept: (-kept[0], kept[1]))
        ]  # fmt: skip


def _check_span(start: datetime, end: datetime, until: datetime) -> None:
    if start >= end:
        raise invalid("end", "It does not lie after `start`.", "Give a span of time.", zh="结束时间应晚于开始时间。")
    if end - start > timedelta(days=MOST_DAYS):
        raise invalid("end", f"The span is longer than {MOST_DAYS} days.", "Try it on a shorter one.",
                      zh=f"时段最长 {MOST_DAYS} 天，请缩短。")  # fmt: skip
    if start >= until:
        raise invalid("start", "It lies in the future.", "A rule is tried on past data.", zh="开始时间应早于现在。")


def _rule(draft: RuleDraft) -> tuple[RuleIn, DeviceType | None, Rule | None]:
    """The rule to try with the type of its devices, if it names one, and the one in force that it starts from."""
    given = told_in(draft)
    code = given.pop("code", None)
    in_force = None
    values: dict[str, object] = {"code": "trial", "name_zh": "试算", "name_en": "Trial"}
    if code is not None:
        in_force = Rule.objects.filter(code=code, valid_to=None).select_related("device_type").first()
        if in_force is None:
            raise invalid("code", f"No rule `{code}` is in force.", "Name one of the rules, or none for a new one.",
                          zh=f"没有现行规则 {code}。")  # fmt: skip
        values = row_of(in_force).model_dump()
        for name in FIXED:
            if given.get(name, values[name]) != values[name]:
                raise invalid(name, "A rule keeps it.", "Leave out `code` to try a new rule.",
                              zh="既有规则的此项不变；如需改动，请不填规则编号，按新规则试算。")  # fmt: skip
    row = fitting(values | given)
    return row, DeviceType.objects.filter(code=row.device_type).first(), in_force


def _lines(viewer: Viewer, rule: RuleIn, device_id: int | None, area: str | None) -> list[Datastream]:
    """The datastreams that the rule would be asked about, of those that the viewer may see; one too many at most."""
    states = [Device.State.ACTIVE] if rule.kind == "silence" else [Device.State.ACTIVE, Device.State.REGISTERED]
    rows = streams_of(target_in(rule)).filter(device__state__in=states, active=True)
    if device_id is not None:
        rows = rows.filter(device_id=device_id)
    if area:
        inside = in_area(area, "device__area__path")
        rows = rows.none() if inside is None else rows.filter(inside)
    paths = {"organisation": "device__organisation", "area": "device__area"}
    rows = visible(viewer, rows, _PERMISSION, paths).select_related("device").order_by("device__key", "pk")
    return list(rows[: MOST_DATASTREAMS + 1])


def _check_size(lines: list[Datastream], start: datetime, end: datetime) -> None:
    if len(lines) > MOST_DATASTREAMS:
        raise invalid("area", f"It would look at more than {MOST_DATASTREAMS} datastreams.",
                      "Name an area or a device.", code="too_much",
                      zh=f"涉及的数据流超过 {MOST_DATASTREAMS} 条，请指定区域或设备。")  # fmt: skip
    if readings_of([line.pk for line in lines], start, end)[: MOST_READINGS + 1].count() > MOST_READINGS:
        raise invalid("end", f"There are more than {MOST_READINGS:,} readings.",
                      "Choose a shorter span, an area or a device.", code="too_much",
                      zh=f"读数超过 {MOST_READINGS // 10_000} 万条，请缩短时段，或指定区域、设备。")  # fmt: skip


def _raised(viewer: Viewer, code: str, lines: list[Datastream], start: datetime, end: datetime) -> int:
    """How many alarms the rule really raised over these datastreams."""
    alarms = visible(viewer, Alarm.objects.filter(rule__code=code, datastream__in=lines), _PERMISSION)
    return alarms.filter(happened_at__gte=start, happened_at__lt=end).count()


def _notes(rule: RuleIn, lines: list[Datastream]) -> list[TextOut]:
    """What whoever reads the answer must know of how it came about."""
    notes = [
        Text(
            "自起点起重新判断；迟到的读数按其观测时间计入，而实时判断不回头看。",
            "Judged afresh from the start. What came late counts at its time, though a live rule does not look back.",
        )
    ]
    if rule.kind == "deviation":
        known = baselines.known([line.pk for line in lines])
        without = sum(not hours for hours in known.values())
        notes.append(
            Text("常态按现在的基线，而不是当时的。", "What is usual is taken from the baselines of now, not of then.")
        )
        if without:
            notes.append(
                Text(
                    f"{without} 条数据流还没有基线，无从判断。",
                    f"{without} of the datastreams have no baseline yet: nothing can be said of them.",
                )
            )
    if rule.kind == "silence":
        notes.append(
            Text(
                "补传的读数视为按时到达；起点前已静默的，自起点起告警。",
                "Readings sent later count as if they had come in time. What was silent before is raised at the start.",
            )
        )
    return [text_out(note) for note in notes]
