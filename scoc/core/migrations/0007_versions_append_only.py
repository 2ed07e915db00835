"""A version of a class or code may end, and is never changed or removed: cases and signals name what they meant."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("core", "0006_audit_in_both_languages")]
    operations = [AppendOnly("core_category", once=("valid_to",)), AppendOnly("core_code", once=("valid_to",))]
