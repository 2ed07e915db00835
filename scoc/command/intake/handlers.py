"""What intake does about facts of sensing. Facts come at least once and in any order: each reads the alarm anew."""

from __future__ import annotations

from scoc.command.intake.actions import note_refuted, receive_alarm
from scoc.core.access import system_actor
from scoc.core.facts import Code, News, on
from scoc.kit.identifiers import parse_subject
from scoc.sensing.facts import AlarmCleared, AlarmRaised, AlarmRecurred, AlarmRefuted


def _follow(subject: Code, news: News) -> None:
    receive_alarm(system_actor("intake").on_run(news.run_id), int(parse_subject(subject)[1]))


@on(AlarmRaised)
def receive_raised(fact: AlarmRaised, news: News) -> None:
    """A new alarm is a signal."""
    _follow(fact.subject, news)


@on(AlarmRecurred)
def count_recurrence(fact: AlarmRecurred, news: News) -> None:
    """An alarm that came back is counted on its signal."""
    _follow(fact.subject, news)


@on(AlarmCleared)
def note_clearing(fact: AlarmCleared, news: News) -> None:
    """The signal of an alarm whose condition is gone says so."""
    _follow(fact.subject, news)


@on(AlarmRefuted)
def follow_refutation(fact: AlarmRefuted, news: News) -> None:
    """A situation that rests on refuted alarms alone ends with the last of them."""
    note_refuted(system_actor("intake").on_run(news.run_id), int(parse_subject(fact.subject)[1]))
