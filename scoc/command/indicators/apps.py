"""Indicators as a Django app."""

from django.apps import AppConfig


class IndicatorsConfig(AppConfig):
    """Vital signs (城市体征): definitions, values, thresholds, composite health index."""

    name = "scoc.command.indicators"
    label = "indicators"
