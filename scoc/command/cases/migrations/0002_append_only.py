"""Flow rows, snapshots, evidence and notes can be added, never changed or removed; a flow row is left once."""

from django.db import migrations

from scoc.core.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("cases", "0001_cases")]
    operations = [
        AppendOnly(
            "cases_flow",
            once=("left_at", "elapsed", "overtime"),
            columns=(
                "id", "version", "from_state", "to_state", "action", "actor_id", "post_id", "organisation_id", "opinion",
                "happened_at", "recorded_at", "case_id", "receiver_id", "basis", "rework_count",
            ),
        ),
        AppendOnly("cases_snapshot"),
        AppendOnly("cases_evidence"),
        AppendOnly("cases_note"),
    ]
