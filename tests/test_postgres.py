"""The private PostgreSQL of tests: it starts where there is none, has PostGIS, and ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scripts import postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the unprivileged owner of a server can walk to."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    yield made / "server"
    postgres.stop(made / "server")
    shutil.rmtree(made)


@pytest.mark.proof
def test_a_private_server_starts_once_has_postgis_and_stops(folder: Path) -> None:
    port = postgres.start(folder)
    assert postgres.start(folder) == port
    user = postgres._unprivileged().pw_name
    with psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        assert connection.execute("SELECT ST_Area(ST_MakeEnvelope(0, 0, 2, 3))").fetchone() == (6.0,)
    postgres.stop(folder)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=port, user=user, dbname="postgres", connect_timeout=3)
    assert postgres.start(folder) != 0


def test_a_clone_in_a_closed_home_keeps_the_server_elsewhere(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    owner = postgres._unprivileged()
    assert postgres._reachable(closed, owner) is (owner.pw_uid == closed.stat().st_uid)
