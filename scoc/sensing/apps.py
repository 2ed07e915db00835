"""Sensing as a Django app."""

from django.apps import AppConfig


class SensingConfig(AppConfig):
    """The city's IoT (物联网)."""

    name = "scoc.sensing"
    label = "sensing"
