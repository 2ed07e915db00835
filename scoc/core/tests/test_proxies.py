"""Behind a reverse proxy: everybody has their own counter of failures, and nobody can take another's address."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from scoc.core.environment import BadEnvironment, read_environment
from scoc.core.http.proxies import address_behind
from scoc.core.models import AuditEntry, Installation
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import SETTINGS, City

PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "told", "caller"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # no listed proxy: it may claim what it likes
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "192.0.2.1, 203.0.113.9", "203.0.113.9"),  # what stands further left, the caller wrote
        ("10.0.0.1", "10.0.0.9, 203.0.113.9", "203.0.113.9"),  # a caller who claims to be a proxy
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),  # a chain of proxies
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),  # a proxy that calls by itself
        ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, <script>, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9:50123", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::5]:443", "2001:db8::5"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8::5", "2001:db8::5"),
        ("10.0.0.1", "for=192.0.2.1, for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
        ("10.0.0.1", 'proto=https;For="[2001:db8::5]:443"', "2001:db8::5"),
        ("10.0.0.1", "for=203.0.113.9, for=_hidden", "10.0.0.1"),
        ("10.0.0.1", "for=203.0.113.9, proto=https", "10.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_right_most_address_that_is_no_listed_proxy_is_the_callers(peer: str, told: str, caller: str) -> None:
    assert address_behind(peer, told, PROXIES) == caller


def test_without_a_list_no_header_is_believed() -> None:
    assert address_behind("10.0.0.1", "203.0.113.9", ()) == "10.0.0.1"
    assert read_environment({}).proxies == ()


def test_the_settings_are_checked() -> None:
    found = read_environment({"SCOC_PROXIES": "127.0.0.1, 10.1.0.0/16,::1", "SCOC_PROXY_HEADER": "Forwarded"})
    assert [str(one) for one in found.proxies] == ["127.0.0.1/32", "10.1.0.0/16", "::1/128"]
    assert found.proxy_header == "forwarded"
    with pytest.raises(BadEnvironment, match="SCOC_PROXIES"):
        read_environment({"SCOC_PROXIES": "proxy.city.example"})
    with pytest.raises(BadEnvironment, match="SCOC_PROXY_HEADER"):
        read_environment({"SCOC_PROXY_HEADER": "x-real-ip"})


def guess(told: str, header: str = "X-Forwarded-For", peer: str = "10.0.0.1") -> Any:
    """One wrong log-in that the proxy hands on."""
    return Client(REMOTE_ADDR=peer).post(
        "/api/v1/core/login", {"username": "nobody", "password": "wrong"}, "application/json", headers={header: told}
    )


@pytest.fixture
def behind(city: City, settings: Any) -> Any:
    """The city stands behind proxies, and lets an address guess ten times."""
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, proxies=PROXIES)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Installation.objects.update(settings={**SETTINGS, "security": {"failures_per_address": 10}})
    forget_all()
    return settings


def test_one_who_guesses_locks_out_nobody_else(behind: Any) -> None:
    for number in range(10):  # with another claim each time
        assert guess(f"192.0.2.{number}, 203.0.113.9").status_code == 401
    assert guess("203.0.113.9").status_code == 429
    assert guess("203.0.113.10").status_code == 401, "a neighbour behind the same proxy"
    assert set(AuditEntry.objects.values_list("address", flat=True)) == {"203.0.113.9", "203.0.113.10"}


def test_another_header_than_the_configured_one_says_nothing(behind: Any) -> None:
    guess("for=203.0.113.9", "Forwarded")
    guess("203.0.113.9", peer="198.51.100.7")
    behind.ENVIRONMENT = dataclasses.replace(behind.ENVIRONMENT, proxy_header="forwarded")
    guess("203.0.113.9")
    guess("for=203.0.113.9", "Forwarded")
    told = list(AuditEntry.objects.order_by("id").values_list("address", flat=True))
    assert told == ["10.0.0.1", "198.51.100.7", "10.0.0.1", "203.0.113.9"]
