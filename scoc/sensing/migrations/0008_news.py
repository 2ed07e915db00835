"""Who listens for new observations, and those that somebody listens for."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sensing', '0007_places_of_devices'),
    ]

    operations = [
        migrations.CreateModel(
            name='News',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entity', models.CharField(max_length=20)),
                ('number', models.BigIntegerField()),
                ('recorded_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'db_table': 'sensing_news',
            },
        ),
        migrations.CreateModel(
            name='Interest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('holder', models.CharField(max_length=32)),
                ('datastream_id', models.BigIntegerField()),
                ('until', models.DateTimeField()),
            ],
            options={
                'db_table': 'sensing_interest',
                'constraints': [models.UniqueConstraint(fields=('holder', 'datastream_id'), name='sensing_interest_once')],
            },
        ),
    ]
