"""The one door for change: permission, transaction, facts and the trace of refusals."""

from __future__ import annotations

import pytest

from scoc.core import administration
from scoc.core.models import AuditEntry
from scoc.core.refusals import NotAllowed
from scoc.core.tests.factories import City, make_actor


def test_an_action_without_permission_is_refused_and_leaves_its_trace(city: City) -> None:
    actor = make_actor()
    with pytest.raises(NotAllowed):
        administration.revoke_key(actor, "0" * 12)
    entry = AuditEntry.objects.get()
    assert (entry.kind, entry.action, entry.outcome, entry.code) == (
        "refusal", "core.revoke_key", "refused", "no_permission",
    )  # fmt: skip
