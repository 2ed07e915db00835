"""Installations of their own, for tests that start SCOC's processes: a home, a free port and a fresh database.

The database is of the kind that the run is on: a file in the home, or one on the run's PostgreSQL.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
_URL = os.environ.get("SCOC_DATABASE_URL", "")
_BINHAI = f"{_URL.rpartition('/')[2]}_binhai"


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def environment(home: Path, port: int) -> dict[str, str]:
    """What a process of an installation at `home` finds: nothing of SCOC's that this process was given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCOC_")}
    return {**clean, "SCOC_HOME": str(home), "SCOC_PORT": str(port), "PYTHONPATH": str(ROOT)}


def _told(*statements: str) -> None:
    with psycopg.connect(f"{_URL.rpartition('/')[0]}/postgres", autocommit=True) as server:
        for statement in statements:
            server.execute(statement.encode())


def _on(database: str) -> dict[str, str]:
    return {"SCOC_DATABASE_URL": f"{_URL.rpartition('/')[0]}/{database}"}


@contextmanager
def installed(home: Path, like: str = "template1") -> Iterator[dict[str, str]]:
    """The environment of an installation whose database is new: on PostgreSQL a copy of `like`, empty if not said."""
    port = free_port()
    found = environment(home, port)
    if not _URL:
        yield found
        return
    name = f"{_URL.rpartition('/')[2]}_{port}"
    _told(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    try:
        yield {**found, **_on(name)}
    finally:
        _told(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def binhai(home: Path, shared: Path) -> Iterator[dict[str, str]]:
    """The environment of an installation of the made-up city at `home`, a folder that is not there yet.

    The city is applied once into the folder `shared`, which processes may share, and copied from there.
    """
    shared.mkdir(exist_ok=True)
    with ExitStack() as copy:
        with (shared / "lock").open("w") as lock:  # also while copying: PostgreSQL copies a database for one at a time
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / "applied").exists():
                _apply(shared / "home")
                (shared / "applied").touch()
            shutil.copytree(shared / "home", home)
            found = copy.enter_context(installed(home, _BINHAI))
        yield found


def _apply(home: Path) -> None:
    found = environment(home, 0)
    if _URL:
        _told(f'DROP DATABASE IF EXISTS "{_BINHAI}" WITH (FORCE)', f'CREATE DATABASE "{_BINHAI}"')
        found |= _on(_BINHAI)
    for words in (["migrate", "-v", "0"], ["city", "apply", "binhai"]):
        done = subprocess.run(
            [sys.executable, "-m", "scoc", *words], cwd=ROOT, env=found, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def forget_binhai() -> None:
    """Remove the database that the made-up city was applied to; its folder is the caller's."""
    if _URL:
        _told(f'DROP DATABASE IF EXISTS "{_BINHAI}" WITH (FORCE)')
