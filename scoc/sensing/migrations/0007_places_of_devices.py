"""A device may be somewhere that nobody has said yet; a newest result need not be a number."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sensing', '0006_mqtt'),
    ]

    operations = [
        migrations.AlterField(
            model_name='device',
            name='given_lat',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='device',
            name='given_lon',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='device',
            name='lat',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='device',
            name='lon',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='latest',
            name='result',
            field=models.FloatField(null=True),
        ),
    ]
