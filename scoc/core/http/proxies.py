"""Whose call it is that a reverse proxy handed on: only proxies that the city lists are believed, and only as far."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from scoc.core.environment import Networks

_PORT_OF_IPV4 = re.compile(r"([0-9.]+):\d+")
_BRACKETED = re.compile(r"\[([^\]]+)\](:\d+)?")
_FOR = re.compile(r"""(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,\s]+)""", re.IGNORECASE)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address as hops are written: bare, with a port, in brackets, quoted; None for a name such as `unknown`."""
    bare = text.strip().strip('"')
    found = _BRACKETED.fullmatch(bare) or _PORT_OF_IPV4.fullmatch(bare)
    try:
        address = ip_address(found[1] if found else bare)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _hops(told: str) -> Iterator[IPv4Address | IPv6Address | None]:
    """The hops of the header, the nearest first. Both forms put a comma between hops, and RFC 7239 names its parts."""
    for hop in reversed(told.split(",")):
        named = _FOR.search(hop)
        yield _address(named[1] if named else hop)


def address_behind(peer: str, told: str, proxies: Networks) -> str:
    """The caller's address: the right-most in `told` that is no listed proxy, if `peer` is one; else `peer`.

    A hop that is no address ends the search at the proxy that wrote it.
    """
    address = _address(peer)
    if address is None or not told or not any(address in network for network in proxies):
        return peer
    for hop in _hops(told):
        if hop is None:
            break
        address = hop
        if not any(address in network for network in proxies):
            break
    return str(address)
