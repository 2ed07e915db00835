"""Joins, proposals, flow and answers are evidence: added, and ended or decided once, never changed."""

from django.db import migrations

from scoc.core.append_only import AppendOnly

JOIN = ("signal_id", "situation_id", "before_id", "how", "score", "reasons", "rule_version", "actor_id", "post_id",
        "happened_at", "recorded_at", "correlation")  # fmt: skip
PROPOSAL = ("signal_id", "situation_id", "score", "reasons", "rule_version", "happened_at", "recorded_at")
FLOW = ("situation_id", "version", "from_state", "to_state", "action", "actor_id", "post_id", "organisation_id",
        "opinion", "happened_at", "recorded_at", "level", "reason")  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_signals_situations")]
    operations = [
        AppendOnly("intake_join", once=("undone_at", "undone_recorded_at", "undone_by_id"), columns=JOIN),
        AppendOnly("intake_proposal", once=("decision", "decided_at", "decided_by_id"), columns=PROPOSAL),
        AppendOnly("intake_situation_flow", once=("left_at",), columns=FLOW),
        AppendOnly("intake_answer"),
    ]
