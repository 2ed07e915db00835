"""Rehearsal as a Django app."""

from django.apps import AppConfig


class RehearsalConfig(AppConfig):
    """Rehearsal: demo, simulator, replay and loaders of outside data; acts across all modules."""

    name = "scoc.rehearsal"
    label = "rehearsal"
