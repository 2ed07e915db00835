"""What stops the demo before it does anything: a taken port, or a city that is another one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from scoc.core.city import read_pack
from scoc.core.models import Installation
from scoc.core.tests.factories import City


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_a_taken_port_is_told_before_a_month_of_history_is_made(taken: int) -> None:
    with pytest.raises(CommandError, match=f"127.0.0.1:{taken}.*--port {taken + 1}"):
        call_command("demo", port=taken)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_has_a_range(port: int) -> None:
    with pytest.raises(CommandError, match="1 to 65535"):
        call_command("demo", port=port)


def test_another_city_is_left_alone(city: City) -> None:
    Installation.objects.update(code="990200")
    with pytest.raises(CommandError, match=r"another city, Testville.*SCOC_HOME=<folder> scoc demo"):
        call_command("demo", port=_free())


def test_a_city_of_another_seed_is_left_alone(city: City) -> None:
    """Chance depends on the seed: its life would not be that of its history."""
    manifest = read_pack("binhai").manifest
    Installation.objects.update(code=manifest.code)
    with pytest.raises(CommandError, match=f"from the seed 1, and cities/binhai is drawn from {manifest.seed}"):
        call_command("demo", port=_free())


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
