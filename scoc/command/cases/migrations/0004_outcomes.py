"""Outcomes, made of flow and clocks for the cases there are; and indexes by which lists read open cases alone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TOLD_BY_FLOW = """
SELECT c.id AS case_id,
       (SELECT f.happened_at FROM cases_flow f WHERE f.case_id = c.id AND f.action = 'report_case'
        ORDER BY f.version LIMIT 1) AS reported_at,
       EXISTS (SELECT 1 FROM cases_flow f WHERE f.case_id = c.id AND f.action = 'accept_case') AS accepted,
       EXISTS (SELECT 1 FROM cases_flow f WHERE f.case_id = c.id AND f.action = 'file_case') AS filed,
       (SELECT f.happened_at FROM cases_flow f WHERE f.case_id = c.id AND f.action = 'dispatch_case'
        ORDER BY f.version LIMIT 1) AS dispatched_at,
       EXISTS (SELECT 1 FROM cases_flow f WHERE f.case_id = c.id AND f.action = 'feed_back') AS fed_back,
       t.deadline_at AS due_at, t.organisation_id AS unit_id, t.stopped_at AS stopped_at,
       (SELECT f.recorded_at FROM cases_flow f WHERE f.case_id = c.id ORDER BY f.version DESC LIMIT 1) AS recorded_at
FROM cases_case c
LEFT JOIN cases_timer t ON t.id = (
    SELECT s.id FROM cases_timer s
    WHERE s.case_id = c.id AND s.clock = 'disposal' AND s.status NOT IN ('replaced', 'void')
    ORDER BY s.bundle DESC, s.span DESC LIMIT 1)
"""
"""Every outcome from flow and clocks alone; both databases take it."""
COLUMNS = "case_id, reported_at, accepted, filed, dispatched_at, fed_back, due_at, unit_id, stopped_at, recorded_at"


class Migration(migrations.Migration):

    dependencies = [
        ('cases', '0003_standing_by_index'),
        ('core', '0004_pack_accounts_ended_roles'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CaseOutcome',
            fields=[
                ('case', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='outcome', serialize=False, to='cases.case')),
                ('reported_at', models.DateTimeField()),
                ('accepted', models.BooleanField(default=False)),
                ('filed', models.BooleanField(default=False)),
                ('dispatched_at', models.DateTimeField(null=True)),
                ('fed_back', models.BooleanField(default=False)),
                ('due_at', models.DateTimeField(null=True)),
                ('stopped_at', models.DateTimeField(null=True)),
                ('recorded_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'cases_outcome',
            },
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='cases_case_queue',
        ),
        migrations.RemoveIndex(
            model_name='case',
            name='cases_case_unit',
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('is_open', True)), fields=['run', 'queue_at', 'id'], name='cases_case_queue'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(condition=models.Q(('is_open', True)), fields=['current_unit', 'queue_at', 'id'], name='cases_case_unit'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['run', 'state', 'queue_at', 'id', 'organisation', 'current_unit', 'area_path'], name='cases_case_state'),
        ),
        migrations.AddField(
            model_name='caseoutcome',
            name='unit',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.organisation'),
        ),
        migrations.AddIndex(
            model_name='caseoutcome',
            index=models.Index(fields=['reported_at'], name='cases_outcome_reported'),
        ),
        migrations.AddIndex(
            model_name='caseoutcome',
            index=models.Index(fields=['dispatched_at'], name='cases_outcome_dispatched'),
        ),
        migrations.AddIndex(
            model_name='caseoutcome',
            index=models.Index(fields=['due_at'], name='cases_outcome_due'),
        ),
        migrations.AddIndex(
            model_name="caseoutcome",
            index=models.Index(fields=["recorded_at"], name="cases_outcome_recorded"),
        ),
        migrations.RunSQL(f"INSERT INTO cases_outcome ({COLUMNS}) {TOLD_BY_FLOW}", migrations.RunSQL.noop),
    ]
