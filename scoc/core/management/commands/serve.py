"""`scoc serve`: the web process."""

from __future__ import annotations

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """One ASGI app under uvicorn: API, telemetry, live stream, front end. Stops cleanly on SIGTERM."""

    help = "Serve the city: API, telemetry, live stream and front end."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        uvicorn.run(
            "scoc.site.asgi:application",
            host=settings.ENVIRONMENT.host,
            port=settings.ENVIRONMENT.port,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=10,
            server_header=False,
            ws="none",
        )
