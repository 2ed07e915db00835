"""Devices, rules, alarms, and the tables of what was observed, which Django cannot describe: partitioned on
PostgreSQL by month of phenomenon time, clustered by key on SQLite."""

import django.db.models.deletion
import scoc.core.fields
from django.db import migrations, models
from scoc.core.append_only import AppendOnly
from scoc.core.vendor import OnPostgres, OnSqlite

OBSERVATION_TABLES = [
    OnSqlite(
        "CREATE TABLE sensing_observation (id integer NOT NULL PRIMARY KEY, datastream_id integer NOT NULL, "
        "at integer NOT NULL, result real NOT NULL, recorded integer NOT NULL, dedup_key text)",
        "CREATE UNIQUE INDEX sensing_observation_once ON sensing_observation (datastream_id, at, dedup_key)",
        "CREATE TABLE sensing_rollup (datastream_id integer NOT NULL, grain integer NOT NULL, "
        "bucket integer NOT NULL, n integer NOT NULL, minimum real NOT NULL, maximum real NOT NULL, "
        "total integer NOT NULL, last_at integer NOT NULL, last real NOT NULL, recorded integer NOT NULL, "
        "PRIMARY KEY (datastream_id, grain, bucket)) WITHOUT ROWID",
    ),
    OnPostgres(
        # The key of a partitioned table must hold the partition's column, and a look-up by id alone is rare: ids grow
        # with time, so a block index finds them and costs inserts almost nothing.
        "CREATE TABLE sensing_observation (id bigint NOT NULL, datastream_id bigint NOT NULL, at bigint NOT NULL, "
        "result double precision NOT NULL, recorded bigint NOT NULL, dedup_key varchar(120) COLLATE \"C\") "
        "PARTITION BY RANGE (at)",
        "CREATE UNIQUE INDEX sensing_observation_once ON sensing_observation (datastream_id, at, dedup_key)",
        "CREATE INDEX sensing_observation_id ON sensing_observation USING brin (id) WITH (pages_per_range = 16)",
        "CREATE TABLE sensing_observation_default PARTITION OF sensing_observation DEFAULT",
        "CREATE TABLE sensing_rollup (datastream_id bigint NOT NULL, grain smallint NOT NULL, bucket bigint NOT NULL, "
        "n bigint NOT NULL, minimum double precision NOT NULL, maximum double precision NOT NULL, "
        "total bigint NOT NULL, last_at bigint NOT NULL, last double precision NOT NULL, recorded bigint NOT NULL, "
        "PRIMARY KEY (datastream_id, grain, bucket)) WITH (fillfactor = 80)",
        "ALTER TABLE sensing_latest SET (fillfactor = 50)",
    ),
]
FLOW_COLUMNS = (
    "id", "version", "from_state", "to_state", "action", "opinion", "happened_at", "recorded_at", "actor_id",
    "alarm_id", "organisation_id", "post_id",
)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('core', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Datastream',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('property', models.CharField(max_length=40)),
                ('name', scoc.core.fields.BilingualField()),
                ('unit', models.CharField(max_length=20)),
                ('places', models.PositiveSmallIntegerField(default=3)),
                ('minimum', models.FloatField()),
                ('maximum', models.FloatField()),
                ('cadence_seconds', models.PositiveIntegerField()),
                ('repeat', models.CharField(choices=[('ignore', 'Ignore'), ('keep', 'Keep')], default='ignore', max_length=8)),
                ('active', models.BooleanField(default=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
            ],
            options={
                'db_table': 'sensing_datastream',
            },
        ),
        migrations.CreateModel(
            name='DeviceType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name', scoc.core.fields.BilingualField()),
                ('streams', models.JSONField(default=list)),
                ('retired', models.BooleanField(default=False)),
            ],
            options={
                'db_table': 'sensing_device_type',
            },
        ),
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('happened_at', models.DateTimeField(db_index=True)),
                ('recorded_at', models.DateTimeField()),
                ('grade', models.PositiveSmallIntegerField(choices=[(1, 'L1 Public'), (2, 'L2 Internal'), (3, 'L3 Sensitive'), (4, 'L4 Highly Sensitive')], default=2)),
                ('correlation', models.CharField(db_index=True, max_length=32)),
                ('level', models.CharField(choices=[('severe', 'Severe'), ('major', 'Major'), ('minor', 'Minor')], max_length=8)),
                ('state', models.CharField(choices=[('new', 'New'), ('acknowledged', 'Acknowledged'), ('false', 'False'), ('settled', 'Settled')], default='new', max_length=12)),
                ('active', models.BooleanField(default=True)),
                ('cleared_at', models.DateTimeField(null=True)),
                ('recurrences', models.PositiveIntegerField(default=1)),
                ('value', models.FloatField(null=True)),
                ('peak', models.FloatField(null=True)),
                ('settled_by', models.CharField(blank=True, max_length=60)),
                ('version', models.PositiveIntegerField(default=1)),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.area')),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
                ('post', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.post')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
                ('datastream', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.datastream')),
            ],
            options={
                'db_table': 'sensing_alarm',
            },
        ),
        migrations.CreateModel(
            name='AlarmOccurrence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('value', models.FloatField(null=True)),
                ('peak', models.FloatField(null=True)),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='sensing.alarm')),
            ],
            options={
                'db_table': 'sensing_alarm_occurrence',
            },
        ),
        migrations.CreateModel(
            name='Latest',
            fields=[
                ('datastream', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='latest', serialize=False, to='sensing.datastream')),
                ('at', scoc.core.fields.MicrosField()),
                ('result', models.FloatField()),
                ('observation_id', models.BigIntegerField()),
                ('recorded', scoc.core.fields.MicrosField(db_index=True)),
            ],
            options={
                'db_table': 'sensing_latest',
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=60, unique=True)),
                ('name', scoc.core.fields.BilingualField()),
                ('place', models.CharField(blank=True, max_length=120)),
                ('lon', models.FloatField()),
                ('lat', models.FloatField()),
                ('given_lon', models.FloatField()),
                ('given_lat', models.FloatField()),
                ('datum', models.CharField(max_length=8)),
                ('state', models.CharField(choices=[('registered', 'Registered'), ('active', 'Active'), ('maintenance', 'Maintenance'), ('retired', 'Retired')], default='active', max_length=12)),
                ('credential_hash', models.CharField(blank=True, max_length=64)),
                ('credential_revoked_at', models.DateTimeField(null=True)),
                ('registered_at', models.DateTimeField()),
                ('changed', scoc.core.fields.MicrosField(db_index=True)),
                ('area', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.area')),
                ('asset', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.asset')),
                ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.devicetype')),
            ],
            options={
                'db_table': 'sensing_device',
            },
        ),
        migrations.AddField(
            model_name='datastream',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='datastreams', to='sensing.device'),
        ),
        migrations.AddField(
            model_name='alarm',
            name='device',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.device'),
        ),
        migrations.CreateModel(
            name='Rejected',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=60)),
                ('device_key', models.CharField(blank=True, max_length=60)),
                ('property', models.CharField(blank=True, max_length=40)),
                ('reason', models.CharField(max_length=30)),
                ('detail', models.CharField(max_length=200)),
                ('raw', models.CharField(max_length=300)),
                ('recorded_at', models.DateTimeField(db_index=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
            ],
            options={
                'db_table': 'sensing_rejected',
            },
        ),
        migrations.CreateModel(
            name='RejectedCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('source', models.CharField(max_length=60)),
                ('device_key', models.CharField(blank=True, max_length=60)),
                ('reason', models.CharField(max_length=30)),
                ('n', models.BigIntegerField(default=0)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
            ],
            options={
                'db_table': 'sensing_rejected_count',
            },
        ),
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=60)),
                ('version', models.PositiveIntegerField()),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
                ('source', models.CharField(blank=True, max_length=200)),
                ('approved_by', models.CharField(blank=True, max_length=120)),
                ('recorded_at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('threshold', 'Threshold'), ('rate', 'Rate'), ('deviation', 'Deviation'), ('silence', 'Silence')], max_length=10)),
                ('name', scoc.core.fields.BilingualField()),
                ('property', models.CharField(max_length=40)),
                ('level', models.CharField(choices=[('severe', 'Severe'), ('major', 'Major'), ('minor', 'Minor')], max_length=8)),
                ('category', models.CharField(blank=True, max_length=60)),
                ('settings', models.JSONField()),
                ('recurrence_seconds', models.PositiveIntegerField()),
                ('device_type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.devicetype')),
            ],
            options={
                'db_table': 'sensing_rule',
            },
        ),
        migrations.AddField(
            model_name='alarm',
            name='rule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.rule'),
        ),
        migrations.CreateModel(
            name='RuleState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_code', models.CharField(max_length=60)),
                ('phase', models.CharField(choices=[('normal', 'Normal'), ('pending', 'Pending'), ('alarm', 'Alarm')], max_length=8)),
                ('since', scoc.core.fields.MicrosField()),
                ('last_at', scoc.core.fields.MicrosField()),
                ('memory', models.JSONField(default=dict)),
                ('alarm', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='sensing.alarm')),
                ('datastream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sensing.datastream')),
            ],
            options={
                'db_table': 'sensing_rule_state',
            },
        ),
        migrations.CreateModel(
            name='AlarmFlow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('from_state', models.CharField(blank=True, max_length=20)),
                ('to_state', models.CharField(max_length=20)),
                ('action', models.CharField(max_length=40)),
                ('opinion', models.TextField(blank=True)),
                ('happened_at', models.DateTimeField()),
                ('recorded_at', models.DateTimeField()),
                ('left_at', models.DateTimeField(null=True)),
                ('actor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.user')),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='flow', to='sensing.alarm')),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation')),
                ('post', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.post')),
            ],
            options={
                'db_table': 'sensing_alarm_flow',
                'constraints': [models.UniqueConstraint(fields=('alarm', 'version'), name='sensing_alarm_flow_once')],
            },
        ),
        migrations.CreateModel(
            name='Baseline',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour_of_week', models.PositiveSmallIntegerField()),
                ('median', models.FloatField()),
                ('mad', models.FloatField()),
                ('n', models.PositiveIntegerField()),
                ('computed_at', models.DateTimeField()),
                ('datastream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sensing.datastream')),
            ],
            options={
                'db_table': 'sensing_baseline',
                'constraints': [models.UniqueConstraint(fields=('datastream', 'hour_of_week'), name='sensing_baseline_once')],
            },
        ),
        migrations.AddIndex(
            model_name='datastream',
            index=models.Index(fields=['property'], name='sensing_datastream_prop'),
        ),
        migrations.AddConstraint(
            model_name='datastream',
            constraint=models.UniqueConstraint(fields=('device', 'property', 'run'), name='sensing_datastream_once'),
        ),
        migrations.AddIndex(
            model_name='device',
            index=models.Index(fields=['type', 'key'], name='sensing_device_by_type'),
        ),
        migrations.AddIndex(
            model_name='rejected',
            index=models.Index(fields=['run', '-id'], name='sensing_rejected_newest'),
        ),
        migrations.AddIndex(
            model_name='rejected',
            index=models.Index(fields=['device_key', '-id'], name='sensing_rejected_device'),
        ),
        migrations.AddConstraint(
            model_name='rejectedcount',
            constraint=models.UniqueConstraint(fields=('run', 'day', 'source', 'device_key', 'reason'), name='sensing_rejected_count_once'),
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('code', 'version'), name='sensing_rule_version'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(fields=['run', '-happened_at', '-id'], name='sensing_alarm_newest'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(fields=['datastream', '-id'], name='sensing_alarm_stream'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('state__in', ('new', 'acknowledged'))), fields=['run', '-happened_at'], name='sensing_alarm_open'),
        ),
        migrations.AddConstraint(
            model_name='rulestate',
            constraint=models.UniqueConstraint(fields=('datastream', 'rule_code'), name='sensing_rule_state_once'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=OBSERVATION_TABLES,
            state_operations=[
                migrations.CreateModel(
                    name='Observation',
                    fields=[
                        ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('at', scoc.core.fields.MicrosField()),
                        ('result', models.FloatField()),
                        ('recorded', scoc.core.fields.MicrosField()),
                        ('dedup_key', models.CharField(max_length=120, null=True)),
                        ('datastream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.datastream')),
                    ],
                    options={
                        'db_table': 'sensing_observation',
                    },
                ),
                migrations.AddConstraint(
                    model_name='observation',
                    constraint=models.UniqueConstraint(fields=('datastream', 'at', 'dedup_key'), name='sensing_observation_once'),
                ),
                migrations.CreateModel(
                    name='Rollup',
                    fields=[
                        ('pk', models.CompositePrimaryKey('datastream', 'grain', 'bucket', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('grain', models.SmallIntegerField(choices=[(60, 'Hour'), (1440, 'Day')])),
                        ('bucket', scoc.core.fields.MicrosField()),
                        ('n', models.BigIntegerField()),
                        ('minimum', models.FloatField()),
                        ('maximum', models.FloatField()),
                        ('total', models.BigIntegerField()),
                        ('last_at', scoc.core.fields.MicrosField()),
                        ('last', models.FloatField()),
                        ('recorded', scoc.core.fields.MicrosField()),
                        ('datastream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.datastream')),
                    ],
                    options={
                        'db_table': 'sensing_rollup',
                    },
                ),
            ],
        ),
        AppendOnly("sensing_alarm_flow", once=("left_at",), columns=FLOW_COLUMNS),
    ]
