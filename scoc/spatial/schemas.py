"""Shapes of space that leave the module: GeoJSON (RFC 7946)."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema


class Feature(Schema):
    """One GeoJSON feature in WGS84."""

    type: Literal["Feature"] = "Feature"
    id: str
    properties: dict[str, Any]
    geometry: dict[str, Any]


class FeatureCollection(Schema):
    """GeoJSON features."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[Feature]
