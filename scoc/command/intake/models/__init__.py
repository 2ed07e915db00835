"""The rows of intake: signals, the situations they form, why they were joined, and the rules of joining."""

from scoc.command.intake.models.joins import Join, Proposal
from scoc.command.intake.models.rules import JoinRule
from scoc.command.intake.models.signals import Answer, Repeat, Signal
from scoc.command.intake.models.situations import (
    LIVE,
    MOVES,
    SITUATION_TEXT,
    STATE_NAMES,
    Desk,
    Situation,
    SituationFlow,
)

__all__ = [
    "LIVE",
    "MOVES",
    "SITUATION_TEXT",
    "STATE_NAMES",
    "Answer",
    "Desk",
    "Join",
    "JoinRule",
    "Proposal",
    "Repeat",
    "Signal",
    "Situation",
    "SituationFlow",
]
