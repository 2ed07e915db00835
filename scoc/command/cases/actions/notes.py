"""Side actions, which move nothing."""

from __future__ import annotations

from scoc.command.cases import facts
from scoc.command.cases.models import (
    CaseNote,
    NoteKind,
    State,
)
from scoc.command.cases.moving import (
    columns_of,
    in_reach,
    locked,
    must_say,
    subject_of,
)
from scoc.command.cases.schemas import (
    CaseCommented,
)
from scoc.core.access import allowed
from scoc.core.acting import Actor, acting
from scoc.core.actions import action
from scoc.core.facts import publish
from scoc.core.now import city_now, wall_now
from scoc.core.refusals import no_such


@action("cases.comment_case", by_state=State)
def comment_case(actor: Actor, case_id: int, text: str) -> CaseCommented:
    """Write a comment (评论): it moves nothing and stays in the record."""
    case = locked(actor, case_id)
    if not in_reach(actor, case, "cases.comment_case"):
        raise no_such("案卷", "case", case.subject)
    allowed(actor, "cases.comment_case", case.state)
    must_say(text)
    note = CaseNote.objects.create(
        **columns_of(case), case=case, kind=NoteKind.COMMENT, actor_id=actor.user_id, text=text.strip(),
        happened_at=city_now(), recorded_at=wall_now(), organisation_id=actor.organisation_id, post_id=actor.post_id,
        correlation=acting().correlation,
    )  # fmt: skip
    publish(facts.CaseCommented(subject=subject_of(case), note=note.pk),
            organisation_id=case.current_unit_id or case.organisation_id, area_id=case.area_id)  # fmt: skip
    return CaseCommented(id=note.pk)
