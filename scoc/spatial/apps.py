"""Space as a Django app."""

from django.apps import AppConfig


class SpatialConfig(AppConfig):
    """Space (时空信息)."""

    name = "scoc.spatial"
    label = "spatial"
