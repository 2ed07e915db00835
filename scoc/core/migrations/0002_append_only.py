"""Facts, audit and calendar versions can be added, never changed or removed."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("core", "0001_kernel")]
    operations = [AppendOnly("core_fact"), AppendOnly("core_audit"), AppendOnly("core_calendar")]
