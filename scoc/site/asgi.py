"""The ASGI application: the live stream and the telemetry path beside Django, everything else through it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoc.site.settings")
django_application = get_asgi_application()

from scoc.core.lean import route  # noqa: E402  # needs the app registry that the line above loads

application = route(django_application)
