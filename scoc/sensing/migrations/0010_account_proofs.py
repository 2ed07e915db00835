"""Whether the accounts of each day agree with the tables themselves."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_versions_append_only'),
        ('sensing', '0009_accounts'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountProof',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('proved_at', models.DateTimeField()),
                ('received', models.BigIntegerField()),
                ('wrong', models.PositiveIntegerField()),
                ('amiss', models.BigIntegerField()),
                ('findings', models.JSONField(default=list)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.run')),
            ],
            options={
                'db_table': 'sensing_account_proof',
                'constraints': [models.UniqueConstraint(fields=('run', 'day'), name='sensing_account_proof_once')],
            },
        ),
    ]
