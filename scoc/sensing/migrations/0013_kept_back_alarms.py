"""Alarms that one above explains, that flap, or that a person set aside; devices that hang on others."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_versions_append_only'),
        ('sensing', '0012_rules_over_groups'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AlarmShelf',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_code', models.CharField(max_length=60)),
                ('recurrences', models.PositiveIntegerField()),
                ('reason', models.CharField(max_length=500)),
                ('at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('end', models.CharField(blank=True, choices=[('over', 'Over'), ('taken_back', 'Taken Back')], max_length=10)),
                ('recorded_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'sensing_alarm_shelf',
            },
        ),
        migrations.AddField(
            model_name='alarm',
            name='flapping_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='alarm',
            name='shelved_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='alarm',
            name='suppressed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='sensing.alarm'),
        ),
        migrations.AddField(
            model_name='alarm',
            name='told',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='device',
            name='parent',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='sensing.device'),
        ),
        migrations.AddField(
            model_name='rule',
            name='suppresses',
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('active', True)), fields=['device'], name='sensing_alarm_standing'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('suppressed_by__isnull', False)), fields=['run', '-happened_at', '-id'], name='sensing_alarm_suppressed'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('shelved_until__isnull', False)), fields=['run', 'shelved_until'], name='sensing_alarm_shelved'),
        ),
        migrations.AddIndex(
            model_name='alarm',
            index=models.Index(condition=models.Q(('flapping_since__isnull', False)), fields=['run', 'flapping_since'], name='sensing_alarm_flapping'),
        ),
        migrations.AddField(
            model_name='alarmshelf',
            name='actor',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='alarmshelf',
            name='alarm',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shelves', to='sensing.alarm'),
        ),
        migrations.AddField(
            model_name='alarmshelf',
            name='datastream',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sensing.datastream'),
        ),
        migrations.AddField(
            model_name='alarmshelf',
            name='post',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.post'),
        ),
        migrations.AddConstraint(
            model_name='alarmshelf',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('datastream', 'rule_code'), name='sensing_alarm_shelf_once'),
        ),
        migrations.AddIndex(
            model_name='alarmshelf',
            index=models.Index(fields=['datastream', 'rule_code', '-at'], name='sensing_alarm_shelf_stream'),
        ),
        AppendOnly("sensing_rule", once=("valid_to",)),
    ]
