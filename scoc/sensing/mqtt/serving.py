"""The listener in the web process: its ports, its certificate, its start and its stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings

from scoc.core.environment import BadEnvironment, Environment
from scoc.sensing.ingest.doors import Door
from scoc.sensing.mqtt.broker import Broker
from scoc.sensing.mqtt.limits import Limits
from scoc.sensing.mqtt.policies import CityPolicy
from scoc.sensing.mqtt.records import Records
from scoc.sensing.mqtt.websocket import WebSocket
from scoc.sensing.sta.serving import ROOT

log = logging.getLogger(__name__)
TLS_BUFFER = 16_384
"""Receive buffer of a TLS connection; asyncio's 256 KiB would cost 281 KiB a device (measured) instead of 38."""
BACKLOG = 1024


@dataclass(eq=False, slots=True)
class Listener:
    """An MQTT listener that runs."""

    broker: Broker
    policy: CityPolicy
    servers: list[asyncio.Server] = field(default_factory=list)
    watching: asyncio.Task[None] | None = None

    def ports(self) -> list[int]:
        """The ports that it listens on, in the order TCP, TLS, WebSockets."""
        return [server.sockets[0].getsockname()[1] for server in self.servers]

    async def stop(self) -> None:
        """Take nobody in any more, say good-bye, store what waits."""
        for server in self.servers:
            server.close()
        if self.watching is not None:
            self.watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.watching
        await self.broker.stop()
        self.policy.close()


_listener: Listener | None = None


def wanted(environment: Environment) -> bool:
    """Whether the settings name a port. Raises BadEnvironment where TLS is half set."""
    files = environment.mqtt_tls_certificate, environment.mqtt_tls_key
    if environment.mqtt_tls_port and None in files:
        raise BadEnvironment("SCOC_MQTT_TLS_PORT needs SCOC_MQTT_TLS_CERTIFICATE and SCOC_MQTT_TLS_KEY.")
    if not environment.mqtt_tls_port and any(files):
        raise BadEnvironment("SCOC_MQTT_TLS_CERTIFICATE and SCOC_MQTT_TLS_KEY need SCOC_MQTT_TLS_PORT, e.g. 8883.")
    return bool(environment.mqtt_port or environment.mqtt_ws_port or environment.mqtt_tls_port)


def tls_context(environment: Environment) -> ssl.SSLContext:
    """The certificate of the settings. Raises BadEnvironment where it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(str(environment.mqtt_tls_certificate), str(environment.mqtt_tls_key))
    except (OSError, ssl.SSLError) as error:
        raise BadEnvironment(
            f"SCOC_MQTT_TLS_CERTIFICATE and SCOC_MQTT_TLS_KEY cannot be used: {error}. "
            "Give PEM files that belong together."
        ) from error
    return context


async def listen(door: Door, environment: Environment, limits: Limits | None = None) -> Listener:
    """Start a listener on the ports of the settings. Raises OSError where one is taken."""
    policy = CityPolicy(door, f"{environment.address}{ROOT}")
    broker = Broker(policy, Records(), limits)
    tls = tls_context(environment) if environment.mqtt_tls_port else None
    await broker.start()
    policy.restored(broker)
    listener = Listener(broker, policy)
    loop = asyncio.get_running_loop()
    plain, socket = broker.accept, lambda: WebSocket(broker)
    ports: list[tuple[int, Callable[[], asyncio.BaseProtocol], ssl.SSLContext | None]] = [
        (environment.mqtt_port, plain, None), (environment.mqtt_tls_port, plain, tls),
        (environment.mqtt_ws_port, socket, None),
    ]  # fmt: skip
    if tls is not None:
        sslproto.SSLProtocol.max_size = TLS_BUFFER  # asyncio has no setting for it
    try:
        for port, protocol, context in ports:
            if port:
                server = await loop.create_server(
                    protocol, environment.host, port, ssl=context, backlog=BACKLOG, start_serving=True
                )
                listener.servers.append(server)
    except OSError:
        await listener.stop()
        raise
    listener.watching = asyncio.create_task(policy.watch(broker))
    return listener


async def startup(door: Door) -> None:
    """Listen, if the settings of this installation say so."""
    global _listener
    environment: Environment = settings.ENVIRONMENT
    if not wanted(environment):
        return
    _listener = await listen(door, environment)
    log.info("mqtt listens on %s, ports %s", environment.host, _listener.ports())


async def shutdown() -> None:
    """Stop listening."""
    global _listener
    listener, _listener = _listener, None
    if listener is not None:
        await listener.stop()
