"""`scoc serve`: the web process."""

from __future__ import annotations

from socket import socket
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from scoc.core import live

NOT_STARTED = 3
"""The status of a process that could not start, as of uvicorn's own command."""


class _Server(uvicorn.Server):
    """Ends the live streams before it waits for requests to be answered: a stream is a request without an end."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop."""
        live.HUB.stop()
        await super().shutdown(sockets)


class Command(BaseCommand):
    """One ASGI app under uvicorn: API, telemetry, live stream, front end. Stops cleanly on SIGTERM."""

    help = "Serve the city: API, telemetry, live stream and front end."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        server = _Server(
            uvicorn.Config(
                "scoc.site.asgi:application",
                host=settings.ENVIRONMENT.host,
                port=settings.ENVIRONMENT.port,
                log_config=None,
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=10,
                server_header=False,
                proxy_headers=False,  # it would believe any process of this machine; see core.http.proxies
                ws="none",
            )
        )
        server.run()
        if not server.started:
            raise SystemExit(NOT_STARTED)
