"""The lake as a Django app."""

from django.apps import AppConfig


class LakeConfig(AppConfig):
    """The lake (数据湖)."""

    name = "scoc.lake"
    label = "lake"
