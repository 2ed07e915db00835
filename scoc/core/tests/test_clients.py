"""API keys: exact quotas by minute and day, meters that survive a restart, ends and revocations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from scoc.core import clients, now
from scoc.core.access import actor_for
from scoc.core.clients import actor_of_key, count_rows, flush_meters, forget_usage, issue
from scoc.core.models import ApiKey, Meter, Post, User
from scoc.core.refusals import TooMuch
from scoc.core.tests.factories import City, make_actor


def make_key(*, per_minute: int = 100, per_day: int = 1000) -> tuple[str, Post]:
    """A machine's key for a day, and its post."""
    actor = make_actor("core.read_directory")
    post = Post.objects.get(pk=actor.post_id or 0)
    machine = User.objects.create(username=f"machine:{actor.username}", kind=User.Kind.MACHINE, password="!")
    valid_to = now.wall_now() + timedelta(days=1)
    return issue(machine, post, "test", per_minute=per_minute, per_day=per_day, valid_to=valid_to), post


def refused(key: str) -> int:
    """The call must be refused; gives the seconds to wait."""
    with pytest.raises(TooMuch) as caught:
        actor_of_key(key, "")
    return caught.value.retry_after


def test_a_key_acts_in_its_post_with_its_grants(city: City) -> None:
    key, post = make_key()
    actor = actor_of_key(key, "10.0.0.9")
    assert actor is not None
    assert (actor.kind, actor.post_id, actor.address) == ("machine", post.pk, "10.0.0.9")
    assert actor.key_id == ApiKey.objects.get().pk
    assert actor.may("core.read_directory") is not None


@pytest.mark.parametrize("change", ["", "x", "scoc_", "scoc_0123456789ab_short", "\0", "scoc_ſ"])
def test_what_is_no_key_is_nobody(city: City, change: str) -> None:
    assert actor_of_key(change, "") is None


def test_a_wrong_secret_an_end_and_a_revocation_are_nobody(city: City, later: Callable[[float], None]) -> None:
    key, post = make_key()
    other, _ = make_key()
    assert actor_of_key(key[:18] + other[18:], "") is None
    assert actor_of_key(key + "\n", "") is None
    assert actor_of_key(key, "") is not None
    ApiKey.objects.filter(post=post).update(revoked_at=now.wall_now())
    assert actor_of_key(key, "") is None
    assert actor_of_key(other, "") is not None
    later(86_401)
    assert actor_of_key(other, "") is None


def test_a_key_ends_with_its_machine_and_with_its_post(city: City) -> None:
    key, post = make_key()
    Post.objects.filter(pk=post.pk).update(valid_to=now.city_today())
    assert actor_of_key(key, "") is None
    Post.objects.filter(pk=post.pk).update(valid_to=None)
    assert actor_of_key(key, "") is not None
    User.objects.filter(kind="machine").update(is_active=False)
    assert actor_of_key(key, "") is None


def test_the_minutes_quota_slides(city: City, later: Callable[[float], None]) -> None:
    key, _ = make_key(per_minute=2)
    actor_of_key(key, "")
    later(20)
    actor_of_key(key, "")
    later(20)
    assert refused(key) == 20  # until the first call is a minute old
    later(20)
    actor_of_key(key, "")
    assert refused(key) == 20
    flush_meters(force=True)
    meter = Meter.objects.get()
    assert (meter.answered, meter.refused) == (3, 2)


def test_the_days_quota_is_by_the_citys_day(city: City) -> None:
    evening = datetime(2099, 6, 15, 15, 59, tzinfo=UTC)  # 23:59 in the city
    clock = [evening]
    with now.wall_time(lambda: clock[0]):
        key, _ = make_key(per_day=2)
        for _ in range(2):
            assert actor_of_key(key, "") is not None
        assert refused(key) == 60
        clock[0] = evening + timedelta(minutes=1)
        assert actor_of_key(key, "") is not None


def test_quotas_and_meters_are_exact_after_a_clean_restart(city: City, later: Callable[[float], None]) -> None:
    key, _ = make_key(per_day=5)
    for _ in range(3):
        actor_of_key(key, "")
    flush_meters(force=True)  # as a clean stop does
    forget_usage()
    later(120)
    for _ in range(2):
        assert actor_of_key(key, "") is not None
    refused(key)
    flush_meters(force=True)
    assert sum(Meter.objects.values_list("answered", flat=True)) == 5
    assert sum(Meter.objects.values_list("refused", flat=True)) == 1


def test_a_quota_counts_what_other_processes_used_by_the_last_flush(city: City, later: Callable[[float], None]) -> None:
    key, _ = make_key(per_day=10)
    actor_of_key(key, "")
    flush_meters(force=True)
    Meter.objects.update(answered=9)  # another process answered eight
    later(10)
    assert actor_of_key(key, "") is not None  # the tenth; its flush sees the others' nine
    refused(key)


def test_counting_costs_a_write_only_every_few_seconds(city: City, later: Callable[[float], None]) -> None:
    key, _ = make_key()
    actor_of_key(key, "")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(10):
            actor_of_key(key, "")
    assert {q["sql"].split()[0] for q in queries} == {"SELECT"}
    assert len(queries) == 20  # the key, and its grants


def test_counts_that_cannot_be_stored_are_stored_later(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = make_key()
    actor = actor_of_key(key, "")
    assert actor is not None
    count_rows(actor, 7)

    def broken(**_: object) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(Meter.objects, "get_or_create", broken)
        with pytest.raises(DatabaseError):
            flush_meters(force=True)
    flush_meters(force=True)
    meter = Meter.objects.get()
    assert (meter.answered, meter.rows) == (1, 7)


def test_persons_are_not_metered(city: City) -> None:
    person = make_actor()
    count_rows(person, 5)
    assert clients._usage == {}
    user = User.objects.get(pk=person.user_id)
    assert actor_for(user, None).key_id is None
