"""Settings from the environment, and the installation's secret."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from scoc.core.environment import BadEnvironment, Environment, read_environment
from scoc.core.secrets import installation_secret, purpose_key


def test_without_settings_everything_is_embedded() -> None:
    assert read_environment({"PATH": "/bin"}) == Environment()


def test_settings_are_typed() -> None:
    found = read_environment(
        {"SCOC_HOME": "/srv/scoc", "SCOC_PORT": "8108", "SCOC_DEBUG": "true", "SCOC_TLS": "1", "SCOC_DATA_DIR": ""}
    )
    assert (found.home, found.port, found.debug, found.tls, found.data_dir) == (
        Path("/srv/scoc"),
        8108,
        True,
        True,
        None,
    )


def test_the_ports_of_mqtt_are_off_until_they_are_named() -> None:
    assert not any((Environment().mqtt_port, Environment().mqtt_ws_port, Environment().mqtt_tls_port))
    found = read_environment(
        {"SCOC_MQTT_PORT": "1883", "SCOC_MQTT_TLS_PORT": "8883", "SCOC_MQTT_WS_PORT": "9001",
         "SCOC_MQTT_TLS_CERTIFICATE": "/etc/scoc/cert.pem", "SCOC_MQTT_TLS_KEY": "/etc/scoc/key.pem"}
    )  # fmt: skip
    assert (found.mqtt_port, found.mqtt_tls_port, found.mqtt_ws_port) == (1883, 8883, 9001)
    assert (found.mqtt_tls_certificate, found.mqtt_tls_key) == (Path("/etc/scoc/cert.pem"), Path("/etc/scoc/key.pem"))
    with pytest.raises(BadEnvironment, match="SCOC_MQTT_PORT"):
        read_environment({"SCOC_MQTT_PORT": "mqtt"})


@pytest.mark.parametrize("name", ["SCOC_PROT", "SCOC_", "SCOC_HOME_"])
def test_unknown_names_stop_the_start_with_a_sentence(name: str) -> None:
    with pytest.raises(BadEnvironment, match=f"Unknown setting {name}. Known: SCOC_"):
        read_environment({name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("SCOC_PORT", "http"), ("SCOC_PORT", "65536"), ("SCOC_PORT", "-1"), ("SCOC_PORT", "８０"), ("SCOC_DEBUG", "yes")],
)
def test_wrong_values_stop_the_start_with_a_sentence(name: str, value: str) -> None:
    with pytest.raises(BadEnvironment, match=name):
        read_environment({name: value})


def test_the_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret"
    made = installation_secret(path)
    assert len(made) == 32
    assert installation_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "short", "z" * 64, "0" * 63, "0" * 128])
def test_a_damaged_secret_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    with pytest.raises(SystemExit, match="restore it"):
        installation_secret(path)


def test_keys_of_purposes_do_not_tell_the_secret() -> None:
    secret = b"s" * 32
    assert purpose_key(secret, "a") != purpose_key(secret, "b") != secret


def test_options_of_the_database_url_reach_the_driver(tmp_path: Path) -> None:
    """`?sslmode=verify-full` dropped in silence would be an open connection that looks like a safe one."""
    url = "postgresql://u@db.example:5433/city?sslmode=verify-full&application_name=scoc%20web"
    code = "from scoc.site import settings as s; d = s.DATABASES['default']; o = d['OPTIONS'];"
    code += "print(d['NAME'], d['PORT'], o['sslmode'], o['application_name'])"
    environment = {**os.environ, "SCOC_HOME": str(tmp_path), "SCOC_DATABASE_URL": url}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "city 5433 verify-full scoc web"
