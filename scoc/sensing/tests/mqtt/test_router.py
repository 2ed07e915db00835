"""The router: it finds what a plain comparison of every filter finds, and keeps nothing of what was taken out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoc.sensing.mqtt import topics
from scoc.sensing.mqtt.router import Router, Subscription
from scoc.sensing.mqtt.sessions import Session
from scoc.sensing.tests.mqtt.peer import clause

LEVEL = st.sampled_from(["a", "b", "$s", "", "+", "#"])
FILTERS = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(lambda one: topics.filter_fault(one) is None)
NAMES = (
    st.lists(st.sampled_from(["a", "b", "$s", ""]), min_size=1, max_size=4)
    .map("/".join)
    .filter(lambda one: topics.name_fault(one) is None)
)


def session(number: int) -> Session:
    """A session that keeps messages."""
    return Session(("p", str(number)), number, expiry_seconds=60)


@given(st.lists(FILTERS, max_size=12, unique=True), st.lists(NAMES, min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_it_finds_what_a_plain_comparison_finds(filters: list[str], names: list[str]) -> None:
    router = Router()
    owners = [session(number) for number in range(len(filters))]
    for owner, wanted in zip(owners, filters, strict=True):
        router.add(Subscription(owner, wanted, 1))
    for name in names:
        found = {one.session.number for one in router.deliveries(name, None)}
        assert found == {owner.number for owner, wanted in zip(owners, filters, strict=True)
                         if topics.matches(wanted, name)}  # fmt: skip
    for owner, wanted in zip(owners, filters, strict=True):
        router.remove(owner, wanted)
    assert router.size() == 0
    assert not router._exact
    assert not router._tree.below


@clause("MQTT-3.3.4-2", "MQTT-3.3.4-3", "MQTT-3.3.4-4", "3.1.1:MQTT-3.3.5-1")
def test_a_session_gets_one_copy_with_the_highest_qos_and_all_identifiers() -> None:
    router, one = Router(), session(1)
    router.add(Subscription(one, "a/#", 0, identifier=7))
    router.add(Subscription(one, "a/b", 2, identifier=8))
    router.add(Subscription(one, "a/+", 1))
    [copy] = router.deliveries("a/b", None)
    assert (copy.qos, sorted(copy.identifiers)) == (2, [7, 8])


@clause("MQTT-3.8.3-3")
def test_no_local_keeps_a_client_from_its_own_messages() -> None:
    router, one, two = Router(), session(1), session(2)
    for each in (one, two):
        router.add(Subscription(each, "a", 0, no_local=True))
    assert [copy.session for copy in router.deliveries("a", one.key)] == [two]


@clause("MQTT-4.8.2-4")
@pytest.mark.parametrize("wanted", ["$share/g/a", "$share/g/+"])
def test_a_group_takes_turns(wanted: str) -> None:
    router = Router()
    members = [session(number) for number in range(3)]
    for member in members:
        router.add(Subscription(member, wanted, 1))
    router.add(Subscription(members[0], "$share/other/a", 1))
    got = [sorted(copy.session.number for copy in router.deliveries("a", None)) for _ in range(6)]
    firsts = sorted(number for turn in got for number in turn)
    assert firsts == [0] * 8 + [1, 1, 2, 2]
    for member in members:
        router.remove(member, wanted)
    router.remove(members[0], "$share/other/a")
    assert router.size() == 0


@clause("3.8.4")
def test_a_second_subscription_to_the_same_filter_takes_the_place_of_the_first() -> None:
    router, one = Router(), session(1)
    router.add(Subscription(one, "a", 0))
    router.add(Subscription(one, "a", 2))
    assert [copy.qos for copy in router.deliveries("a", None)] == [2]
    assert router.size() == 1


def test_taking_out_what_is_not_there_changes_nothing() -> None:
    router, one = Router(), session(1)
    router.add(Subscription(one, "a/+", 0))
    for wanted in ("a", "a/#", "b/+", "$share/g/a", "$share/g/a/+"):
        router.remove(one, wanted)
    assert len(router.deliveries("a/x", None)) == 1
