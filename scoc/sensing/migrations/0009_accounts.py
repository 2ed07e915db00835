"""What came at each door and what became of it."""

import django.db.models.deletion
import scoc.core.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_versions_append_only'),
        ('sensing', '0008_news'),
    ]

    operations = [
        migrations.CreateModel(
            name='Account',
            fields=[
                ('pk', models.CompositePrimaryKey('run', 'day', 'source', 'device_key', blank=True, editable=False, primary_key=True, serialize=False)),
                ('day', models.DateField()),
                ('source', models.CharField(max_length=60)),
                ('device_key', models.CharField(blank=True, max_length=60)),
                ('received', models.BigIntegerField(default=0)),
                ('stored', models.BigIntegerField(default=0)),
                ('duplicate', models.BigIntegerField(default=0)),
                ('rejected', models.BigIntegerField(default=0)),
                ('requests', models.BigIntegerField(default=0)),
                ('withdrawn', models.BigIntegerField(default=0)),
                ('first_recorded', scoc.core.fields.MicrosField()),
                ('last_recorded', scoc.core.fields.MicrosField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
            ],
            options={
                'db_table': 'sensing_account',
            },
        ),
    ]
