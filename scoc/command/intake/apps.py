"""Intake as a Django app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Information access (信息接入): every signal from sensors, citizens and bureaus; duplicates; situations."""

    name = "scoc.command.intake"
    label = "intake"
