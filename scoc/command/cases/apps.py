"""Cases as a Django app."""

from django.apps import AppConfig


class CasesConfig(AppConfig):
    """Coordination and dispatch (协调分发): the seven-stage case loop, responsibility, clocks, evaluation."""

    name = "scoc.command.cases"
    label = "cases"
