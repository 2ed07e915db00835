"""What intake tells the city. The subject of each fact is `intake:<situation id>`."""

from __future__ import annotations

from dataclasses import dataclass

from scoc.core.facts import Code, Fact, fact

SEE = "intake.read_situations"


@fact("intake.signal_received", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceived(Fact):
    """A signal came in and is now part of the subject."""

    signal: int
    channel: Code
    level: int


@fact("intake.situation_opened", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationOpened(Fact):
    """A new situation waits to be judged. `category` is empty where nobody knows it yet."""

    category: Code
    level: int


@fact("intake.signal_joined", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalJoined(Fact):
    """A signal was joined to the subject: by rule (`automatic`) or by a person."""

    signal: int
    join: int
    how: Code
    automatic: bool
    score_per_10000: int | None
    origin: int | None
    """Id of the situation that it left, if any."""


@fact("intake.signal_separated", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSeparated(Fact):
    """A signal left the subject."""

    signal: int
    join: int
    """The join that was undone."""
    target: int
    """Id of the situation that it is part of now."""


@fact("intake.join_proposed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class JoinProposed(Fact):
    """A signal may belong to the subject; a person has to decide."""

    signal: int
    proposal: int
    score_per_10000: int


@fact("intake.proposal_decided", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalDecided(Fact):
    """A proposed join to the subject was confirmed, rejected, or lapsed."""

    signal: int
    proposal: int
    decision: Code


@fact("intake.situation_accepted", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationAccepted(Fact):
    """The subject was accepted: by a person, or by a rule that the city allowed (`automatic`)."""

    category: Code
    level: int
    automatic: bool


@fact("intake.situation_dismissed", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationDismissed(Fact):
    """The subject is no matter for the city, e.g. a false alarm."""

    reason: Code


@fact("intake.situation_taken_over", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationTakenOver(Fact):
    """Something was opened of the subject; `by` names it, e.g. `cases:5`."""

    by: Code


@fact("intake.situation_settled", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationSettled(Fact):
    """What was opened of the subject is over."""

    by: Code
    outcome: Code


@fact("intake.situation_merged", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationMerged(Fact):
    """All signals of the subject went into another situation."""

    into: int


@fact("intake.situation_reopened", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationReopened(Fact):
    """A merged situation got a signal back and waits to be judged again."""


@fact("intake.situation_escalated", permission=SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class SituationEscalated(Fact):
    """Nobody judged the subject in time; its level was raised."""

    level: int
