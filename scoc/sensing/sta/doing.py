"""What a request asks for, done: reads by `reading`, changes by actions (18-088 section 10), observations as rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonpatch
import msgspec
from django.conf import settings

from scoc.core.acting import Viewer
from scoc.core.now import current_run
from scoc.core.refusals import Invalid, Refusal, invalid
from scoc.kit.text import Text
from scoc.sensing import actions
from scoc.sensing.ingest.columns import Columns, Refused
from scoc.sensing.ingest.taking import Taken
from scoc.sensing.sta import arrays, observing
from scoc.sensing.sta.asking import Path, path_of
from scoc.sensing.sta.entities import SETS, EntitySet, Relation
from scoc.sensing.sta.reading import Reader, read
from scoc.sensing.sta.seeing import sight_of
from scoc.sensing.sta.shaping import Draft, drafted, reference

READS = ("GET", "HEAD")
WRITES = ("POST", "PUT", "PATCH", "DELETE")
JSON_PATCH = "application/json-patch+json"
MOST_BODY = 4_194_304
"""Largest body of a request, as much as a thousand entities need."""
MOST_OPERATIONS = 500
"""Operations of one JSON Patch."""
_REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
_MET = (
    "datamodel", "resource-path/resource-path-to-entities", "request-data", "create-update-delete",
    "batch-request/batch-request", "multi-datastream", "data-array/data-array",
)  # fmt: skip
_MET_BY_MQTT = ("create-observations-via-mqtt/observations-creation", "receive-updates-via-mqtt/receive-updates")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: by itself, or as a part of a batch."""

    method: str
    below: str
    """Its path below the service's root."""
    options: str = ""
    body: bytes = b""
    kind: str = "application/json"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations that are yet to be stored, and the answer once they are."""

    columns: Columns
    answer: Callable[[Taken], Done]
    received: Mapping[str, int]
    """How many came, by device key."""
    run_id: int
    refused: Sequence[Refused] = ()


class NoMethod(Refusal):
    """The address does not take this method."""

    status = 405

    def __init__(self, *allowed: str) -> None:
        super().__init__("method_not_allowed", Text(f"该地址只支持 {'、'.join(allowed)}。",
                                                    f"This address takes {', '.join(allowed)} alone."))  # fmt: skip
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks, and the address that links begin with."""

    viewer: Viewer
    root: str

    def reader(self) -> Reader:
        """The caller as a reader."""
        return Reader(sight_of(self.viewer), self.root)

    def link(self, entity: EntitySet, number: int) -> str:
        """The address of an entity."""
        return f"{self.root}/{entity.name}({number})"


def do(caller: Caller, asked: Asked) -> Done | Rows:
    """Do what a request asks for. Raises Refusal."""
    if asked.method in READS:
        return Done(
            200, read(caller.reader(), path_of(asked.below), asked.options) if asked.below else _landing(caller)
        )
    if not asked.below:
        raise NoMethod(*READS)
    if asked.below == "CreateObservations":
        return _arrays(caller, asked)
    path = path_of(asked.below)
    if path.inside:
        raise NoMethod(*READS)
    if path.reference:
        return _linked(caller, asked, path)
    if path.many:
        if asked.method != "POST":
            raise NoMethod(*READS, "POST")
        return _made(caller, path, content_of(asked.body))
    if asked.method == "POST":
        raise NoMethod(*READS, "PUT", "PATCH", "DELETE")
    return _changed(caller, asked, path)


def stored(viewer: Viewer, done: Done | Rows) -> Done:
    """A request that is done; observations that wait are stored now, in the open transaction or one of their own."""
    return (
        done if isinstance(done, Done)
        else done.answer(actions.create_observations(viewer, done.received, done.columns, done.refused))
    )  # fmt: skip


def _landing(caller: Caller) -> dict[str, Any]:
    """What there is, and which requirements of 18-088 are met."""
    sight_of(caller.viewer)
    served: dict[str, Any] = {"conformance": [f"{_REQUIREMENTS}{name}" for name in _MET]}
    doors = settings.ENVIRONMENT.mqtt_addresses
    if doors:
        by_mqtt = [f"{_REQUIREMENTS}{name}" for name in _MET_BY_MQTT]
        served["conformance"] += by_mqtt
        served |= {name: {"endpoints": doors} for name in by_mqtt}
    return {
        "value": [{"name": name, "url": f"{caller.root}/{name}"} for name in SETS],
        "serverSettings": served,
    }


def content_of(body: bytes) -> Any:
    """A body as JSON, strictly: what a database cannot keep is refused here. Raises Invalid."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise invalid("body", "It is no JSON.", "Send one JSON object.", zh="请求体不是 JSON。") from error
    if b"\\u0000" in body and _holds_null(content):
        raise invalid("body", "A text holds the character U+0000.", "Leave it out.", zh="文本中含有 U+0000 字符。")
    return content


def _holds_null(content: Any) -> bool:
    found = [content]
    while found:
        one = found.pop()
        if isinstance(one, str) and "\x00" in one:
            return True
        found += [*one, *one.values()] if isinstance(one, dict) else one if isinstance(one, list) else []
    return False


def _made(caller: Caller, path: Path, body: Any) -> Done | Rows:
    entity = path.last.entity
    given = _given(caller, path)
    if entity.name == "Observations" and isinstance(body, dict):
        return _observed(caller, entity, body, given)
    return _told(caller, entity, actions.create_entity(caller.viewer, entity.name, body, given))


def _observed(caller: Caller, entity: EntitySet, body: dict[str, Any], given: dict[str, int]) -> Done | Rows:
    """One observation. Raises Refusal; Unfit where it came and is rejected."""
    owner = {**observing.owner_said(body), **given}
    try:
        draft: Draft | Invalid = drafted(entity, body, given=frozenset(given))
    except Invalid as refusal:
        draft = refusal
    if isinstance(draft, Draft):
        draft.one |= given
        if any(isinstance(one, Draft) for one in draft.one.values()):
            try:
                return _told(caller, entity, actions.create_entity(caller.viewer, entity.name, body, given))
            except Invalid as refusal:
                draft = refusal
    found = observing.one_of(caller.viewer, owner, draft)
    return Rows(
        found.columns, lambda taken: _told(caller, entity, int(taken.ids[0])), found.received, current_run(),
        found.refused,
    )  # fmt: skip


def _told(caller: Caller, entity: EntitySet, number: int) -> Done:
    """How an entity is told of that was just made."""
    link = caller.link(entity, number)
    return Done(201, {"@iot.id": number, "@iot.selfLink": link}, {"Location": link})


def _given(caller: Caller, path: Path) -> dict[str, int]:
    """What the way to a collection says of an entity that is made in it: the relation back, and to which."""
    relation = path.last.relation
    return {} if relation is None else {relation.back: _number(caller, Path(path.steps[:-1]))}


def _number(caller: Caller, path: Path) -> int:
    """The id of the one entity that a path leads to. Raises NotFound on the way; its end is looked at by who writes."""
    if len(path.steps) == 1 and path.last.id is not None:
        return path.last.id
    return int(read(caller.reader(), path, "$select=id")["@iot.id"])


def _changed(caller: Caller, asked: Asked, path: Path) -> Done:
    entity, number = path.last.entity, _number(caller, path)
    if asked.method == "DELETE":
        actions.remove_entity(caller.viewer, entity.name, number)
        return Done(200)
    body = content_of(asked.body)
    whole = asked.method == "PUT"
    if asked.method == "PATCH" and asked.kind == JSON_PATCH:
        body, whole = _patched(caller, entity, number, body), True
    actions.change_entity(caller.viewer, entity.name, number, body, whole=whole)
    return Done(200, {"@iot.id": number, "@iot.selfLink": caller.link(entity, number)})


def _patched(caller: Caller, entity: EntitySet, number: int, operations: Any) -> Any:
    """An entity's properties after the operations of a JSON Patch (RFC 6902). Raises Invalid."""
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise invalid(
            "body", "A JSON Patch is a list of operations.", "See RFC 6902.", zh="JSON Patch 须为操作的列表。"
        )
    path = path_of(f"{entity.name}({number})")
    now = msgspec.json.decode(
        msgspec.json.encode(read(caller.reader(), path, f"$select={','.join(entity.properties)}"))
    )
    if len(operations) > MOST_OPERATIONS:
        raise invalid("body", f"There are more than {MOST_OPERATIONS} operations.", "Send them in several requests.",
                      zh=f"操作超过 {MOST_OPERATIONS} 个。")  # fmt: skip
    try:
        for one in operations:
            now = jsonpatch.apply_patch(now, [one])
            if one.get("op") == "copy" and len(json.dumps(now)) > MOST_BODY:  # each copy may double it
                raise invalid("body", "Its copies make the entity too large.", "Copy less.", zh="复制后实体过大。")
        return now
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, AttributeError) as error:
        raise invalid("body", f"It is no JSON Patch that fits: {str(error)[:200]}.", "See RFC 6902.",
                      zh="不是适用的 JSON Patch。") from error  # fmt: skip


def _linked(caller: Caller, asked: Asked, path: Path) -> Done:
    """Links alone: `…/$ref` ties two entities that are there, or takes the tie away."""
    relation, step = path.last.relation, path.last
    if relation is None:
        raise NoMethod(*READS)
    source = path.steps[-2].entity
    number = _number(caller, Path(path.steps[:-1]))
    if asked.method == "DELETE" and relation.many and step.id is not None:
        actions.unlink_entity(caller.viewer, source.name, number, relation.name, step.id)
    elif asked.method == ("POST" if relation.many else "PUT") and step.id is None:
        other = {"@iot.id": _referred(content_of(asked.body), relation)}
        body = {relation.name: [other] if relation.many else other}
        actions.change_entity(caller.viewer, source.name, number, body)
    else:
        raise NoMethod(*READS, "DELETE" if step.id is not None else "POST" if relation.many else "PUT")
    return Done(200)


def _referred(body: Any, relation: Relation) -> int:
    if isinstance(body, dict) and isinstance(link := body.get("@iot.selfLink", body.get("@odata.id")), str):
        last = path_of(link.rsplit("/", 1)[-1]).last
        if last.entity.name == relation.target and last.id is not None:
            return last.id
    return reference(body.get("@iot.id") if isinstance(body, dict) else None, "@iot.id")


def _arrays(caller: Caller, asked: Asked) -> Done | Rows:
    """Observations as arrays of values (18-088 section 12.2): each is answered by its address or by what is wrong."""
    if asked.method != "POST":
        raise NoMethod("POST")
    found = arrays.read_arrays(caller.viewer, content_of(asked.body))

    def answer(taken: Taken) -> Done:
        ids = iter(taken.ids.tolist())
        links = [
            caller.link(SETS["Observations"], next(ids)) if fault is None
            else f"error: {fault.errors[0].field}: {fault.message.en}"
            for fault in found.faults
        ]  # fmt: skip
        return Done(201, links)

    return Rows(found.columns, answer, found.received, current_run(), found.refused)


def as_bad_request(refusal: Refusal) -> Refusal:
    """18-088 section 9.1: what cannot be understood is a bad request."""
    if isinstance(refusal, Invalid):
        refusal.status = 400
    return refusal


def encoded(done: Done) -> bytes:
    """The body of an answer."""
    if done.content is None or isinstance(done.content, bytes):
        return done.content or b""
    return msgspec.json.encode(done.content)
