"""Every change at the intake desk (接入): receive signals, join and part them, judge situations."""

from scoc.command.intake.actions.alarms import note_refuted, receive_alarm
from scoc.command.intake.actions.joining import confirm, join, merge, reject, separate, undo
from scoc.command.intake.actions.judging import accept, dismiss, escalate_overdue, reserve, settle, take_over
from scoc.command.intake.actions.receiving import receive_signal

__all__ = [
    "accept",
    "confirm",
    "dismiss",
    "escalate_overdue",
    "join",
    "merge",
    "note_refuted",
    "receive_alarm",
    "receive_signal",
    "reject",
    "reserve",
    "separate",
    "settle",
    "take_over",
    "undo",
]
