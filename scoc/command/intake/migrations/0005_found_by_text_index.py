"""Lists look for words by the text index, so the column of words has no reader any more."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("intake", "0004_rules_append_only")]
    operations = [migrations.RemoveField("situation", "words")]
