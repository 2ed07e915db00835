"""Things, places, sensors, observed properties and features of SensorThings; observations of any result."""

import django.db.models.deletion
import scoc.core.fields
from django.db import migrations, models
from scoc.core.vendor import OnPostgres, OnSqlite

ANY_RESULT = [
    # SQLite cannot take "not null" from a column: the table is written anew, as it was.
    OnSqlite(
        "CREATE TABLE sensing_observation_new (id integer NOT NULL PRIMARY KEY, datastream_id integer NOT NULL, "
        "at integer NOT NULL, result real, recorded integer NOT NULL, dedup_key text, until integer, "
        "result_at integer, other text, quality text, valid_from integer, valid_until integer, parameters text, "
        "feature_id integer)",
        "INSERT INTO sensing_observation_new (id, datastream_id, at, result, recorded, dedup_key) "
        "SELECT id, datastream_id, at, result, recorded, dedup_key FROM sensing_observation",
        "DROP TABLE sensing_observation",
        "ALTER TABLE sensing_observation_new RENAME TO sensing_observation",
        "CREATE UNIQUE INDEX sensing_observation_once ON sensing_observation (datastream_id, at, dedup_key)",
        "CREATE INDEX sensing_observation_feature ON sensing_observation (feature_id, id) "
        "WHERE feature_id IS NOT NULL",
    ),
    OnPostgres(
        "ALTER TABLE sensing_observation ALTER COLUMN result DROP NOT NULL, ADD COLUMN until bigint, "
        "ADD COLUMN result_at bigint, ADD COLUMN other jsonb, ADD COLUMN quality jsonb, "
        "ADD COLUMN valid_from bigint, ADD COLUMN valid_until bigint, ADD COLUMN parameters jsonb, "
        "ADD COLUMN feature_id bigint",
        "CREATE INDEX sensing_observation_feature ON sensing_observation (feature_id, id) "
        "WHERE feature_id IS NOT NULL",
    ),
]
SHAPES = OnPostgres(
    *(
        f"ALTER TABLE {table} ADD COLUMN geom geometry(Geometry, 4326) GENERATED ALWAYS AS "
        f"(CASE WHEN west IS NOT NULL THEN ST_GeomFromGeoJSON({column}) END) STORED"
        for table, column in (
            ("sensing_location", "location"), ("sensing_feature", "feature"), ("sensing_datastream", "observed_area"),
        )
    ),
    "CREATE INDEX sensing_location_geom ON sensing_location USING gist (geom)",
    "CREATE INDEX sensing_feature_geom ON sensing_feature USING gist (geom)",
)
FIRST = migrations.RunSQL(
    "UPDATE sensing_latest SET first_at = (SELECT min(o.at) FROM sensing_observation o "
    "WHERE o.datastream_id = sensing_latest.datastream_id)",
    migrations.RunSQL.noop,
)


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0004_pack_accounts_ended_roles'),
        ('sensing', '0004_rules_append_only'),
        ('spatial', '0002_postgis'),
    ]

    operations = [
        migrations.CreateModel(
            name='ObservedProperty',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=300)),
                ('description', models.TextField()),
                ('properties', models.JSONField(null=True)),
                ('definition', models.CharField(max_length=500)),
                ('code', models.CharField(max_length=40, null=True, unique=True)),
            ],
            options={
                'db_table': 'sensing_observed_property',
            },
        ),
        migrations.AddField(
            model_name='datastream',
            name='description',
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='east',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='multi',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='datastream',
            name='multi_types',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='north',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='observation_type',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='datastream',
            name='observed_area',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='properties',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='result_from',
            field=scoc.core.fields.MicrosField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='result_until',
            field=scoc.core.fields.MicrosField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='south',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='title',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name='datastream',
            name='unit_of_measurement',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='datastream',
            name='west',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='latest',
            name='first_at',
            field=scoc.core.fields.MicrosField(null=True),
        ),
        migrations.CreateModel(
            name='Location',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=300)),
                ('description', models.TextField()),
                ('properties', models.JSONField(null=True)),
                ('west', models.FloatField(null=True)),
                ('south', models.FloatField(null=True)),
                ('east', models.FloatField(null=True)),
                ('north', models.FloatField(null=True)),
                ('encoding_type', models.CharField(max_length=120)),
                ('location', models.TextField()),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.area')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
            ],
            options={
                'db_table': 'sensing_location',
            },
        ),
        migrations.CreateModel(
            name='Feature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=300)),
                ('description', models.TextField()),
                ('properties', models.JSONField(null=True)),
                ('west', models.FloatField(null=True)),
                ('south', models.FloatField(null=True)),
                ('east', models.FloatField(null=True)),
                ('north', models.FloatField(null=True)),
                ('encoding_type', models.CharField(max_length=120)),
                ('feature', models.TextField()),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.area')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
                ('location', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='sensing.location')),
            ],
            options={
                'db_table': 'sensing_feature',
            },
        ),
        migrations.AddField(
            model_name='datastream',
            name='observed_properties',
            field=models.ManyToManyField(db_table='sensing_datastream_property', related_name='multi_datastreams', to='sensing.observedproperty'),
        ),
        migrations.AddField(
            model_name='datastream',
            name='observed_property',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='datastreams', to='sensing.observedproperty'),
        ),
        migrations.CreateModel(
            name='Sensor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=300)),
                ('description', models.TextField()),
                ('properties', models.JSONField(null=True)),
                ('encoding_type', models.CharField(max_length=120)),
                ('metadata', models.JSONField()),
                ('type', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.devicetype')),
            ],
            options={
                'db_table': 'sensing_sensor',
            },
        ),
        migrations.AddField(
            model_name='datastream',
            name='sensor',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='datastreams', to='sensing.sensor'),
        ),
        migrations.CreateModel(
            name='Thing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=300)),
                ('description', models.TextField()),
                ('properties', models.JSONField(null=True)),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.area')),
                ('device', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='thing', to='sensing.device')),
                ('locations', models.ManyToManyField(db_table='sensing_thing_location', related_name='things', to='sensing.location')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
            ],
            options={
                'db_table': 'sensing_thing',
            },
        ),
        migrations.CreateModel(
            name='HistoricalLocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', scoc.core.fields.MicrosField()),
                ('locations', models.ManyToManyField(db_table='sensing_historical_place', related_name='historical_locations', to='sensing.location')),
                ('thing', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='historical_locations', to='sensing.thing')),
            ],
            options={
                'db_table': 'sensing_historical_location',
            },
        ),
        migrations.AddField(
            model_name='datastream',
            name='thing',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='datastreams', to='sensing.thing'),
        ),
        migrations.AddIndex(
            model_name='location',
            index=models.Index(fields=['west', 'east', 'south', 'north'], name='sensing_location_box'),
        ),
        migrations.AddIndex(
            model_name='feature',
            index=models.Index(fields=['west', 'east', 'south', 'north'], name='sensing_feature_box'),
        ),
        migrations.AddIndex(
            model_name='historicallocation',
            index=models.Index(fields=['thing', 'at'], name='sensing_historical_thing'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=ANY_RESULT,
            state_operations=[
                migrations.AddField(
                    model_name='observation',
                    name='feature_id',
                    field=models.BigIntegerField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='other',
                    field=models.JSONField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='parameters',
                    field=models.JSONField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='quality',
                    field=models.JSONField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='result_at',
                    field=scoc.core.fields.MicrosField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='until',
                    field=scoc.core.fields.MicrosField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='valid_from',
                    field=scoc.core.fields.MicrosField(null=True),
                ),
                migrations.AddField(
                    model_name='observation',
                    name='valid_until',
                    field=scoc.core.fields.MicrosField(null=True),
                ),
                migrations.AlterField(
                    model_name='observation',
                    name='result',
                    field=models.FloatField(null=True),
                ),
            ],
        ),
        SHAPES,
        FIRST,
    ]
