"""What the kill test of telemetry runs outside of the server: make a city, post readings, tell the truth afterwards.

`python -m tests.proof.ingest_parts prepare <folder>` makes the city and writes the devices' tokens;
`… client <folder> <port>` posts until it is ended; `… truth <folder>` compares what was acknowledged with the database;
`… stored <folder>` tells what is stored of each device.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CLIENTS = 6
PATH = "/api/v1/sensing/readings"


def _django() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "scoc.site.settings"
    django.setup()


def prepare(folder: Path) -> None:
    """Migrate, make a small city, and give each client a device of its own."""
    _django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from scoc.core.access import system_actor
    from scoc.core.tests.factories import make_city
    from scoc.sensing import actions
    from scoc.sensing.tests.factories import PM25, make_device, make_rule, make_type

    make_city()
    kind = make_type("air_station", [PM25])
    make_rule(device_type=kind, recurrence_seconds=0)  # rules, alarms and facts are part of what is killed
    tokens = [
        actions.issue_credential(system_actor("sensing"), make_device(f"dev-{n}", type_=kind).pk).token
        for n in range(CLIENTS)
    ]
    (folder / "tokens.json").write_text(json.dumps(tokens))


class _Poster(threading.Thread):
    """One synchronous sender: each acknowledged reading is on its own disk before it sends the next."""

    def __init__(self, folder: Path, port: int, number: int, token: str, stop: threading.Event) -> None:
        super().__init__()
        self.file = (folder / f"acknowledged-{number}.txt").open("ab")
        self.port, self.token, self.stop = port, token, stop
        self.base = datetime.now(UTC) - timedelta(hours=3) + timedelta(milliseconds=number)
        self.connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Post one reading after the other until asked to stop."""
        number = 0
        while not self.stop.is_set():
            at = (self.base + timedelta(milliseconds=10 * number)).isoformat()
            identity = self._until_acknowledged(at, float(number % 100))
            if identity is None:
                break
            self.file.write(f"{at} {identity} {number % 100}\n".encode())
            self.file.flush()
            os.fsync(self.file.fileno())
            number += 1

    def _until_acknowledged(self, at: str, value: float) -> str | None:
        body = json.dumps({"property": "pm25", "at": at, "value": value})
        while not self.stop.is_set():
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
                self.connection.request("POST", PATH, body, {"Authorization": f"Bearer {self.token}"})
                answer = self.connection.getresponse()
                content: dict[str, Any] = json.loads(answer.read())
                if answer.status in {200, 201}:
                    return str(content["id"])
                if answer.status not in {500, 503}:
                    raise SystemExit(f"{answer.status}: {content}")
            except (OSError, http.client.HTTPException, ValueError):
                self.connection = None
            time.sleep(0.02)
        return None


def client(folder: Path, port: int) -> None:
    """Post from several connections until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    tokens = json.loads((folder / "tokens.json").read_text())
    posters = [_Poster(folder, port, n, token, stop) for n, token in enumerate(tokens)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()


def truth(folder: Path) -> dict[str, int]:
    """What is wrong: acknowledged readings lost, stored twice or altered; roll-ups and `latest` that differ."""
    _django()
    from scoc.core.models import FactRow
    from scoc.sensing.ingest.rebuilding import rebuild_rollups
    from scoc.sensing.models import Alarm, Datastream, Latest, Observation, Rollup

    found = dict.fromkeys(("acknowledged", "lost", "twice", "altered", "rollups", "latest", "facts", "alarms"), 0)
    for number in range(CLIENTS):
        line = Datastream.objects.get(device__key=f"dev-{number}")
        stored: dict[str, list[tuple[int, float | None]]] = {}
        rows = Observation.objects.filter(datastream=line).order_by("at", "id")
        for pk, at, result in rows.values_list("id", "at", "result"):
            stored.setdefault(at.isoformat(), []).append((pk, result))
        for text in (folder / f"acknowledged-{number}.txt").read_text().splitlines():
            moment, identity, value = text.split()
            found["acknowledged"] += 1
            kept = stored.get(moment, [])
            found["lost"] += not kept
            found["twice"] += len(kept) > 1
            found["altered"] += bool(kept) and kept[0] != (int(identity), float(value))
        newest = Latest.objects.filter(datastream=line).values_list("at", "result", "observation_id").first()
        last = rows.last()
        found["latest"] += newest != ((last.at, last.result, last.pk) if last else None)
    before = list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values())
    rebuild_rollups(Datastream.objects.values_list("id", flat=True))
    found["rollups"] = int(before != list(Rollup.objects.order_by("datastream_id", "grain", "bucket").values()))
    raised = set(FactRow.objects.filter(name="sensing.alarm_raised").values_list("subject", flat=True))
    found["facts"] = len(raised ^ {f"sensing:{pk}" for pk in Alarm.objects.values_list("id", flat=True)})
    found["alarms"] = len(raised)
    return found


def stored() -> dict[str, list[str]]:
    """The times of all readings stored of each device."""
    _django()
    from scoc.sensing.models import Datastream, Observation

    found = {}
    for number in range(CLIENTS):
        line = Datastream.objects.get(device__key=f"dev-{number}")
        times = Observation.objects.filter(datastream=line).values_list("at", flat=True)
        found[f"dev-{number}"] = [at.isoformat() for at in times]
    return found


if __name__ == "__main__":
    part, home, *rest = sys.argv[1:]
    if part == "prepare":
        prepare(Path(home))
    elif part == "client":
        client(Path(home), int(rest[0]))
    elif part == "stored":
        sys.stdout.write(json.dumps(stored()))
    else:
        sys.stdout.write(json.dumps(truth(Path(home))))
