"""A version of a rule may end, and is never changed: alarms name the version that raised them."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("sensing", "0003_device_listed")]
    operations = [AppendOnly("sensing_rule", once=("valid_to",))]
