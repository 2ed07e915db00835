"""Requests that write: what a method at a path means, in actions (18-088 section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoc.core.acting import Actor
from scoc.core.refusals import Invalid, Refusal, invalid
from scoc.kit.text import Text
from scoc.sensing import actions
from scoc.sensing.ingest.bodies import decoded
from scoc.sensing.sta.asking import Path
from scoc.sensing.sta.entities import EntitySet
from scoc.sensing.sta.reading import Reader, read

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)


class NoMethod(Refusal):
    """The address does not take this method."""

    status = 405

    def __init__(self, *allowed: str) -> None:
        super().__init__("method_not_allowed", Text(f"该地址只支持 {'、'.join(allowed)}。",
                                                    f"This address takes {', '.join(allowed)} alone."))  # fmt: skip
        self.allowed = allowed


def content_of(body: bytes) -> Any:
    """A body as JSON. Raises Invalid."""
    try:
        return decoded(body)
    except ValueError as error:
        raise invalid("body", "It is no JSON.", "Send one JSON object.", zh="请求体不是 JSON。") from error


def do(actor: Actor, reader: Reader, method: str, path: Path, body: bytes) -> Done:
    """Do what a request asks for. Raises Refusal."""
    if path.inside or path.reference:
        raise NoMethod("GET", "HEAD")
    if path.many:
        if method != "POST":
            raise NoMethod("GET", "HEAD", "POST")
        return _made(actor, reader, path, content_of(body))
    if method == "POST":
        raise NoMethod("GET", "HEAD", "PUT", "PATCH", "DELETE")
    entity, number = path.last.entity, number_of(reader, path)
    if method == "DELETE":
        actions.remove_entity(actor, entity.name, number)
        return Done(200, None)
    actions.change_entity(actor, entity.name, number, content_of(body), whole=method == "PUT")
    return Done(200, references(reader, entity, number))


def _made(actor: Actor, reader: Reader, path: Path, body: Any) -> Done:
    entity = path.last.entity
    number = actions.create_entity(actor, entity.name, body, given_by(reader, path))
    told = references(reader, entity, number)
    return Done(201, told, {"Location": told["@iot.selfLink"]})


def given_by(reader: Reader, path: Path) -> dict[str, int]:
    """What the way to a collection says of an entity that is made in it: the relation back, and to which."""
    relation = path.last.relation
    return {} if relation is None else {relation.back: number_of(reader, Path(path.steps[:-1]))}


def number_of(reader: Reader, path: Path) -> int:
    """The id of the one entity that a path leads to. Raises NotFound."""
    return int(read(reader, path, "$select=id")["@iot.id"])


def references(reader: Reader, entity: EntitySet, number: int) -> dict[str, Any]:
    """How an entity is told of that was just written."""
    return {"@iot.id": number, "@iot.selfLink": f"{reader.root}/{entity.name}({number})"}


def as_bad_request(refusal: Refusal) -> Refusal:
    """18-088 section 9.1: what cannot be understood is a bad request."""
    if isinstance(refusal, Invalid):
        refusal.status = 400
    return refusal


def encoded(done: Done) -> bytes:
    """The body of an answer."""
    return b"" if done.content is None else msgspec.json.encode(done.content)
