"""The one log of facts: `publish` inside an action, `@on` to be told of it.

Facts carry ids, codes and hashes, never persons or free text, so that erasing a person never breaks the log.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NewType, TypeVar

from scoc.core.acting import Work, acting
from scoc.core.models import Delivery, FactRow
from scoc.core.now import city_now, wall_now
from scoc.kit.canonical import canonical_json, digest

Code = NewType("Code", str)
"""A short identifier such as `event/0506` or `sensing:12`: letters, digits and ``_.:/@+-``, at most 80."""
_CODE = re.compile(r"[\w.:/@+\-]{0,80}", re.ASCII)
_SUBJECT = re.compile(r"[a-z_]+:[\w.:/@+\-]{1,50}", re.ASCII)
_ALLOWED = {int, bool, datetime, Code}

F = TypeVar("F", bound="Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened to `subject` (`module:id`). Declare a fact as a frozen dataclass with `@fact(name)`."""

    subject: Code


@dataclass(frozen=True, slots=True)
class News:
    """What a handler is told beside the fact itself."""

    fact_id: int
    name: str
    happened_at: datetime
    recorded_at: datetime
    run_id: int
    organisation_id: int | None
    area_id: int | None
    post_id: int | None
    correlation: str


@dataclass(frozen=True, slots=True)
class FactType:
    """One kind of fact: its wire name, schema version, class, the permission that lets a viewer see it, and the types
    of its fields.
    """

    name: str
    schema: int
    cls: type[Fact]
    permission: str
    hints: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """A fact published in the open unit of work, in its final form; written when the unit ends."""

    kind: FactType
    subject: str
    body: str
    happened_at: datetime
    organisation_id: int | None
    area_id: int | None
    grade: int
    post_id: int | None
    correlation: str


FACTS: dict[str, FactType] = {}
_BY_CLASS: dict[type[Fact], FactType] = {}
HANDLERS: dict[str, dict[str, Callable[[Any, News], None]]] = {}
"""Handlers by fact name, then by handler name."""


def _plain(annotation: Any) -> bool:
    if annotation in _ALLOWED:
        return True
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType}:
        return all(part is type(None) or _plain(part) for part in typing.get_args(annotation))
    if origin is tuple:
        return all(part is Ellipsis or _plain(part) for part in typing.get_args(annotation))
    return False


def fact(name: str, *, permission: str, schema: int = 1) -> Callable[[type[F]], type[F]]:
    """Declare a fact: noun + past participle, e.g. `cases.dispatched`. Fields that could hold text are refused."""

    def make(cls: type[F]) -> type[F]:
        if name in FACTS:
            raise ValueError(f"Two facts are called {name}.")
        hints = typing.get_type_hints(cls)
        for field, annotation in hints.items():
            if not _plain(annotation):
                raise TypeError(
                    f"Fact {name}: field `{field}` may hold text or persons; use int, bool, datetime or Code."
                )
        FACTS[name] = _BY_CLASS[cls] = FactType(name, schema, cls, permission, hints)
        return cls

    return make


def on(cls: type[F]) -> Callable[[Callable[[F, News], None]], Callable[[F, News], None]]:
    """Handle every fact of a class. The handler runs in its own unit of work, at least once: make it idempotent.

    A handler's name is in the queue: a renamed one leaves its waiting deliveries to be parked.
    """

    def make(handler: Callable[[F, News], None]) -> Callable[[F, News], None]:
        key = f"{handler.__module__.removeprefix('scoc.')}.{handler.__name__}"
        handlers = HANDLERS.setdefault(_BY_CLASS[cls].name, {})
        if key in handlers:
            raise ValueError(f"Two handlers of {_BY_CLASS[cls].name} are called {key}.")
        handlers[key] = handler
        return handler

    return make


def body_of(fact_: Fact) -> str:
    """The fact's fields as canonical JSON. Raises ValueError for a code that could be text."""
    values: dict[str, Any] = {}
    for name in (field.name for field in dataclasses.fields(fact_)):
        value = getattr(fact_, name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, str) and not _CODE.fullmatch(part):
                raise ValueError(f"Fact field `{name}` is not a code: {len(part)} characters, or spaces in it.")
        values[name] = list(value) if isinstance(value, tuple) else value
    return canonical_json(values).decode()


def fact_from(name: str, body: dict[str, Any]) -> Fact:
    """The fact that a stored body tells of."""
    cls = FACTS[name].cls
    hints = FACTS[name].hints  # finding them anew would cost more than all else that a delivery needs
    values: dict[str, Any] = {}
    for field, value in body.items():
        hint = hints.get(field)
        if isinstance(value, str) and (hint is datetime or datetime in typing.get_args(hint)):
            value = datetime.fromisoformat(value).astimezone(UTC)
        values[field] = tuple(value) if isinstance(value, list) else value
    return cls(**values)


def publish(
    fact_: Fact,
    *,
    happened_at: datetime | None = None,
    organisation_id: int | None = None,
    area_id: int | None = None,
    grade: int = 2,
) -> None:
    """Tell the city what happened; written with the open transaction, or not at all.

    Raises ValueError for a subject that is not `module:id`, a field that could hold text, a time without a zone.
    """
    work = acting()
    if not _SUBJECT.fullmatch(fact_.subject):
        raise ValueError(f"The subject of a fact is `module:id`, at most 60 characters: {fact_.subject[:80]!r}.")
    moment = happened_at or city_now()
    if moment.utcoffset() is None:
        raise ValueError("The time of a fact must know its zone.")
    kind = _BY_CLASS[type(fact_)]
    work.facts.append(
        Pending(
            kind, fact_.subject, body_of(fact_), moment, organisation_id, area_id, grade, work.actor.post_id,
            work.correlation,
        )
    )  # fmt: skip


def pending(name: str, subject: str) -> bool:
    """Whether the open unit of work has already published such a fact."""
    return any(fact_.kind.name == name and fact_.subject == subject for fact_ in acting().facts)


def flush(work: Work) -> None:
    """Write the unit's facts and one delivery for each of their handlers."""
    if not work.facts:
        return
    recorded = wall_now()
    rows = [
        FactRow(
            name=told.kind.name, schema=told.kind.schema, subject=told.subject, body=told.body,
            digest=digest(told.body), happened_at=told.happened_at, recorded_at=recorded, run_id=work.run_id,
            organisation_id=told.organisation_id, area_id=told.area_id, grade=told.grade, post_id=told.post_id,
            correlation=told.correlation,
        )
        for told in work.facts
    ]  # fmt: skip
    FactRow.objects.bulk_create(rows)
    deliveries = [
        Delivery(handler=handler, fact=row, run_id=work.run_id, correlation=row.correlation, next_try_at=recorded)
        for row in rows
        for handler in HANDLERS.get(row.name, ())
    ]
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
    work.facts.clear()
    work.published = True


_listeners: list[Callable[[], None]] = []


def on_commit_hint(listener: Callable[[], None]) -> None:
    """Call `listener` in this process after each commit that published something: a wake-up, not a delivery.

    What was committed stays so: a listener must not raise.
    """
    _listeners.append(listener)


def announce(work: Work) -> None:
    """Wake this process's live streams."""
    if work.published:
        for listener in _listeners:
            listener()
