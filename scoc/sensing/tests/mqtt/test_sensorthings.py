"""SensorThings by MQTT (18-088 sections 13 and 14): observations are created, and whatever is new is heard of."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.clients import issue
from scoc.core.models import ApiKey, Post, Run, User
from scoc.core.now import wall_now
from scoc.core.tests.factories import City, make_actor
from scoc.kit.text import Text
from scoc.sensing import actions
from scoc.sensing.ingest.interest import forget_interest
from scoc.sensing.models import Datastream, Interest, News, Observation, RejectedCount, Thing
from scoc.sensing.mqtt import announcing, keys
from scoc.sensing.mqtt.announcing import Announcer, Topic
from scoc.sensing.mqtt.codec import Disconnect, Publish, Reason
from scoc.sensing.schemas import Reading
from scoc.sensing.sta.doing import Done
from scoc.sensing.tests.factories import PM25, make_device, make_type
from scoc.sensing.tests.mqtt.peer import run
from scoc.sensing.tests.mqtt.test_devices import at, beside, hub, token_of
from scoc.sensing.tests.sta_parts import BUOY, EXCHANGES, STREAM, post, send


def key_of(actor: Actor) -> bytes:
    """An API key of an actor's post."""
    user, _ = User.objects.get_or_create(username="machine:sta", kind=User.Kind.MACHINE, defaults={"password": "!"})
    assert actor.post_id is not None
    post_of = Post.objects.get(pk=actor.post_id)
    valid = wall_now() + timedelta(days=1)
    return issue(user, post_of, "sta", per_minute=1000, per_day=9000, valid_to=valid).encode()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(keys, "LOOK_SECONDS", 0.05)


@pytest.fixture
def keeper(committed: City) -> Actor:
    """Who may do everything with sensing."""
    return make_actor("sensing.*", machines=True)


@pytest.fixture
def stream(keeper: Actor) -> Datastream:
    """A datastream of a thing."""
    thing = post(keeper, "Things", {**BUOY, "Datastreams": [STREAM]})
    return Datastream.objects.get(thing=thing)


async def heard(peer: Any) -> tuple[str, Any]:
    """The next message: its topic and what it says."""
    message = await peer.message()
    content = json.loads(message.payload)
    EXCHANGES.append(("SUBSCRIBE", message.topic, None, 0, content))
    return message.topic, content


async def created(peer: Any, topic: str, body: Any, packet_id: int = 1) -> int:
    """Publish an observation; the reason of the acknowledgement."""
    reason = int(await peer.publish(topic, json.dumps(body).encode(), 1, packet_id=packet_id))
    EXCHANGES.append(("PUBLISH", topic, body, reason, None))
    return reason


@pytest.mark.parametrize("version", [4, 5])
def test_an_observation_is_created_before_it_is_acknowledged(keeper: Actor, stream: Datastream, version: int) -> None:
    key = key_of(keeper)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("gateway", version, username="any", password=key)
            body = {"result": 21.5, "phenomenonTime": at()}
            assert await created(peer, f"v1.1/Datastreams({stream.pk})/Observations", body) == 0
            assert await beside(Observation.objects.count) == 1
            named = {"result": 22, "Datastream": {"@iot.id": stream.pk}}
            assert await created(peer, "v1.1/Observations", named, 2) == 0
            assert await beside(Observation.objects.count) == 2

    run(course())


def test_what_cannot_be_created_is_refused_and_counted(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)
    topic = f"v1.1/Datastreams({stream.pk})/Observations"
    cases = [
        (topic, b"no JSON", Reason.PAYLOAD_FORMAT_INVALID), (topic, b"{}", Reason.PAYLOAD_FORMAT_INVALID),
        (topic, b'{"result": 1, "phenomenonTime": "2099-01-01T00:00:00Z"}', Reason.PAYLOAD_FORMAT_INVALID),
        ("v1.1/Datastreams(99999)/Observations", b'{"result": 1}', Reason.NOT_AUTHORIZED),
        ("v1.1/Things", json.dumps(BUOY).encode(), Reason.TOPIC_NAME_INVALID),
        ("telemetry/dev-a", b"{}", Reason.TOPIC_NAME_INVALID),
    ]  # fmt: skip

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("gateway", 5, password=key)
            for number, (name, body, reason) in enumerate(cases, 1):
                assert await peer.publish(name, body, 1, packet_id=number) == reason, name

    run(course())
    assert not Observation.objects.exists()
    counted = RejectedCount.objects.filter(source="sensorthings").values_list("device_key", "reason", "n")
    of = stream.device.key
    assert set(counted) == {("", "malformed", 1), (of, "malformed", 1), (of, "in_future", 1)}  # no JSON is of nobody


def test_updates_come_as_the_topic_asks_for_them(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)
    thing = Thing.objects.get(datastreams=stream).pk
    wanted = [
        f"v1.1/Datastreams({stream.pk})/Observations",
        f"v1.1/Things({thing})/Datastreams({stream.pk})/Observations?$select=result",
        f"v1.1/Things({thing})/name", "v1.1/Things", "v1.1/Observations",
    ]  # fmt: skip

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            assert (await peer.subscribe(*wanted, qos=1)).reasons == [1] * len(wanted)
            await _listening()
            await beside(lambda: post(keeper, f"Datastreams({stream.pk})/Observations", {"result": 5}))
            told = dict([await heard(peer) for _ in range(3)])
            assert told[wanted[1]] == {"result": 5}
            assert told[wanted[0]]["result"] == told[wanted[4]]["result"] == 5
            assert told[wanted[0]]["@iot.selfLink"].endswith(f"/sta/v1.1/Observations({told[wanted[0]]['@iot.id']})")
            await beside(lambda: actions.change_entity(keeper, "Things", thing, {"name": "大浮标"}))
            told = dict([await heard(peer) for _ in range(2)])
            assert told[wanted[2]] == {"name": "大浮标"}
            assert told["v1.1/Things"]["name"] == "大浮标"
            await peer.nothing()

    run(course())


def test_observations_made_in_any_way_are_announced(keeper: Actor) -> None:
    device = make_device("dev-a", type_=make_type("station", (PM25,)))
    key, token = key_of(keeper), token_of(device)
    line = Datastream.objects.get(device=device)

    async def course() -> None:
        async with hub() as there:
            screen = await there.client("screen", 5, password=key)
            wanted = f"v1.1/Datastreams({line.pk})/Observations?$select=result"
            assert (await screen.subscribe(wanted, qos=1)).reasons == [1]
            await _listening()
            sender = await there.client("dev-a", 5, username="dev-a", password=token)
            body = json.dumps({"property": "pm25", "at": at(), "value": 3}).encode()
            assert await sender.publish("telemetry/dev-a", body, 1) == 0
            assert (await heard(screen))[1] == {"result": 3}
            await beside(lambda: actions.ingest(system_actor("sensing"), "test", []))

    run(course())


async def _listening() -> None:
    """Wait until the interest of the listener is known to whoever stores."""
    for _ in range(200):
        if await beside(Interest.objects.exists):
            break
    await beside(forget_interest)


def test_nobody_listens_and_nothing_is_left(keeper: Actor, stream: Datastream) -> None:
    post(keeper, f"Datastreams({stream.pk})/Observations", {"result": 5})
    assert not News.objects.exists()


def test_who_may_see_one_unit_hears_nothing_of_others(committed: City, stream: Datastream) -> None:
    other = make_actor("sensing.*", scope="unit", organisation=committed.utility, machines=True)
    thing = Thing.objects.get(datastreams=stream).pk

    async def course() -> None:
        own = await beside(lambda: post(other, "Things", {**BUOY, "Datastreams": [STREAM]}))
        key = await beside(lambda: key_of(other))
        refused = ["v1.1/Observations", "v1.1/Things", f"v1.1/Things({thing})", f"v1.1/Things({thing})/Datastreams",
                   "v1.1/ObservedProperties(1)/Datastreams", f"v1.1/Datastreams({stream.pk})/Observations"]  # fmt: skip
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            denied = [Reason.NOT_AUTHORIZED] * len(refused)
            assert (await peer.subscribe(*refused, qos=1)).reasons == denied
            assert (await peer.subscribe(f"v1.1/Things({own})/Datastreams", qos=1, packet_id=3)).reasons == [1]

    run(course())


@pytest.mark.parametrize(
    "name",
    ["v1.1/#", "v1.1/+/Observations", "v1.1/Nothing", "v1.1/Things?$filter=id eq 1", "v1.1/Things?$select=nothing",
     "v1.1/Things(1)/Datastreams/$ref", "v1.1/"],
)  # fmt: skip
def test_what_is_no_topic(name: str) -> None:
    assert Topic.of(name) is None


def test_a_revoked_key_ends_the_connection(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("gateway", 5, password=key)
            await beside(lambda: ApiKey.objects.update(revoked_at=wall_now()))
            await peer.ended()
            _, answer = await there.connect("gateway", 5, password=key)
            assert answer.reason == Reason.BAD_CREDENTIALS

    run(course())


# --- what it must not do


def test_what_is_observed_in_a_drill_is_not_told_in_real_life(keeper: Actor) -> None:
    device = make_device("dev-a", type_=make_type("station", (PM25,)))
    drill = Run.objects.create(kind=Run.Kind.EXERCISE, name=Text("演练", "Drill"), started_at=wall_now())
    real = Datastream.objects.get(device=device)
    line = Datastream.objects.get(device=device)
    line.pk, line.run = None, drill
    line.save()
    key = key_of(keeper)

    def ingest(run_id: int, value: float) -> None:
        actions.ingest(system_actor("sensing").on_run(run_id), "test", [Reading("dev-a", "pm25", wall_now(), value)])

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            wanted = f"v1.1/Datastreams({line.pk})/Observations"
            assert (await peer.subscribe("v1.1/Observations?$select=result", wanted, qos=1)).reasons[0] == 1
            await _listening()
            await beside(lambda: ingest(drill.pk, 1.0))
            await beside(lambda: ingest(real.run_id, 2.0))
            assert (await heard(peer))[1] == {"result": 2}
            await peer.nothing()

    run(course())


def test_a_thing_that_changes_hands_is_not_heard_any_more(committed: City) -> None:
    other = make_actor("sensing.*", scope="unit", organisation=committed.utility, machines=True)

    async def course() -> None:
        own = await beside(lambda: post(other, "Things", {**BUOY, "Datastreams": [STREAM]}))
        key = await beside(lambda: key_of(other))
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            places = f"v1.1/Things({own})/Locations"  # those may be of others
            assert (await peer.subscribe(f"v1.1/Things({own})", places, qos=1)).reasons == [1, Reason.NOT_AUTHORIZED]
            await there.policy.keys.look(there.broker)
            await peer.nothing()
            await beside(lambda: Thing.objects.filter(pk=own).update(organisation=committed.bureau))
            await peer.ended()

    run(course())


def test_what_stands_inside_of_what_was_made_is_told_of(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            names = ("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties")
            await peer.subscribe(*(f"v1.1/{name}" for name in names), qos=1)
            await _listening()
            await beside(lambda: post(keeper, "Things", {**BUOY, "Datastreams": [STREAM]}))
            assert {(await heard(peer))[0] for _ in names} == {f"v1.1/{name}" for name in names}
            await peer.nothing()

    run(course())


def test_a_topic_that_cannot_be_told_of_silences_no_other(
    keeper: Actor, stream: Datastream, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = announcing._told_of

    def broken(reader: Any, topic: Topic, ids: list[int]) -> Any:
        return 1 / 0 if topic.options else tell(reader, topic, ids)

    monkeypatch.setattr(announcing, "_told_of", broken)
    key = key_of(keeper)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            await peer.subscribe("v1.1/Observations?$select=result", "v1.1/Observations", qos=1)
            await _listening()
            await beside(lambda: post(keeper, f"Datastreams({stream.pk})/Observations", {"result": 5}))
            assert (await heard(peer))[1]["result"] == 5

    run(course())


def test_every_news_is_told_of_once_however_many_there_are(
    keeper: Actor, stream: Datastream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "MOST_NEWS", 3)
    monkeypatch.setattr(announcing, "MOST_KEPT", 5)
    monkeypatch.setattr(announcing, "SETTLED", timedelta(0))
    numbers = [post(keeper, f"Datastreams({stream.pk})/Observations", {"result": n}) for n in range(20)]
    News.objects.bulk_create(News(entity="Observations", number=pk, recorded_at=wall_now()) for pk in numbers)
    announcer = Announcer("")
    announcer.begin("v1.1/Observations?$select=result")
    told = [json.loads(message.payload)["result"] for n in range(12) for message in announcer._look(n)]
    assert told == list(range(20))


def test_slow_machines_keep_no_device_waiting(
    keeper: Actor, stream: Datastream, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(make_device("dev-a", type_=make_type("station", (PM25,))))
    key, over, begun = key_of(keeper), threading.Event(), list[int]()

    def slow(*_: Any) -> Done:
        begun.append(1)
        over.wait(10)
        return Done(200)

    monkeypatch.setattr(keys, "do", slow)

    async def course() -> None:
        async with hub() as there:
            machines = [await there.client(f"m{n}", 5, password=key) for n in range(4)]
            sent = [asyncio.create_task(one.publish("v1.1/Observations", b"{}", 1)) for one in machines]
            await there.until(lambda: len(begun) == keys.THREADS)
            sender = await there.client("dev-a", 5, username="dev-a", password=token)
            body = json.dumps({"property": "pm25", "at": at(), "value": 3}).encode()
            async with asyncio.timeout(5):
                assert await sender.publish("telemetry/dev-a", body, 1) == 0
            over.set()
            assert await asyncio.gather(*sent) == [0] * 4

    run(course())


def test_publications_count_as_calls_of_the_key(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)
    ApiKey.objects.update(per_minute=2)

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("gateway", 5, password=key)
            name = f"v1.1/Datastreams({stream.pk})/Observations"
            assert await peer.publish(name, b'{"result": 1}', 1) == 0
            peer.send(Publish(topic=name, payload=b'{"result": 2}', qos=1, packet_id=2))
            (farewell,) = await peer.ended()
            assert isinstance(farewell, Disconnect)
            assert farewell.reason == Reason.QUOTA_EXCEEDED
            assert await beside(Observation.objects.count) == 1

    run(course())


def test_many_at_once_cut_off_nobody_who_takes_them(keeper: Actor, stream: Datastream) -> None:
    key = key_of(keeper)
    rows = [[n, f"2026-06-14T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z"] for n in range(2_500)]
    block = {"Datastream": {"@iot.id": stream.pk}, "components": ["result", "phenomenonTime"], "dataArray": rows}

    async def course() -> None:
        async with hub() as there:
            peer = await there.client("screen", 5, password=key)
            wanted = f"v1.1/Datastreams({stream.pk})/Observations?$select=result"
            await peer.subscribe(wanted, qos=1)
            await _listening()
            await beside(lambda: send(keeper, "POST", "CreateObservations", [block]))
            assert [(await heard(peer))[1]["result"] for _ in rows] == [row[0] for row in rows]
            assert not there.broker.counts["cut_off"]

    run(course())


def test_imported_history_is_not_told(keeper: Actor) -> None:
    make_device("dev-a", type_=make_type("station", (PM25,)))
    Interest.objects.create(holder="x", datastream_id=0, until=wall_now() + timedelta(minutes=1))
    forget_interest()
    table = [pa.record_batch({"device_key": ["dev-a"], "property": ["pm25"], "at_micros": [10**15], "value": [1.0]})]
    assert actions.import_table(keeper, "test", table).stored == 1
    assert not News.objects.exists()
