"""A version of a filing condition or of a row of the matrix may end, and is never changed or removed."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_outcomes")]
    operations = [
        AppendOnly("cases_condition", once=("valid_to",)),
        AppendOnly("cases_responsibility", once=("valid_to",)),
    ]
