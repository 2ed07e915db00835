"""What every desk needs: notices, files, persons in plain, parked deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scoc.core import audit, contacts, now
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.city.sections import city_settings
from scoc.core.contacts import Person
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.files import keep_file
from scoc.core.models import Attachment, AuditEntry, Delivery
from scoc.core.notify import NoticeRead, notices_of
from scoc.core.pack import SecuritySettings
from scoc.core.refusals import NotAllowed, TooMuch, no_such
from scoc.kit.text import Text


@fact("core.person_erased", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(Fact):
    """A person's fields were removed for good."""

    contact: int


@action("core.retry_delivery", audited=True)
def retry_delivery(actor: Actor, delivery_id: int) -> None:
    """Let a parked delivery be tried again, after its cause was mended."""
    changed = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.PARKED).update(
        state=Delivery.State.WAITING, next_try_at=now.wall_now(), attempts=0
    )
    if not changed:
        raise no_such("搁置任务", "parked delivery", f"core:delivery-{delivery_id}")


@action("core.read_notice")
def read_notice(actor: Actor, notice_id: int) -> None:
    """Confirm that a notice was read (签收)."""
    notice = notices_of(actor).filter(pk=notice_id).first()
    if notice is None:
        raise no_such("通知", "notice", f"core:notice-{notice_id}")
    if notice.read_at is None:
        notice.read_at = now.city_now()
        notice.save(update_fields=["read_at"])
        publish(NoticeRead(subject=Code(f"core:notice-{notice_id}"), notice=notice_id))


@action("core.hand_in_file")
def hand_in_file(
    actor: Actor,
    content: bytes,
    name: str,
    *,
    lon: float | None = None,
    lat: float | None = None,
    taken_at: datetime | None = None,
) -> Attachment:
    """Store a photo or document, to be named by the action that uses it."""
    return keep_file(content, name, lon=lon, lat=lat, taken_at=taken_at)


@action("core.view_plain")
def view_person(actor: Actor, contact_id: int, reason: str) -> Person:
    """See a person's fields in plain (查看明文): reason, role, log, and no more than the city's limit an hour.

    Whose a contact is, the kernel does not know: this is for posts of the whole city. A module that knows it calls
    `contacts.view_plain` for a person of its own subject, after it has checked the scope.
    """
    found = actor.may("core.view_plain")
    if found is None or found.persons != "plain" or not found.city:
        raise NotAllowed("no_plain", Text("您的岗位不能查看明文。", "Your post may not see plain values."))
    since = now.wall_now() - timedelta(hours=1)
    limit = city_settings(SecuritySettings).plain_views_per_hour
    seen = AuditEntry.objects.filter(action="core.view_plain", kind="plain", happened_at__gte=since)
    if seen.filter(user_id=actor.user_id).count() >= limit:
        raise TooMuch(
            "plain_limit",
            Text("一小时内查看明文次数已达上限。", "You have seen as many plain records as an hour allows."),
            3600,
        )
    return contacts.view_plain(actor, contact_id, reason)


@action("core.erase_person", shared=True)
def erase_person(actor: Actor, contact_id: int, reason: str) -> None:
    """Remove a person's fields for good (删除个人信息); facts and cases keep the number alone. For the whole city."""
    found = actor.may("core.erase_person")
    if found is None or not found.city:
        raise NotAllowed("not_city", Text("仅全市范围的岗位可删除。", "Only a post for the whole city erases."))
    contacts.erase(actor, contact_id, reason)
    publish(PersonErased(subject=Code(f"core:contact-{contact_id}"), contact=contact_id))


def note_read(viewer: Actor, what: str, subject: str) -> None:
    """Leave a trace of reading graded data."""
    audit.record(viewer, kind="read", action=what, outcome="done", subject=subject)
