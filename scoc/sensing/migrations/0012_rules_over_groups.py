"""Rules over any property, within an area or over named devices, and rules that are made in SCOC itself."""

import django.db.models.deletion
from django.db import migrations, models

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('sensing', '0011_repeats_that_replace'),
    ]

    operations = [
        migrations.AddField(
            model_name='rule',
            name='own',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='rule',
            name='target',
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name='rule',
            name='device_type',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='sensing.devicetype'),
        ),
        AppendOnly("sensing_rule", once=("valid_to",)),
    ]
