"""The lean path of telemetry: credentials, bad input, group commit, honest answers under failure."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import OperationalError

from scoc.core.access import system_actor
from scoc.core.now import wall_now
from scoc.core.tests.factories import City
from scoc.sensing import actions, lean
from scoc.sensing.ingest import commits, doors, remedies
from scoc.sensing.ingest.checking import REASONS
from scoc.sensing.ingest.taking import take
from scoc.sensing.models import Alarm, Device, Latest, Observation, Rejected, RejectedCount, Rollup
from scoc.sensing.tests.factories import NOISE, make_device, make_rule, make_type

Post = Callable[..., Coroutine[Any, Any, httpx.Response]]


@asynccontextmanager
async def opened(token: str = "") -> AsyncIterator[Post]:
    """The path as a client sees it."""
    await lean.startup()
    transport = httpx.ASGITransport(app=lean.readings)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoc") as client:

        async def post(content: Any = None, *, body: bytes | None = None, **headers: str) -> httpx.Response:
            sent = {"Authorization": f"Bearer {token}"} if token else {}
            data = body if body is not None else json.dumps(content).encode()
            return await client.post(lean.PATH, content=data, headers={**sent, **headers})

        try:
            yield post
        finally:
            await lean.shutdown()


def at(seconds_ago: float = 60) -> str:
    """A time a moment ago."""
    return (wall_now() - timedelta(seconds=seconds_ago)).isoformat()


def token_for(device: Device) -> str:
    """A fresh credential of a device."""
    return actions.issue_credential(system_actor("sensing"), device.pk).token


@pytest.fixture
def device(committed: City) -> Device:
    """A device of the test city, committed: the path works with connections of its own."""
    return make_device("dev-a")


def run(coroutine: Any) -> Any:
    """Run one course of requests."""
    return asyncio.run(coroutine)


def test_one_reading_is_stored_and_its_repeat_gets_the_same_id(device: Device) -> None:
    reading = {"property": "pm25", "at": at(), "value": 12.5}

    async def course() -> list[httpx.Response]:
        async with opened(token_for_device) as post:
            return [await post(reading), await post(reading)]

    token_for_device = token_for(device)
    first, second = run(course())
    assert (first.status_code, second.status_code) == (201, 200)
    stored = Observation.objects.get()
    assert first.json() == {"status": "stored", "id": str(stored.pk)}
    assert second.json() == {"status": "duplicate", "id": str(stored.pk)}
    assert Latest.objects.get().result == 12.5
    assert Rollup.objects.get(grain=60).n == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"value": "12"}, "wrong_type"),
    ({"value": None}, "wrong_type"),
    ({"value": [1]}, "wrong_type"),
    ({"property": 5}, "wrong_type"),
    ({"property": "ozone"}, "unknown_property"),
    ({"device_key": "dev-b"}, "other_device"),
    ({"at": "2999-01-01T00:00:00Z"}, "in_future"),
    ({"at": "2001-01-01T00:00:00Z"}, "too_old"),
    ({"at": 1_781_000_000}, "bad_time"),
    ({"at": "2026-06-15 09:00"}, "bad_time"),
    ({"at": "today, I think"}, "bad_time"),
    ({"value": float("nan")}, "not_finite"),
    ({"value": float("inf")}, "not_finite"),
    ({"value": 10**400}, "not_finite"),
    ({"value": 10**5000}, "not_finite"),
    ({"value": 5000}, "out_of_range"),
    ({"valeu": 1}, "malformed"),
    ({"property": "\x00\ud800"}, "unknown_property"),
    ({"value": json.loads("[" * 200 + "]" * 200)}, "wrong_type"),
    ({"dedup_key": ""}, "bad_key"),
    ({"dedup_key": "x" * 121}, "bad_key"),
    ({"at": "2026-06-15T09:00:00+25:00"}, "bad_time"),
    ({"value": True}, "wrong_type"),
]


def test_a_bad_reading_fails_alone(device: Device) -> None:
    token = token_for(device)
    bodies = []
    for n, (change, _) in enumerate(BAD):
        start = 7200 - 60 * n
        good = [{"property": "pm25", "at": at(start - k), "value": k} for k in (0, 20)]
        bad = {"property": "pm25", "at": at(start - 10), "value": 3, **change}
        bodies.append((dumps([good[0], bad, good[1]]), dumps(bad)))

    async def course() -> list[tuple[httpx.Response, httpx.Response]]:
        async with opened(token) as post:
            return [(await post(body=batch), await post(body=single)) for batch, single in bodies]

    for (together, alone), (change, reason) in zip(run(course()), BAD, strict=True):
        told = together.json()
        assert together.status_code == 200
        assert (told["stored"], told["duplicate"], told["rejected"]) == (2, 0, 1)
        assert [row["status"] for row in told["results"]] == ["stored", "rejected", "stored"]
        bad = told["results"][1]
        assert bad["reason"] == reason
        assert set(bad) == {"status", "reason", "detail", "field", "remedy"}
        assert len(bad["remedy"]) > 5
        assert alone.status_code == 422
        [error] = alone.json()["errors"]
        assert (error["field"], error["remedy"]) == (bad["field"], bad["remedy"])
        assert error["field"] in {*change, "body", "value"}
        assert alone.headers["content-type"] == "application/problem+json"
        assert alone.json()["results"][0]["reason"] == reason
    assert Observation.objects.count() == 2 * len(BAD)
    assert Rejected.objects.filter(device_key="dev-a").count() == 2 * len(BAD)
    counts = dict(RejectedCount.objects.filter(device_key="dev-a", source="http").values_list("reason", "n"))
    assert counts == {reason: 2 * number for reason, number in Counter(row[1] for row in BAD).items()}


def dumps(content: Any) -> bytes:
    """JSON as careless senders write it: NaN, Infinity, very long integers."""
    sys.set_int_max_str_digits(10_000)
    return json.dumps(content).encode()


def test_a_batch_that_is_no_list_of_objects(device: Device) -> None:
    token = token_for(device)

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            bodies = [b"", b"{", b"7", b'"text"', b"[" * 5000, b"\xff\xfe", b"[]", b'[1, {"property": "pm25"}]']
            return [await post(body=body) for body in bodies]

    answers = run(course())
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 400, 200, 422]
    assert answers[6].json() == {"stored": 0, "duplicate": 0, "rejected": 0, "results": []}
    assert [row["reason"] for row in answers[7].json()["results"]] == ["malformed", "bad_time"]
    assert RejectedCount.objects.get(reason="malformed", device_key="dev-a").n == 7


def test_a_field_that_stands_twice_is_refused_and_its_neighbours_are_stored(device: Device) -> None:
    """Nobody knows which of the two is meant; the same words inside a text are no second field."""
    token = token_for(device)
    good = '{"property": "pm25", "at": "%s", "value": %d}'
    twice = [
        '{"property": "pm25", "at": "%s", "value": 1, "value": 900}',
        '{"at": "x", "property": "pm25", "at": "%s"}',
    ]
    quoted = '{"property": "pm25", "at": "%s", "value": 3, "dedup_key": "a \\"value\\": 1"}'
    rows = [good % (at(90), 1), twice[0] % at(80), quoted % at(70), twice[1] % at(60), good % (at(50), 2)]

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            return [await post(body=f"[{','.join(rows)}]".encode()), await post(body=(twice[0] % at(80)).encode())]

    together, alone = run(course())
    assert [row["status"] for row in together.json()["results"]] == [
        "stored", "rejected", "stored", "rejected", "stored",
    ]  # fmt: skip
    assert together.json()["results"][1]["detail"] == "a field stands twice"
    assert (alone.status_code, alone.json()["errors"][0]["field"]) == (422, "body")
    assert Observation.objects.count() == 3
    assert RejectedCount.objects.get(reason="malformed", device_key="dev-a").n == 3


def test_each_refused_request_says_where_and_what_to_do(device: Device) -> None:
    token = token_for(device)

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            return [
                await post(body=b"{"),
                await post(body=b"[" * 100_000 + b"]" * 100_000),
                await post(body=b"[" + b",".join([b"{}"] * 100_000) + b"]"),
                await post(body=b" " * 2_000_000),
                await post({}, Authorization="Bearer x"),
                await post({}, Authorization=""),
            ]

    answers = run(course())
    told = [(answer.status_code, answer.json()["code"], answer.json()["errors"][0]["field"]) for answer in answers]
    assert told == [
        (400, "malformed", "body"), (400, "malformed", "body"), (413, "too_many", "body"), (413, "too_large", "body"),
        (401, "wrong_credential", "Authorization"), (401, "no_credential", "Authorization"),
    ]  # fmt: skip
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["remedy"]
        assert answer.json()["type"].startswith("urn:scoc:problem:")
    counts = dict(RejectedCount.objects.values_list("reason", "n"))
    assert counts == {"malformed": 2, "too_large": 2, "wrong_credential": 1}


def test_reasons_and_remedies_are_told_in_both_languages() -> None:
    """Whatever sensing refuses has a field and something to do; what is our own fault has none."""
    own = {"fault", "too_large", "wrong_credential"}
    assert set(remedies.OF_READING) == set(REASONS) - own
    for _, remedy in [*remedies.OF_READING.values(), *remedies.OF_REQUEST.values()]:
        assert remedy.zh != remedy.en
        assert remedy.en.isascii()


def test_ten_megabytes_are_refused_before_they_are_read(device: Device) -> None:
    token = token_for(device)
    read = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(160):
            read += 65536
            yield b" " * 65536

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            announced = await post(body=b" " * 10_485_760)
            unannounced = await post(body=stream())
            return [announced, unannounced, await post([{}] * 10_001), await post(body=b"", **{"Content-Length": "x"})]

    answers = run(course())
    assert [answer.status_code for answer in answers] == [413, 413, 413, 413]
    assert answers[0].headers["connection"] == "close"
    assert read < 2_097_152
    assert RejectedCount.objects.get(reason="too_large").n == 4


def test_a_wrong_credential_is_refused_and_counted(device: Device) -> None:
    token_for(device)
    wrong = [
        "nonsense", "scocd_" + "a" * 43 + "_dev-a", "scocd_" + "a" * 43 + "_nobody",
        "scoc_" + "0" * 12 + "_" + "a" * 43, "\xe9",
    ]  # fmt: skip

    async def course() -> list[httpx.Response]:
        async with opened() as post:
            reading = {"property": "pm25", "at": at(), "value": 1}
            shown = [{"Authorization": f"Bearer {token}".encode("latin1")} for token in wrong]
            return [await post(reading, **headers) for headers in shown]

    for answer in run(course()):
        assert answer.status_code == 401
        assert answer.json()["code"] == "wrong_credential"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not Observation.objects.exists()
    assert RejectedCount.objects.get(reason="wrong_credential", device_key="").n == len(wrong)


def test_without_a_credential_nothing_is_taken(device: Device) -> None:
    async def course() -> list[int]:
        async with opened() as post:
            basic = await post({}, Authorization="Basic abc")
            return [(await post({})).status_code, basic.status_code]

    assert run(course()) == [401, 401]


def test_a_revoked_credential_ends_within_seconds_though_another_process_revoked_it(device: Device) -> None:
    token = token_for(device)

    def revoke() -> None:
        # what another process would do: this process's memory is not told
        moment = wall_now()
        Device.objects.filter(pk=device.pk).update(credential_revoked_at=moment, changed=moment)

    async def course() -> list[int]:
        async with opened(token) as post:
            before = await post({"property": "pm25", "at": at(), "value": 1})
            await asyncio.to_thread(revoke)
            assert lean._door is not None
            assert lean._door.sight is not None
            forget_recency()
            after = await post({"property": "pm25", "at": at(), "value": 2})
            return [before.status_code, after.status_code]

    assert run(course()) == [201, 401]
    assert RejectedCount.objects.get(reason="wrong_credential").device_key == "dev-a"


def forget_recency() -> None:
    """As if the seconds had passed after which the path looks for changes."""
    from dataclasses import replace

    from scoc.sensing.ingest import directory

    assert lean._door is not None
    assert lean._door.sight is not None
    lean._door.sight = replace(lean._door.sight, looked=lean._door.sight.looked - 60)
    directory._known.polled -= 60


def test_a_new_credential_ends_the_old_one(device: Device) -> None:
    old = token_for(device)
    new = token_for(device)

    async def course(token: str) -> int:
        async with opened(token) as post:
            return (await post({"property": "pm25", "at": at(), "value": 1})).status_code

    assert (run(course(old)), run(course(new))) == (401, 201)


def test_only_post_is_answered(device: Device) -> None:
    async def course() -> httpx.Response:
        await lean.startup()
        transport = httpx.ASGITransport(app=lean.readings)
        async with httpx.AsyncClient(transport=transport, base_url="http://scoc") as client:
            answer = await client.get(lean.PATH, headers={"Accept-Language": "en"})
        await lean.shutdown()
        return answer

    answer = run(course())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["detail"] == "Only POST is answered here."


def test_many_requests_share_commits_and_each_gets_its_own_answer(device: Device) -> None:
    meter = make_device("meter-1", type_=make_type("meter", [NOISE]))
    tokens = [token_for(device), token_for(meter)]
    base = wall_now() - timedelta(hours=2)

    async def course() -> list[tuple[int, str]]:
        async with opened() as post:

            async def one(n: int) -> tuple[int, str]:
                name = ("pm25", "noise")[n % 2]
                reading = {"property": name, "at": (base + timedelta(seconds=n)).isoformat(), "value": n}
                answer = await post(reading, Authorization=f"Bearer {tokens[n % 2]}")
                return n, answer.json()["id"]

            return await asyncio.gather(*(one(n) for n in range(60)))

    for n, pk in run(course()):
        row = Observation.objects.select_related("datastream").get(pk=int(pk))
        assert (row.result, row.datastream.property) == (n, ("pm25", "noise")[n % 2])
    assert Observation.objects.count() == 60
    assert sum(row.n for row in Rollup.objects.filter(grain=1440)) == 60


def test_rules_judge_what_comes_on_the_lean_path(device: Device) -> None:
    make_rule()
    token = token_for(device)

    async def course() -> None:
        async with opened(token) as post:
            await post({"property": "pm25", "at": at(90), "value": 80})
            await post({"property": "pm25", "at": at(60), "value": 90})

    run(course())
    alarm = Alarm.objects.get()
    assert (alarm.value, alarm.peak, alarm.active) == (80.0, 90.0, True)


def test_a_batch_that_cannot_be_written_is_split_until_only_the_poison_fails(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_for(device)
    store = take

    def spoilt(columns: Any, **options: Any) -> Any:
        if 66.0 in columns.value:
            raise ValueError("spoilt")
        return store(columns, **options)

    monkeypatch.setattr(commits, "take", spoilt)
    moments = [at(60 + n) for n in range(20)]

    async def course() -> list[int]:
        async with opened(token) as post:
            answers = await asyncio.gather(
                *(post({"property": "pm25", "at": moments[n], "value": 66 if n == 7 else n}) for n in range(20))
            )
            return [answer.status_code for answer in answers]

    codes = run(course())
    assert codes == [201] * 7 + [500] + [201] * 12
    assert Observation.objects.count() == 19
    assert RejectedCount.objects.get(reason="fault").device_key == "dev-a"


def test_while_the_database_is_away_nothing_is_promised_and_the_writer_lives_on(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_for(device)
    store = take
    failures = [OperationalError("gone"), OperationalError("gone"), RuntimeError("even this")]

    def away(columns: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return store(columns, **options)

    monkeypatch.setattr(commits, "take", away)

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            reading = {"property": "pm25", "at": at(), "value": 1}
            return [await post(reading) for _ in range(4)]

    answers = run(course())
    assert [answer.status_code for answer in answers] == [503, 503, 500, 201]
    assert answers[0].headers["retry-after"] == "1"
    assert Observation.objects.count() == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_writer_is_started_anew(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_for(device)
    told = commits._tell
    deaths = [SystemExit("dies")]

    def dying(outcomes: Any) -> None:
        told(outcomes)
        if deaths:
            raise deaths.pop()

    monkeypatch.setattr(commits, "_tell", dying)

    async def course() -> list[int]:
        async with opened(token) as post:
            return [(await post({"property": "pm25", "at": at(n), "value": 1})).status_code for n in (90, 60)]

    assert run(course()) == [201, 201]


def test_a_full_queue_says_so(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_for(device)
    monkeypatch.setattr(commits, "MOST_WAITING_ROWS", 10)
    monkeypatch.setattr(commits.Writer, "start", lambda self: None)
    monkeypatch.setattr(doors, "DEADLINE_SECONDS", 0.2)

    async def course() -> list[httpx.Response]:
        async with opened(token) as post:
            rows = [{"property": "pm25", "at": at(60 + n), "value": 1} for n in range(10)]
            return [await post(rows), await post(rows[0])]

    late, full = run(course())
    assert (late.status_code, late.json()["code"]) == (503, "away")
    assert (full.status_code, full.json()["code"]) == (503, "busy")
    assert full.headers["retry-after"] == "1"


def test_what_waits_is_stored_before_the_path_closes(device: Device) -> None:
    token = token_for(device)

    async def course() -> None:
        async with opened(token) as post:
            assert lean._door is not None
            door, queued = lean._door, asyncio.Event()
            submit = door.writer.submit

            def submitted(waiting: commits.Waiting) -> bool:
                queued.set()
                return submit(waiting)

            door.writer.submit = submitted  # type: ignore[method-assign]  # a look from outside
            task = asyncio.create_task(post({"property": "pm25", "at": at(), "value": 1}))
            await queued.wait()
        assert (await task).status_code == 201

    run(course())
    assert Observation.objects.count() == 1
