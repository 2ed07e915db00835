"""The settings that SCOC reads from its environment: typed, in one place, unknown names refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

PROXY_HEADERS = ("x-forwarded-for", "forwarded")
"""How a proxy may name the caller: its own form, or RFC 7239."""
Networks = tuple[IPv4Network | IPv6Network, ...]


class BadEnvironment(SystemExit):
    """The environment cannot be used; the message says which name and what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Every `SCOC_` name there is. Field `home` is read from `SCOC_HOME`, and so on."""

    home: Path = Path("var")
    """Folder of all state of an embedded installation."""
    host: str = "127.0.0.1"
    """Address the web process listens on."""
    port: int = 8000
    database_url: str = ""
    """`postgresql://user:password@host:port/name`; empty means SQLite inside `home`."""
    files_url: str = ""
    """Folder of attachments; empty means `home`/files."""
    lake_url: str = ""
    """Where the lake's tables lie: a folder, or `s3://key:secret@bucket/prefix?endpoint=https://host&region=name`
    (without a key by the machine's own role); empty means `home`/lake."""
    data_dir: Path | None = None
    """Folder of outside data sets that `scoc load` and the tests on real data read."""
    secret_file: Path | None = None
    """File with the installation's secret; empty means `home`/secret, made on first start."""
    hosts: str = "localhost,127.0.0.1,[::1]"
    """Comma separated host names under which the city reaches this installation."""
    public_url: str = ""
    """The address under which machines reach this installation, e.g. `https://iot.example.org`: links in messages that
    answer no request begin with it. Empty means `http://` with the first of the host names and the port."""
    tls: bool = False
    """A proxy in front ends TLS and says so in X-Forwarded-Proto: cookies are for HTTPS only, browsers remember it."""
    proxies: Networks = ()
    """Comma separated addresses or networks of the reverse proxies that the city trusts to name the caller."""
    proxy_header: str = PROXY_HEADERS[0]
    """In which header they do: `x-forwarded-for` or `forwarded`. It must be one that they write themselves."""
    mqtt_port: int = 0
    """Port of the MQTT listener; 0 or unset: none. Devices expect 1883."""
    mqtt_ws_port: int = 0
    """Port of MQTT over WebSockets, subprotocol `mqtt`; 0 or unset: none."""
    mqtt_tls_port: int = 0
    """Port of MQTT over TLS, usually 8883; needs the two files below. 0 or unset: none."""
    mqtt_tls_certificate: Path | None = None
    """PEM file with the listener's certificate and its chain."""
    mqtt_tls_key: Path | None = None
    """PEM file with the key of that certificate."""
    debug: bool = False
    """Developer mode: plain error pages. Never in production."""

    @property
    def address(self) -> str:
        """The beginning of links, without a slash at its end."""
        return self.public_url.rstrip("/") or f"http://{self.hosts.partition(',')[0]}:{self.port}"

    @property
    def mqtt_addresses(self) -> list[str]:
        """Where machines reach the MQTT listener; none without one."""
        host = urlsplit(self.address).hostname
        ports = (("mqtt", self.mqtt_port), ("mqtts", self.mqtt_tls_port), ("ws", self.mqtt_ws_port))
        return [f"{scheme}://{host}:{port}" for scheme, port in ports if port]


def _parse(name: str, kind: str, text: str) -> object:
    if kind in {"Path", "Path | None"}:
        return Path(text).expanduser()
    if kind == "int":
        if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65535:
            raise BadEnvironment(f"{name}={text!r} is not a port number; give one from 0 to 65535.")
        return int(text)
    if kind == "bool":
        if text.lower() not in {"0", "1", "true", "false"}:
            raise BadEnvironment(f"{name}={text!r} is not a switch; give 1 or 0.")
        return text.lower() in {"1", "true"}
    if kind == "Networks":
        try:
            return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise BadEnvironment(f"{name}: {error}; give addresses or networks, e.g. 10.0.0.5,10.1.0.0/16.") from error
    if name == "SCOC_PROXY_HEADER":
        if text.lower() not in PROXY_HEADERS:
            raise BadEnvironment(f"{name}={text!r} is not known; give one of {', '.join(PROXY_HEADERS)}.")
        return text.lower()
    return text


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """The settings found in `environ`. Raises BadEnvironment for an unknown `SCOC_` name or a bad value."""
    source = os.environ if environ is None else environ
    known = {f"SCOC_{field.name.upper()}": field for field in fields(Environment)}
    unknown = sorted(name for name in source if name.startswith("SCOC_") and name not in known)
    if unknown:
        raise BadEnvironment(f"Unknown setting {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    values = {
        field.name: _parse(name, str(field.type), source[name]) for name, field in known.items() if source.get(name)
    }
    return Environment(**values)  # type: ignore[arg-type]  # each value was parsed by its field's own type


def child_environment(**changed: str) -> dict[str, str]:
    """The environment for a process of SCOC that this one starts, with some settings changed: `port="8001"`."""
    return {**os.environ, **{f"SCOC_{name.upper()}": value for name, value in changed.items()}}
