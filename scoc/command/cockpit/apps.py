"""Cockpit as a Django app."""

from django.apps import AppConfig


class CockpitConfig(AppConfig):
    """Leader cockpit (领导驾驶舱): what the screens of leaders show together."""

    name = "scoc.command.cockpit"
    label = "cockpit"
