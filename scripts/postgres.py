"""A PostgreSQL with PostGIS for tests: the one at 127.0.0.1:5432 (or PGPORT) if it lets us, else a private one.

`python -m scripts.postgres url` prints the address of a database name that is free for this clone's tests, and
starts the private server if need be; `python -m scripts.postgres stop` ends a private server.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
NAME = f"scoc_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
"""Two clones on one server never touch each other's test databases."""


class NoServer(Exception):
    """There is no usable PostgreSQL; the message says what is missing."""


def _usable(user: str, port: int) -> bool:
    try:
        with psycopg.connect(
            host="127.0.0.1", port=port, user=user, dbname="postgres", connect_timeout=3, autocommit=True
        ) as connection:
            role = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            postgis = connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'").fetchone()
    except psycopg.OperationalError:
        return False
    return role is not None and bool(role[0]) and postgis is not None


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise NoServer("No PostgreSQL server programs were found; install postgresql and postgis.")
    return Path(on_path).resolve().parent


def _unprivileged() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root: then the system's postgres, or nobody."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServer("There is no unprivileged user to run PostgreSQL as.")


def _reachable(folder: Path, owner: pwd.struct_passwd) -> bool:
    """Whether `owner` may walk to the folder: a clone inside a closed home cannot hold the server's files."""
    if os.geteuid() != 0:
        return True
    return all(
        step.stat().st_mode & 0o001 or (step.stat().st_uid == owner.pw_uid and step.stat().st_mode & 0o100)
        for step in [folder, *folder.parents]
    )


def cluster_folder() -> Path:
    """Where the private server keeps its files: in var/, or beside it where its user cannot reach var/."""
    inside = ROOT / "var"
    inside.mkdir(exist_ok=True)
    if _reachable(inside, _unprivileged()):
        return inside / "postgres"
    return Path("/var/tmp") / f"{NAME}_postgres"


def _run(program: str, *arguments: str) -> None:
    owner = _unprivileged()
    done = subprocess.run(
        [str(_programs() / program), *arguments], user=owner.pw_uid if os.geteuid() == 0 else None,
        group=owner.pw_gid if os.geteuid() == 0 else None, extra_groups=[] if os.geteuid() == 0 else None,
        cwd="/", capture_output=True, text=True, check=False, env={**os.environ, "HOME": "/", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if done.returncode:
        raise NoServer(f"{program} failed: {(done.stderr or done.stdout).strip()[-600:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(folder: Path) -> int:
    """Start the private server in `folder`, made if it is new; returns its port."""
    owner = _unprivileged()
    port_file = folder / "scoc.port"
    if port_file.exists() and _usable(owner.pw_name, int(port_file.read_text())):
        return int(port_file.read_text())
    if not (folder / "PG_VERSION").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        _run("initdb", "-D", str(folder), "-A", "trust", "-U", owner.pw_name, "-E", "UTF8", "--locale=C.UTF-8")
    port = _free_port()
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c max_connections=200"
    _run("pg_ctl", "-D", str(folder), "-l", str(folder / "log"), "-w", "-o", options, "start")
    port_file.write_text(str(port))
    if not _usable(owner.pw_name, port):
        raise NoServer("The private PostgreSQL runs, but has no PostGIS; install postgresql-postgis.")
    return port


def stop(folder: Path) -> None:
    """Stop the private server in `folder`, if it runs."""
    if (folder / "postmaster.pid").exists():
        _run("pg_ctl", "-D", str(folder), "-m", "fast", "-w", "stop")


def url() -> str:
    """The address for this clone's tests. Raises NoServer."""
    port = int(os.environ.get("PGPORT", "5432"))
    for user in dict.fromkeys((getpass.getuser(), "postgres")):
        if _usable(user, port):
            return f"postgresql://{user}@127.0.0.1:{port}/{NAME}"
    return f"postgresql://{_unprivileged().pw_name}@127.0.0.1:{start(cluster_folder())}/{NAME}"


def main() -> None:
    """Do what the command line says."""
    try:
        if sys.argv[1:] == ["url"]:
            print(url())
        elif sys.argv[1:] == ["stop"]:
            stop(cluster_folder())
        else:
            raise SystemExit("python -m scripts.postgres url|stop")
    except NoServer as reason:
        raise SystemExit(str(reason)) from None


if __name__ == "__main__":
    main()
