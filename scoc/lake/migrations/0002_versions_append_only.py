"""What a version was when it was entered stays; only that its files are gone is added, once."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("lake", "0001_tables")]
    operations = [AppendOnly("lake_version", once=("gone_at",))]
