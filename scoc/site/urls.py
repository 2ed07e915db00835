"""Addresses: the API, the health check, and the front end's two entries."""

from django.urls import path, re_path

from scoc.core.http import build_api
from scoc.core.http.pages import cockpit_page, console_page, health

api = build_api()
urlpatterns = [
    path("api/v1/", api.urls),
    path("healthz", health),
    re_path(r"^cockpit(/.*)?$", cockpit_page),
    re_path(r"^(?!static/|api/).*$", console_page),
]
