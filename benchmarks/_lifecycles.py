"""The lifecycles that `benchmarks.cases` times; imported once Django is set up."""

from __future__ import annotations

import os
import platform
import statistics
import time
from typing import Any

from django.db import connection

from scoc.command.cases.tests.factories import COVER, Cast, make_cast, report_in
from scoc.core.acting import Actor, unit_of_work
from scoc.core.files import keep_file
from scoc.core.tests.factories import browser, make_city

BASE = "/api/v1/cases"
PHOTO = b"\xff\xd8\xff" + bytes(20_000)


class Bench:
    """The browsers of one cast, and how long each call took."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.clients = {actor.user_id: browser(actor) for actor in cast.roles.values()}
        self.seconds: dict[str, list[float]] = {}

    def call(self, name: str, actor: Actor, method: str, path: str, body: Any = None) -> Any:
        """One timed call that must succeed."""
        client = self.clients[actor.user_id]
        began = time.perf_counter()
        if method == "GET":
            answer = client.get(f"{BASE}{path}")
        else:
            answer = client.post(f"{BASE}{path}", body, "application/json")
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise SystemExit(f"{name}: {answer.status_code} {answer.content!r}")
        return answer.json()

    def lifecycle(self, evidence: dict[str, list[dict[str, Any]]]) -> None:
        """The nine moves, one detail and one search."""
        cast = self.cast
        body = {**report_in(cast, evidence=[]).model_dump(mode="json"), "evidence": evidence["near"]}
        number = self.call("report", cast.collector, "POST", "", body)["id"]
        moves: list[tuple[Actor, str, dict[str, Any]]] = [
            (cast.acceptor, "accept", {"condition": COVER}),
            (cast.leader, "file", {}),
            (cast.dispatcher, "dispatch", {}),
            (cast.clerk, "sign", {}),
            (cast.handler, "feed-back", {"opinion": "已更换井盖", "evidence": evidence["after"]}),
            (cast.leader, "send-to-check", {}),
            (cast.collector, "pass-check", {"evidence": evidence["check"]}),
            (cast.leader, "close", {"criterion_met": True}),
        ]
        for actor, route, values in moves:
            self.call(route, actor, "POST", f"/{number}/{route}", values)
        self.call("search", cast.leader, "GET", "/worklist?tab=closed&area=990102&text=%E4%B8%AD%E5%B1%B1&limit=20")

    def photos(self) -> dict[str, list[dict[str, Any]]]:
        """The three photos of a lifecycle, handed in by those who take them; not timed."""
        made = {}
        takers = (("near", self.cast.collector), ("after", self.cast.handler), ("check", self.cast.collector))
        for kind, actor in takers:
            with unit_of_work(actor):
                made[kind] = [{"attachment_id": keep_file(PHOTO, f"{kind}.jpg").pk, "kind": kind}]
        return made


def run(count: int) -> None:
    """Play `count` lifecycles and print the table."""
    bench = Bench(make_cast(make_city()))
    for _ in range(3):  # so that imports, caches and plans are warm
        bench.lifecycle(bench.photos())
    bench.seconds.clear()
    handed = [bench.photos() for _ in range(count)]
    began = time.perf_counter()
    for evidence in handed:
        bench.lifecycle(evidence)
    elapsed = time.perf_counter() - began
    print(f"{connection.vendor}, {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
          f"Python {platform.python_version()}")  # fmt: skip
    print(f"{count} lifecycles of 10 calls in {elapsed:.1f} s: {count / elapsed:.2f} lifecycles/s, "
          f"{10 * count / elapsed:.0f} calls/s")  # fmt: skip
    print(f"{'call':<14} {'median ms':>10} {'p95 ms':>10}")
    for name, seconds in bench.seconds.items():
        median = statistics.median(seconds) * 1000
        worst = statistics.quantiles(seconds, n=20)[18] * 1000
        print(f"{name:<14} {median:>10.1f} {worst:>10.1f}")
