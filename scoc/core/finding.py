"""Search over everything (搜索): modules declare in `search.py` how their things are found; `search` asks those that
the viewer may see.

A finder looks by indexes only, inside the viewer's scope and run. Whatever is masked for the viewer is not found by
what the mask hides: a hit must show what was asked for. Persons are found by the keyed hash of a whole name, number or
identity card, and only by those who may see them in plain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from scoc.core import audit
from scoc.core.access import query
from scoc.core.acting import Viewer
from scoc.core.contacts import matching
from scoc.core.models import Contact
from scoc.core.refusals import NotAllowed, invalid
from scoc.core.text_index import TextIndex, beginning, words_of
from scoc.kit.text import Text

M = TypeVar("M", bound=Model)
MOST_PERSONS = 50
"""Contacts of one name that are looked up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: the query as it was written, its words, contacts that it names, and how many hits at most."""

    text: str
    words: tuple[str, ...]
    limit: int
    contacts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found, as the viewer may see it."""

    subject: str
    title: Text
    note: Text
    """What else tells it apart: number, key, place."""
    path: str | None = None
    """Its address in the console, where its module has a screen of it."""
    state: str = ""
    state_name: Text | None = None
    person: bool = False
    """Found by its person, whom it does not show."""

    def shows(self, words: tuple[str, ...]) -> bool:
        """Whether the viewer sees every word of the query in it."""
        seen = "\n".join((self.title.zh, self.title.en, self.note.zh, self.note.en)).lower()
        return self.person or all(word in seen for word in words)


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one kind; `more` when there are further ones."""

    kind: str
    name: Text
    hits: list[Hit]
    more: bool


Find = Callable[[Viewer, Asked], list[Hit]]


@dataclass(frozen=True, slots=True)
class Finder:
    """How one kind of thing is found."""

    kind: str
    name: Text
    permission: str
    find: Find


FINDERS: dict[str, Finder] = {}


def finder(kind: str, zh: str, en: str, *, permission: str) -> Callable[[Find], Find]:
    """Offer a kind of thing to the search; the function gives at most `limit + 1` hits, the best first.

    It is asked only with the permission, and applies the viewer's scope itself.
    """

    def make(find: Find) -> Find:
        if kind in FINDERS:
            raise ValueError(f"Two finders are called {kind}.")
        FINDERS[kind] = Finder(kind, Text(zh, en), permission, find)
        return find

    return make


def look_up(rows: QuerySet[M], asked: Asked, index: TextIndex, number: str = "", persons: Q | None = None) -> list[M]:
    """Up to `limit + 1` rows: those whose number begins with the query, then by person, then by text, newest first."""
    wanted = asked.limit + 1
    parts: list[QuerySet[M]] = []
    if number and len(asked.words) == 1:
        parts.append(beginning(rows, number, asked.text.upper()).order_by(number))
    if asked.contacts and persons is not None:
        parts.append(rows.filter(persons).order_by("-pk"))
    parts.append(rows.filter(index.containing(asked.text)).order_by("-pk"))
    found: dict[object, M] = {}
    for part in parts:
        if len(found) < wanted:
            found |= {row.pk: row for row in part[:wanted] if row.pk not in found}
    return list(found.values())[:wanted]


@query("core.find_person")
def find_person(viewer: Viewer, text: str) -> list[int]:
    """Ids of the contacts with exactly this name, telephone number or identity card; each find is in the audit.

    Raises NotAllowed unless the viewer may see persons of the whole city in plain.
    """
    found = viewer.may("core.find_person")
    if found is None or found.persons != "plain" or not found.city:
        raise NotAllowed("no_plain", Text("您的岗位不能按人员查询。", "Your post may not look for persons."))
    rows = Contact.objects.filter(matching(text), staff=False)
    ids = list(rows.order_by("-id").values_list("id", flat=True)[:MOST_PERSONS])
    for number in ids:
        audit.record(viewer, kind="read", action="core.find_person", outcome="done", subject=f"core:contact-{number}")
    return ids


def search(viewer: Viewer, text: str, *, kind: str | None = None, limit: int = 5) -> list[Found]:
    """What the viewer may see of what is looked for, by kind, at most `limit` of each; kinds without hits are left out.

    Needs no permission of its own: each kind asks for its own. Raises Invalid for a kind that there is not.
    """
    if kind is not None and kind not in FINDERS:
        raise invalid("kind", f"There is no kind `{kind}`.", f"Use one of: {', '.join(sorted(FINDERS))}.",
                      zh=f"没有类别“{kind}”。")  # fmt: skip
    words = words_of(text)
    if not words:
        return []
    grant = viewer.may("core.find_person")
    looks_for_persons = grant is not None and grant.persons == "plain" and grant.city and len(text.strip()) >= 2
    asked = Asked(text.strip(), words, limit, tuple(find_person(viewer, text)) if looks_for_persons else ())
    found = []
    for one in reversed(FINDERS.values()):  # what stands above comes first: cases before the directory
        if kind not in (None, one.kind) or viewer.may(one.permission) is None:
            continue
        hits = [hit for hit in one.find(viewer, asked) if hit.shows(words)]
        if hits:
            found.append(Found(one.kind, one.name, hits[:limit], len(hits) > limit))
    return found
