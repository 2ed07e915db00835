"""Ids of observations never meet, whatever process wrote them: each holds a number that the database lends."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, transaction

from scoc.core.access import system_actor
from scoc.core.now import wall_now
from scoc.core.tests.factories import City
from scoc.kit.identifiers import WORKERS
from scoc.sensing import actions
from scoc.sensing.ingest import numbering
from scoc.sensing.models import Observation, WriterNumber
from scoc.sensing.tests.factories import make_device, readings

NOW = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)


def as_process(monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    """Go on as another process would, perhaps on another machine."""
    monkeypatch.setattr(os, "getpid", lambda: pid)


def borrow(count: int = 1) -> list[int]:
    """Ids in a committed transaction of their own, as lists of numbers."""
    with transaction.atomic():
        ids: list[int] = numbering.new_ids(count).tolist()
    return ids


def number_of(pk: int) -> int:
    """The writer's number in an id."""
    return pk >> 12 & WORKERS - 1


def test_two_processes_with_equal_process_ids_give_different_ids(
    committed: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5000 and 6024 are equal modulo 1024; both write in the same millisecond."""
    one, two = make_device(), make_device()
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    told = []
    for pid, device in ((5000, one), (6024, two), (5000, two)):
        as_process(monkeypatch, pid)
        start = wall_now() - timedelta(minutes=pid / 1000)
        told.append(actions.ingest(system_actor("sensing"), "test", readings(device, 10.0, start=start)).results[0].id)
    assert len(set(told)) == 3
    assert set(Observation.objects.values_list("id", flat=True)) == set(told)


@pytest.mark.usefixtures("committed")
def test_a_process_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without asking again, and once it has to, it gets the same."""
    as_process(monkeypatch, 71)
    first, second = borrow(3), borrow(3)
    numbering.forget_number()
    third = borrow(3)
    assert {number_of(pk) for pk in [*first, *second, *third]} == {number_of(first[0])}
    assert first + second + third == sorted(set(first + second + third))
    assert WriterNumber.objects.exclude(holder="").count() == 1


@pytest.mark.usefixtures("committed")
def test_what_is_rolled_back_was_never_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ids are gone with it, so another process may hold the number; the first does not go on with it."""
    as_process(monkeypatch, 72)
    with transaction.atomic():
        mine = numbering.new_ids(1).tolist()
        transaction.set_rollback(True)
    as_process(monkeypatch, 73)
    theirs = borrow()
    assert number_of(theirs[0]) == number_of(mine[0])
    as_process(monkeypatch, 72)
    assert number_of(borrow()[0]) != number_of(theirs[0])


@pytest.mark.usefixtures("committed")
def test_the_number_of_a_dead_writer_returns_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while it is lent; then whichever has been free for longest is given first."""
    moment = NOW
    monkeypatch.setattr(numbering, "wall_now", lambda: moment)
    as_process(monkeypatch, 74)
    dead = number_of(borrow()[0])
    WriterNumber.objects.exclude(number=dead).update(holder="elsewhere", until=NOW + 4 * numbering.LENT)
    as_process(monkeypatch, 75)
    moment = NOW + numbering.LENT
    with pytest.raises(OperationalError, match="writer numbers are lent"):
        borrow()
    moment += timedelta(seconds=1)
    assert number_of(borrow()[0]) == dead


@pytest.mark.usefixtures("committed")
def test_a_number_is_renewed_while_its_holder_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour before its end, in the transaction of the readings."""
    moment = NOW
    monkeypatch.setattr(numbering, "wall_now", lambda: moment)
    as_process(monkeypatch, 76)
    mine = number_of(borrow()[0])
    ends = []
    for minutes in (30, 61, 90, 122):
        moment = NOW + timedelta(minutes=minutes)
        assert number_of(borrow()[0]) == mine
        ends.append(WriterNumber.objects.get(number=mine).until - NOW)
    assert ends == [timedelta(minutes=m) for m in (120, 181, 181, 242)]


@pytest.mark.usefixtures("committed")
def test_a_holder_that_slept_too_long_gets_another_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may hold its old one by now."""
    moment = NOW
    monkeypatch.setattr(numbering, "wall_now", lambda: moment)
    as_process(monkeypatch, 77)
    mine = number_of(borrow()[0])
    moment = NOW + 2 * numbering.LENT
    WriterNumber.objects.filter(number=mine).update(holder="elsewhere", until=moment + numbering.LENT)
    assert number_of(borrow()[0]) != mine
