"""`scoc demo`: the made-up city in one command, with a month behind it and its life going on."""

from __future__ import annotations

import signal
import socket
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from datetime import datetime, timedelta
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from scoc.core.access import system_actor
from scoc.core.city import BadPack, Pack, read_pack
from scoc.core.environment import child_environment
from scoc.core.models import Installation, PostHolding
from scoc.core.now import city_zone, run_clock, wall_now
from scoc.rehearsal import children
from scoc.rehearsal.actions import set_clock
from scoc.rehearsal.binhai.people import PASSWORD
from scoc.rehearsal.children import Child
from scoc.rehearsal.history import found_city, lazy_disk, live_through, lived_until
from scoc.rehearsal.simulator.town import ACTOR

PACK = "binhai"
MQTT_PORT = 1883
"""Where devices look for MQTT; where it is taken, the demo listens on a free port and says so."""


class Command(BaseCommand):
    """Migrates, applies Binhai, lives a month of history, then runs serve, work and the simulated city."""

    help = "Show the made-up city Binhai: everything in one command, on the embedded stores."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How long a past, how fast a life, where."""
        parser.add_argument("--days", type=int, default=30, help="days of history on the first start")
        parser.add_argument("--speed", type=float, default=1.0, help="seconds of the city in one second")
        parser.add_argument("--port", type=int, help="instead of SCOC_PORT")
        parser.add_argument("--no-staff", action="store_true", help="leave all work to people at their screens")
        parser.add_argument("--until-ready", action="store_true", help="stop once everything is up: for trials")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM."""
        if not 0 <= options["days"] <= 366 or not 0 < options["speed"] <= 3600:
            raise CommandError("--days is 0 to 366, --speed above 0 and up to 3600.")
        self.host, self.port = settings.ENVIRONMENT.host, options["port"] or settings.ENVIRONMENT.port
        self._look_at_port()
        self.mqtt_port = settings.ENVIRONMENT.mqtt_port or _free(self.host, MQTT_PORT)
        begun = time.monotonic()
        call_command("migrate", verbosity=0)
        try:
            pack = read_pack(PACK)
        except BadPack as bad:
            raise CommandError("\n".join(str(problem) for problem in bad.problems)) from bad
        self._look_at_installation(pack)
        self.stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked)
        reached = self._history(pack, options["days"])
        if reached is None:
            return
        set_clock(system_actor(ACTOR), reached, options["speed"])
        self._processes(options, begun)

    def _asked(self, _: int, __: FrameType | None) -> None:
        if self.stop.is_set():
            return
        self.stop.set()

    # -- before anything is done

    def _look_at_port(self) -> None:
        """A month of history is made before the web process starts: say at once that it will not come up."""
        if not 0 < self.port < 65536:
            raise CommandError(f"--port {self.port}: a port is 1 to 65535.")
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise CommandError(
                    f"Nothing can listen on {self.host}:{self.port} ({error.strerror}): another demo may run there. "
                    f"Stop what uses it, or name another port: --port {self.port + 1 if self.port < 65535 else 8000}"
                ) from error

    def _look_at_installation(self, pack: Pack) -> None:
        """What is there must be the city that the demo goes on with."""
        installed = Installation.objects.first()
        if installed is None:
            return
        where = "This database" if settings.ENVIRONMENT.database_url else f"The folder {settings.SCOC_HOME}"
        other = "Give the demo a new folder: SCOC_HOME=<folder> scoc demo" + (
            ", or another SCOC_DATABASE_URL." if settings.ENVIRONMENT.database_url else "."
        )
        if installed.code != pack.manifest.code:
            raise CommandError(f"{where} holds another city, {installed.name.en} (pack {installed.pack}). {other}")
        seed = installed.settings["city"].get("seed", 0)
        if seed != pack.manifest.seed:
            raise CommandError(
                f"{where} holds {installed.name.en} as it is drawn from the seed {seed}, and cities/{pack.name} is "
                f"drawn from {pack.manifest.seed}: its life cannot go on. {other}"
            )
        if installed.digest != pack.digest:
            self.stdout.write(
                f"cities/{pack.name} has changed since it was applied; the demo goes on with what was applied "
                f"(`scoc city plan {pack.name}` shows the difference, `scoc city apply {pack.name}` takes it over)"
            )

    # -- the past

    def _history(self, pack: Pack, days: int) -> datetime | None:
        """Live what is missing of the history; where the city has arrived, None when told to stop."""
        zone = ZoneInfo(pack.manifest.timezone)
        begun = wall_now()
        midnight = begun.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        first = midnight - timedelta(days=days)
        fresh = not Installation.objects.exists()
        if fresh:
            self.stdout.write(f"applying {pack.manifest.name_zh} {pack.manifest.name_en} …")
            found_city(pack, first)
        lived = lived_until()
        clock = run_clock()
        if clock is not None and clock.city_origin is not None and lived is not None:
            return max(lived, min(clock.at(wall_now()), lived + timedelta(minutes=30)))
        start = lived or first
        try:
            with lazy_disk():
                while (end := wall_now()) - start > timedelta(minutes=1):
                    live_through(start, end, self._progress(start, end), resumed=lived is not None)
                    start, lived = end, end
            return start
        except _Stopped:
            self.stdout.write("\nstopped; the next start goes on from here")
            return None

    def _progress(self, start: datetime, end: datetime) -> Any:
        begun, zone = time.monotonic(), city_zone()
        shown = ""

        def told(moment: datetime) -> None:
            nonlocal shown
            share = (moment - start) / (end - start)
            seconds = time.monotonic() - begun
            left = seconds / share - seconds
            local = moment.astimezone(zone)
            line = f"history {local:%Y-%m-%d %H:%M}  {share:6.1%}  {seconds:4.0f} s, about {left:4.0f} s left"
            if self.stdout.isatty():
                self.stdout.write(f"\r{line} ", ending="\n" if moment >= end else "")
            elif f"{local:%d}" != shown or moment >= end:  # a log wants no more than a line a day
                shown = f"{local:%d}"
                self.stdout.write(line)
            self.stdout.flush()
            if self.stop.is_set():
                raise _Stopped

        return told

    # -- the present

    def _processes(self, options: dict[str, Any], begun: float) -> None:
        environment = child_environment(port=str(self.port), mqtt_port=str(self.mqtt_port))
        commands = [["serve"], ["work"], ["simulate", *(["--no-staff"] if options["no_staff"] else [])]]
        connections.close_all()
        started = [children.start(command, environment) for command in commands]
        failed = ""
        try:
            if self._ready(started):
                self._tell(time.monotonic() - begun)
                if options["until_ready"]:
                    self.stop.set()
            while not self.stop.wait(0.5):
                gone = [" ".join(command) for command, child in zip(commands, started, strict=True)
                        if child.poll() is not None]  # fmt: skip
                if gone:
                    failed = f"`scoc {gone[0]}` ended by itself."
                    self.stop.set()
        finally:
            children.end(started)
        self._freeze()
        if failed:
            raise CommandError(f"{failed} Its last words stand above.")
        self.stdout.write("stopped; the next start goes on from here")

    def _ready(self, started: list[Child]) -> bool:
        """Wait until the web process answers."""
        address = f"http://{self.host}:{self.port}/api/v1/core/clock"
        for _ in range(240):
            if self.stop.is_set() or any(child.poll() is not None for child in started):
                return False
            try:
                if httpx.get(address, timeout=2).status_code < 500:
                    return True
            except httpx.HTTPError:
                self.stop.wait(0.25)
        raise CommandError("The web process did not answer within a minute.")

    def _freeze(self) -> None:
        """Let the city's clock stand where its life has come to."""
        clock, lived = run_clock(), lived_until()
        if clock is not None and lived is not None:
            set_clock(system_actor(ACTOR), max(lived, min(clock.at(wall_now()), lived + timedelta(minutes=30))), 0)

    def _tell(self, seconds: float) -> None:
        self.stdout.write(f"\nready after {seconds:.0f} s: http://{self.host}:{self.port}/")
        self.stdout.write(f"devices by MQTT: {self.host}:{self.mqtt_port}")
        self.stdout.write(f"every login has the password {PASSWORD}\n")
        shown: set[str] = set()
        holdings = list(PostHolding.objects.filter(valid_to=None).select_related("user", "post__role").order_by("id"))
        posts = Counter(holding.user_id for holding in holdings)
        for holding in sorted(holdings, key=lambda holding: posts[holding.user_id] > 1):  # who has one desk comes first
            role = holding.post.role
            if role.code not in shown:
                shown.add(role.code)
                self.stdout.write(
                    f"  {holding.user.username:<24}{role.name.zh}\t{role.name.en}, {holding.post.title.en}"
                )
        self.stdout.write("\nCtrl-C stops it; nothing is lost.")
        self.stdout.flush()


def _free(host: str, port: int) -> int:
    """A port to listen on: this one if nobody has it, else any."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])


class _Stopped(Exception):
    """Told to stop in the middle of the history."""
