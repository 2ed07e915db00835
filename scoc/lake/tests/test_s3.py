"""The same lake on S3: an S3 server of the tests' own, in its own process."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.refusals import Invalid, Refusal
from scoc.core.tests.factories import City
from scoc.lake import actions, queries
from scoc.lake.places import place_of
from scoc.lake.schemas import Condition, Cursor, Look
from scoc.lake.tests.factories import DAY, make_rows, make_spec

pytestmark = pytest.mark.django_db
pytest.importorskip("moto", reason="moto, the S3 server of tests, is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"Running on (http://[\d.:]+)", line)
            if found:
                drain = threading.Thread(target=process.stderr.read)  # a server that nobody listens to stands still
                drain.start()
                yield found[1]
                process.kill()
                drain.join()
                break


def told(server: str) -> dict[str, str]:
    """What the S3 client is told."""
    return {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a/key", "AWS_SECRET_ACCESS_KEY": "a/secret",
        "AWS_ENDPOINT_URL": server, "AWS_ALLOW_HTTP": "true",
    }  # fmt: skip


@pytest.fixture
def on_s3(city: City, server: str, settings: Any, request: pytest.FixtureRequest) -> Actor:
    """A lake in a bucket of its own."""
    bucket = re.sub(r"[^a-z]", "-", request.node.name)[:50]
    httpx.put(f"{server}/{bucket}").raise_for_status()
    settings.SCOC_LAKE = (f"s3://{bucket}/deep/lake", told(server))
    return system_actor("sensing")


def test_all_that_holds_on_a_folder_holds_there(on_s3: Actor) -> None:
    assert actions.create_table(on_s3, make_spec()).fresh
    assert not actions.create_table(on_s3, make_spec()).fresh
    for number in range(3):
        rows = make_rows(20, first=20 * number)
        written = actions.append(on_s3, "readings", rows, Cursor("archive", number))
        assert (written.version, written.fresh) == (number + 1, True)
        assert queries.verify_append(on_s3, "readings", written.version, queries.count_rows(make_spec(), [rows])).same
    assert not actions.append(on_s3, "readings", make_rows(20), Cursor("archive", 2)).fresh
    compacted = actions.compact(on_s3, "readings").version
    assert actions.delete_rows(on_s3, "readings", [Condition("sensor", "=", 1)]).tally.rows == -9
    for version in range(compacted + 2):
        assert queries.verify(on_s3, "readings", version).same
    with queries.session(on_s3, {"r": Look("readings", 1)}) as sql:
        assert sql.execute("SELECT count(*), min(day) FROM r").fetchone() == (20, DAY)
    assert actions.vacuum(on_s3, "readings") == 0


def test_of_two_with_one_cursor_one_writes(on_s3: Actor) -> None:
    actions.create_table(on_s3, make_spec())

    def overtaken() -> Iterator[Any]:
        yield make_rows(10)
        assert actions.append(on_s3, "readings", make_rows(10), Cursor("archive", 1)).fresh

    written = actions.append(on_s3, "readings", overtaken(), Cursor("archive", 1))
    assert (written.version, written.fresh) == (1, False)
    shown = queries.snapshot(on_s3, "readings").dataset
    assert shown.count_rows() == 10
    assert len(place_of("readings").open().file_uris()) == 1


def test_what_does_not_fit_leaves_nothing_there(on_s3: Actor) -> None:
    actions.create_table(on_s3, make_spec())
    with pytest.raises(Invalid):
        actions.append(on_s3, "readings", iter([make_rows(2), make_rows(2).drop_columns(["value"])]), Cursor("x", 1))
    assert not place_of("readings").open().file_uris()


def test_a_table_whose_bucket_is_another_is_missed(on_s3: Actor, server: str, settings: Any) -> None:
    actions.create_table(on_s3, make_spec())
    httpx.put(f"{server}/elsewhere").raise_for_status()
    settings.SCOC_LAKE = ("s3://elsewhere", told(server))
    with pytest.raises(Refusal, match="not at their place"):
        queries.snapshot(on_s3, "readings")
    with pytest.raises(Refusal, match="not at their place"):
        actions.create_table(on_s3, make_spec())
