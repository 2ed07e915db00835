"""A version of a rule of joining may end, and is never changed or removed: joins name the version that made them."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("intake", "0003_standing_by_index")]
    operations = [AppendOnly("intake_join_rule", once=("valid_to",))]
