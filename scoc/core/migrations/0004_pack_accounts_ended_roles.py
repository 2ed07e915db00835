"""Accounts and holdings know whether a city pack brought them; roles can end, and say whether machines may act in them."""

import json

from django.db import migrations, models
from django.db.migrations.state import StateApps


def mark_what_packs_brought(apps: StateApps, schema_editor: object) -> None:
    """Until now whoever was not made or closed by an administrator, nor given by one, came from the pack."""
    facts = apps.get_model("core", "FactRow").objects
    by_hand = facts.filter(name__in=("core.account_created", "core.account_closed")).values_list("subject", flat=True)
    ids = [int(subject.rpartition("-")[2]) for subject in by_hand]
    apps.get_model("core", "User").objects.filter(kind="person").exclude(pk__in=ids).update(from_pack=True)
    given = facts.filter(name="core.post_given").values_list("body", flat=True)
    pairs = {(body["user"], body["post"]) for body in map(json.loads, given)}
    holdings = apps.get_model("core", "PostHolding").objects.filter(user__from_pack=True, delegated_by=None)
    brought = [pk for pk, *pair in holdings.values_list("id", "user_id", "post_id") if tuple(pair) not in pairs]
    holdings.filter(pk__in=brought).update(from_pack=True)


class Migration(migrations.Migration):
    dependencies = [("core", "0003_audit_by_person_kind_outcome")]
    operations = [
        migrations.AddField("role", "machines", models.BooleanField(default=False)),
        migrations.AddField("role", "valid_to", models.DateField(null=True)),
        migrations.AddField("user", "from_pack", models.BooleanField(default=False)),
        migrations.AddField("postholding", "from_pack", models.BooleanField(default=False)),
        migrations.RunPython(mark_what_packs_brought, migrations.RunPython.noop, elidable=True),
    ]
