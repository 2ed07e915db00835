"""The live stream: filtered by rights, run and scope; nothing lost in whatever order commits come; slow readers cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scoc.core import live, now
from scoc.core.access import system_actor
from scoc.core.acting import Actor, unit_of_work
from scoc.core.facts import Code, publish
from scoc.core.live import HUB, SOURCES, Event, Stream, Tail
from scoc.core.models import FactRow, Grant, PostHolding, Role, Run
from scoc.core.now import wall_now
from scoc.core.tests.factories import City, browser, make_actor, make_organisation
from scoc.core.tests.ringing import Rung
from scoc.kit.text import Text

SEE = "tests.read"


def ring(
    number: int, *, organisation_id: int | None = None, area_id: int | None = None, run: int | None = None
) -> None:
    """Publish a fact."""
    with unit_of_work(system_actor("tests").on_run(run)):
        told = Rung(subject=Code(f"tests:{number}"), number=number)
        publish(told, organisation_id=organisation_id, area_id=area_id)


class Screen:
    """A browser with an open stream."""

    def __init__(self, client: Client | None, method: str = "GET") -> None:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()) if client else ""
        self.scope = {"type": "http", "method": method, "headers": [(b"cookie", cookies.encode())]}
        self.status = 0
        self.chunks: list[bytes] = []
        self.stuck = asyncio.Event()
        self.stuck.set()
        self.leave = asyncio.Event()
        self.ended = False
        self.news = asyncio.Event()
        self.task = asyncio.create_task(live.live(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.stuck.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.chunks.append(message["body"])
            self.ended = not message.get("more_body", False)
        self.news.set()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was sent so far."""
        lines = b"".join(self.chunks).decode().split("\n\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @property
    def numbers(self) -> list[int]:
        """The numbers that were rung."""
        return [int(m["subject"].split(":")[1]) for m in self.messages if m["type"] == "fact"]

    async def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(20):
            while not wanted():
                await self.news.wait()
                self.news.clear()

    async def greeted(self) -> Screen:
        """Wait for the hello."""
        await self.until(lambda: bool(self.messages) or self.ended)
        return self

    async def close(self) -> None:
        """Leave."""
        self.leave.set()
        async with asyncio.timeout(20):
            await self.task


def played(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene, and end what it left."""

    async def run() -> None:
        try:
            await scene()
        finally:
            HUB.stop()
            await sync_to_async(connections.close_all)()

    asyncio.run(run())


@pytest.fixture
def doing() -> Callable[..., Awaitable[None]]:
    """Does something in the database from a scene."""

    async def do(function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        await sync_to_async(function, thread_sensitive=False)(*args, **kwargs)

    return do


Do = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No other module's news in these tests."""
    before = list(SOURCES)
    SOURCES.clear()
    yield
    SOURCES[:] = before


def test_news_reach_those_who_may_see_them(committed: City, doing: Do) -> None:
    every = browser(make_actor(SEE))
    unit = browser(make_actor(SEE, organisation=committed.bureau, scope="unit"))
    local = browser(make_actor(SEE, area=committed.east, scope="area_below"))
    stranger = browser(make_actor("tests.other"))

    async def scene() -> None:
        screens = [await Screen(client).greeted() for client in (every, unit, local, stranger)]
        await doing(ring, 1, organisation_id=committed.bureau.pk, area_id=committed.west.pk)
        await doing(ring, 2, organisation_id=committed.centre.pk, area_id=committed.east.pk)
        await doing(ring, 3)
        await doing(ring, 4, organisation_id=committed.bureau.pk, area_id=committed.east.pk)
        await screens[0].until(lambda: len(screens[0].numbers) == 4)
        await screens[1].until(lambda: 4 in screens[1].numbers)
        await screens[2].until(lambda: 4 in screens[2].numbers)
        assert [screen.numbers for screen in screens] == [[1, 2, 3, 4], [1, 4], [2, 4], []]
        assert screens[0].messages[0] == {"type": "hello"}
        told = screens[0].messages[1]
        assert (told["name"], told["subject"], told["area"]) == ("tests.rung", "tests:1", "990103")
        assert told["at"].endswith("+00:00")
        for screen in screens:
            await screen.close()

    played(scene)


def test_news_of_another_run_are_not_shown(committed: City, doing: Do) -> None:
    drill = Run.objects.create(kind="exercise", name=Text("演练", "Drill"), started_at=wall_now())
    client = browser(make_actor(SEE))

    async def scene() -> None:
        screen = await Screen(client).greeted()
        await doing(ring, 1, run=drill.pk)
        await doing(ring, 2)
        await screen.until(lambda: bool(screen.numbers))
        assert screen.numbers == [2]

    played(scene)


def test_nobody_watches_without_signing_in(committed: City) -> None:
    signed_in = browser(make_actor(SEE))
    planted = Client()
    planted.cookies["sessionid"] = "x" * 32
    actor = make_actor(SEE)
    without_post = browser(actor)
    PostHolding.objects.filter(user_id=actor.user_id).update(valid_to=wall_now())

    async def scene() -> None:
        for client, method, status in (
            (None, "GET", 401), (planted, "GET", 401), (without_post, "GET", 401), (signed_in, "POST", 405),
        ):  # fmt: skip
            screen = Screen(client, method)
            async with asyncio.timeout(20):
                await screen.task
            assert screen.status == status
            problem = json.loads(screen.chunks[0])
            assert problem["status"] == status
        assert not HUB.streams

    played(scene)


def test_a_session_without_requests_watches_no_longer(committed: City, later: Callable[[float], None]) -> None:
    client = browser(make_actor(SEE))
    session = client.session
    session["seen_at"] = int(wall_now().timestamp())
    session.save()
    later(31 * 60)

    async def scene() -> None:
        screen = Screen(client)
        async with asyncio.timeout(20):
            await screen.task
        assert screen.status == 401

    played(scene)


def test_rights_that_end_end_the_stream(committed: City, doing: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RECHECK_SECONDS", 0)
    actor = make_actor(SEE)
    client = browser(actor)
    role = Role.objects.get(code=actor.role)

    async def scene() -> None:
        screen = await Screen(client).greeted()
        await doing(ring, 1)
        await screen.until(lambda: screen.numbers == [1])
        await doing(Grant.objects.filter(role=role).delete)
        await screen.until(lambda: b": still here" in b"".join(screen.chunks))
        await doing(ring, 2)
        await doing(PostHolding.objects.filter(user_id=actor.user_id).update, valid_to=wall_now())
        async with asyncio.timeout(20):
            await screen.task
        assert screen.ended
        assert screen.numbers == [1]
        assert not HUB.streams

    played(scene)


def test_two_hundred_streams_share_one_poller_and_are_told_at_once(committed: City, doing: Do) -> None:
    client = browser(make_actor(SEE))

    async def scene() -> None:
        screens = [Screen(client) for _ in range(200)]
        for screen in screens:
            await screen.greeted()
        before = HUB.polls
        await doing(ring, 1)
        for screen in screens:
            await screen.until(lambda s=screen: s.numbers == [1])  # type: ignore[misc]  # bound here
        assert HUB.polls - before <= 5
        for screen in screens:
            screen.leave.set()
        await asyncio.gather(*(screen.task for screen in screens))
        assert not HUB.streams

    played(scene)


def test_a_reader_that_cannot_keep_up_is_cut_and_harms_nobody(
    committed: City, doing: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_WAITING", 5)
    client = browser(make_actor(SEE))

    async def scene() -> None:
        slow, quick = await Screen(client).greeted(), await Screen(client).greeted()
        slow.stuck.clear()
        for number in range(12):
            await doing(ring, number)
            await quick.until(lambda n=number: n in quick.numbers)  # type: ignore[misc]  # bound here
        assert len(HUB.streams) == 2
        slow.stuck.set()
        async with asyncio.timeout(20):
            await slow.task
        assert len(slow.numbers) <= 6
        assert HUB.streams
        assert quick.numbers == list(range(12))

    played(scene)


def test_a_reader_that_takes_nothing_at_all_is_let_go(
    committed: City, doing: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", 0.05)
    client = browser(make_actor(SEE))

    async def scene() -> None:
        screen = await Screen(client).greeted()
        screen.stuck.clear()
        await doing(ring, 1)
        async with asyncio.timeout(20):
            await screen.task
        assert not HUB.streams

    played(scene)


def test_when_the_process_stops_every_stream_ends(committed: City) -> None:
    client = browser(make_actor(SEE))

    async def scene() -> None:
        screens = [await Screen(client).greeted() for _ in range(3)]
        HUB.stop()
        for screen in screens:
            async with asyncio.timeout(20):
                await screen.task
            assert screen.ended
        screen = await Screen(client).greeted()  # and the next life of the server begins anew
        assert screen.messages == [{"type": "hello"}]

    played(scene)
    played(scene)


def test_streams_outlive_a_database_that_is_away_for_a_moment(
    committed: City, doing: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser(make_actor(SEE))
    fails = [1]
    read = Tail.read

    def sometimes(tail: Tail) -> list[FactRow]:
        if fails:
            fails.pop()
            raise DatabaseError("away")
        return read(tail)

    monkeypatch.setattr(Tail, "read", sometimes)
    monkeypatch.setattr(live, "HEAL_SECONDS", 0.01)

    async def scene() -> None:
        screen = await Screen(client).greeted()
        await doing(ring, 1)
        await screen.until(lambda: screen.numbers == [1])

    played(scene)


def test_other_sources_are_shown_too(committed: City) -> None:
    client = browser(make_actor(SEE))
    news = [Event(SEE, committed.run.pk, "", "", {"type": "value", "id": 7, "zh": "水位"})]
    SOURCES.append(lambda: [news.pop()] if news else [])

    async def scene() -> None:
        screen = await Screen(client).greeted()
        await screen.until(lambda: len(screen.messages) == 2)
        assert screen.messages[1] == {"type": "value", "id": 7, "zh": "水位"}

    played(scene)


# The tail


def numbers(tail: Tail) -> list[int]:
    """What the tail reads now."""
    return [int(row.subject.split(":")[1]) for row in tail.read()]


def test_the_tail_reads_each_fact_once(city: City) -> None:
    ring(1)
    tail = Tail()
    tail.start()
    assert numbers(tail) == []
    ring(2)
    ring(3)
    assert numbers(tail) == [2, 3]
    assert numbers(tail) == []


def place(number: int) -> None:
    """A fact with a chosen id, as a transaction leaves it that took its id early and commits late."""
    moment = wall_now()
    FactRow.objects.create(
        id=number, name="tests.rung", schema=1, subject=f"tests:{number}", body="{}", digest="", happened_at=moment,
        recorded_at=moment, run_id=now.current_run(), correlation="",
    )  # fmt: skip


def test_facts_that_are_committed_late_are_not_lost(city: City) -> None:
    tail = Tail()
    place(100)
    place(103)
    tail.start()
    for ids in ([110], [102, 115], [101, 105, 109], [111, 112, 113, 114], [104], [106, 107, 108], [116]):
        for number in ids:
            place(number)
        assert numbers(tail) == sorted(ids)
    assert [(gap.first, gap.last) for gap in tail.gaps] == [(1, 99)] or tail.gaps == []
    assert numbers(tail) == []


def test_a_burst_is_read_whole(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "READ_AT_ONCE", 10)
    tail = Tail()
    tail.start()
    with unit_of_work(system_actor("tests")):
        for number in range(35):
            publish(Rung(subject=Code(f"tests:{number}"), number=number))
    read: list[int] = []
    while found := numbers(tail):
        assert len(found) <= 10
        read += found
    assert read == list(range(35))


def test_an_id_that_was_rolled_back_is_given_up(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail()
    place(1)
    tail.start()
    place(5)
    assert numbers(tail) == [5]
    assert [(gap.first, gap.last) for gap in tail.gaps] == [(2, 4)]
    monkeypatch.setattr(live, "GAP_SECONDS", 0)
    assert numbers(tail) == []
    assert tail.gaps == []


def test_looking_when_nothing_is_new_is_one_cheap_statement(city: City) -> None:
    ring(1)
    tail = Tail()
    tail.start()
    with CaptureQueriesContext(connection) as queries:
        tail.read()
    assert len(queries) == 1
    assert "recorded_at" not in queries[0]["sql"].split("WHERE")[1]


def test_a_stream_holds_what_waits_and_no_more(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_WAITING", 2)

    async def scene() -> None:
        stream = Stream(viewer_of(make))
        event = Event(SEE, city.run.pk, "", "", {"n": 1})
        for _ in range(2):
            stream.give(event)
        assert await stream.take(0.1) == b'data: {"n": 1}\n\n' * 2
        assert await stream.take(0.01) == b""
        for _ in range(3):
            stream.give(event)
        assert stream.over

    make = make_actor(SEE)

    def viewer_of(actor: Actor) -> Actor:
        return actor.on_run(city.run.pk)

    asyncio.run(scene())


def test_facts_of_unknown_kinds_are_passed_over(city: City) -> None:
    place(1)
    row = FactRow.objects.select_related("area", "organisation").get()
    event = live.event_of(row)
    assert event is not None
    row.name = "tests.forgotten"
    assert live.event_of(row) is None


def test_a_viewer_in_several_scopes_sees_the_news_of_each(city: City) -> None:
    viewer = make_actor(SEE, organisation=city.bureau, scope="unit_below").on_run(city.run.pk)
    child = make_organisation("处", parent=city.bureau)
    assert Event(SEE, city.run.pk, child.path, "", {}).for_viewer(viewer)
    assert not Event(SEE, city.run.pk, city.centre.path, "", {}).for_viewer(viewer)
