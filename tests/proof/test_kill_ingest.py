"""Acknowledged means stored: processes are killed with -9 at random while an outside client posts readings.

The client writes each acknowledged id durably to its own file before it sends the next. Afterwards every one of them
is stored once, roll-ups and `latest` equal a recount, and each alarm has its fact. Against a build with the commit
left out the same comparison fails, so it can.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.installations import ROOT, environment, free_port

pytestmark = pytest.mark.proof
KILLS = 20
WITHOUT_COMMIT = '''
"""A build whose telemetry writer answers without having committed."""
import contextlib
import importlib.abc
import importlib.util
import sys


class Undone(Exception):
    pass


class Breaker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "scoc.sensing.ingest.commits":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            real = module.unit_of_work

            @contextlib.contextmanager
            def undone(actor):
                with contextlib.suppress(Undone), real(actor) as work:
                    yield work
                    raise Undone

            module.unit_of_work = undone

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Breaker())
'''


class Postgres:
    """A private server in a folder of its own, run by a user without privileges; never the machine's own."""

    def __init__(self, folder: Path) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
        if not programs:
            pytest.skip("PostgreSQL's server programs are not installed")
        self.programs, self.folder, self.port = programs[-1], folder, free_port()
        self.user = pwd.getpwnam("postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
        folder.mkdir(parents=True)
        os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        self.data = folder / "data"
        self._run("initdb", "-D", str(self.data), "-U", "scoc", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
            )
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "scoc", "scoc")

    @property
    def url(self) -> str:
        """Where SCOC finds its database."""
        return f"postgresql://scoc@127.0.0.1:{self.port}/scoc"

    def _run(self, program: str, *arguments: str, check: bool = True) -> str:
        """Run a program; what it complained of when it failed, else nothing."""
        done = subprocess.run(
            [str(self.programs / program), *arguments], cwd=self.folder, user=self.user.pw_uid, group=self.user.pw_gid,
            extra_groups=[], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return f"{done.returncode}: {done.stderr}{done.stdout}" if done.returncode else ""

    def start(self) -> None:
        """Start, and try again while the processes that were killed still hold the lock file."""
        log = str(self.folder / "log")
        for _ in range(40):
            told = self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-t", "60", "start", check=False)
            if not told:
                return
            time.sleep(0.5)
        raise AssertionError(f"{told}\n{(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill the postmaster and every backend at once."""
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        postmaster.suspend()  # no backend is born between the look and the blow
        doomed = [postmaster, *postmaster.children(recursive=True)]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):  # a backend may end by itself meanwhile
                process.kill()
        psutil.wait_procs(doomed, timeout=10)

    def stop(self) -> None:
        """End it."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop", check=False)


class Installation:
    """One installation with its web process and its worker."""

    def __init__(
        self, folder: Path, postgres: Postgres | None, *, broken: bool = False, settings: dict[str, str] | None = None
    ) -> None:
        self.folder, self.postgres, self.port = folder, postgres, free_port()
        self.environment = environment(folder / "home", self.port) | (settings or {})
        if postgres is not None:
            self.environment["SCOC_DATABASE_URL"] = postgres.url
        self.parts("prepare")
        if broken:
            (folder / "broken").mkdir()
            (folder / "broken" / "sitecustomize.py").write_text(WITHOUT_COMMIT)
            self.environment["PYTHONPATH"] = f"{folder / 'broken'}:{ROOT}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("serve", "work"):
            self.start(name)

    def parts(self, *arguments: str) -> str:
        """Run a part of `ingest_parts` to its end; what it printed."""
        part, *rest = arguments
        command = [sys.executable, "-m", "tests.proof.ingest_parts", part, str(self.folder), *rest]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self, name: str) -> None:
        """Start `serve` or `work`; `serve` is waited for."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "scoc", name], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        until = time.monotonic() + 90
        while name == "serve" and not self._answers():
            assert time.monotonic() < until, (self.folder / "serve.log").read_text()[-3000:]
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def kill(self, name: str) -> None:
        """Kill a part with -9 and start it again."""
        if name == "postgres":
            assert self.postgres is not None
            self.postgres.kill()
            self.postgres.start()
            return
        self.running[name].kill()
        self.running[name].wait()
        self.start(name)

    def client(self) -> subprocess.Popen[bytes]:
        """Begin to post."""
        command = [sys.executable, "-m", "tests.proof.ingest_parts", "client", str(self.folder), str(self.port)]
        return subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def acknowledged(self) -> int:
        """How many readings were acknowledged so far."""
        return sum(path.read_bytes().count(b"\n") for path in self.folder.glob("acknowledged-*.txt"))

    def stop(self) -> None:
        """End both processes."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres | None]:
    """The private server, or none for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    # not in pytest's own folder, which every run of pytest closes to other users again
    with tempfile.TemporaryDirectory(prefix="scoc-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "server")
        try:
            yield server
        finally:
            server.stop()


def course(installation: Installation, victims: list[str]) -> dict[str, int]:
    """Post while the victims are killed in turn; the truth afterwards."""
    client = installation.client()
    try:
        for victim in victims:
            before, until = installation.acknowledged(), time.monotonic() + 60
            pause = random.uniform(0.05, 0.6)  # any moment will do
            time.sleep(pause)
            while installation.acknowledged() == before:  # each kill comes while readings are being acknowledged
                assert time.monotonic() < until, (installation.folder / "serve.log").read_text()[-3000:]
                time.sleep(0.02)
            installation.kill(victim)
    finally:
        client.terminate()
        client.wait(60)
        installation.stop()
    return json.loads(installation.parts("truth"))  # type: ignore[no-any-return]  # counts by name


def test_nothing_acknowledged_is_lost(tmp_path: Path, postgres: Postgres | None) -> None:
    victims = ["serve", "work", *(["postgres"] if postgres else [])] * KILLS
    random.shuffle(victims)
    installation = Installation(tmp_path, postgres)
    found = course(installation, victims)
    assert found["acknowledged"] >= len(victims)
    assert found["alarms"] > 0
    wrong = {name: found[name] for name in ("lost", "twice", "altered", "rollups", "latest", "facts")}
    assert wrong == dict.fromkeys(wrong, 0), found
    sys.stdout.write(f"{'PostgreSQL' if postgres else 'SQLite'}: {len(victims)} kills, {found}\n")


def test_a_build_without_the_commit_is_found_out(tmp_path: Path, postgres: Postgres | None) -> None:
    found = course(Installation(tmp_path, postgres, broken=True), ["serve"])
    assert found["lost"] == found["acknowledged"] > 0
