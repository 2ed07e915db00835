"""On PostgreSQL the outlines are also PostGIS geometries, generated and stored, with their index."""

from django.db import migrations

from scoc.core.vendor import OnPostgres


class Migration(migrations.Migration):
    dependencies = [("spatial", "0001_shapes")]
    operations = [
        OnPostgres(
            "CREATE EXTENSION IF NOT EXISTS postgis",
            "ALTER TABLE spatial_area_shape ADD COLUMN geom geometry(Geometry, 4326) "
            "GENERATED ALWAYS AS (ST_GeomFromGeoJSON(geometry)) STORED",
            "CREATE INDEX spatial_area_shape_geom ON spatial_area_shape USING gist (geom)",
        ),
    ]
