"""What a request asks for: its resource path and its query options, read and bounded before any SQL is made."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus

from scoc.core.refusals import Invalid, NotFound, invalid
from scoc.kit.text import Text
from scoc.sensing.sta import filters
from scoc.sensing.sta.entities import SETS, EntitySet, Relation, target_of

DEFAULT_TOP = 100
MOST_TOP = 10_000
MOST_SKIP = 1_000_000
MOST_LEVELS = 5
MOST_EXPANDED = 20
MOST_ADDRESS = 16_000
MOST_ID = 2**63 - 1
_SEGMENT = re.compile(r"(\$?[A-Za-z_][\w.@-]*)(?:\((.*)\))?")
_LOST_PLUS = re.compile(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)")


@dataclass(slots=True)
class Query:
    """The options of one level."""

    filter: Any = None
    orderby: list[tuple[Any, bool]] = field(default_factory=list)
    """Trees, and whether the greatest comes first."""
    top: int = DEFAULT_TOP
    skip: int = 0
    count: bool = False
    select: list[str] | None = None
    expand: dict[str, Query] = field(default_factory=dict)
    after: list[Any] | None = None
    """Where the page before ended, by the columns of its order."""
    arrays: bool = False
    """Whether observations are told as data arrays (18-088 section 12.2)."""
    written: list[tuple[str, str]] = field(default_factory=list)
    """The options as they came."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entity on the way, or at its end a whole collection."""

    entity: EntitySet
    relation: Relation | None
    """How it is reached from the step before; None for the first."""
    id: int | None
    """Which one, where the path names it."""


@dataclass(frozen=True, slots=True)
class Path:
    """A resource path: through entities to one entity, a collection, or a property."""

    steps: tuple[Step, ...]
    inside: tuple[str, ...] = ()
    """A property of the last entity, and keys inside of it."""
    raw: bool = False
    """`$value`: the property alone."""
    reference: bool = False
    """`$ref`: links alone."""

    @property
    def last(self) -> Step:
        """What is asked for."""
        return self.steps[-1]

    @property
    def many(self) -> bool:
        """Whether it is a collection."""
        step = self.last
        return step.id is None and (step.relation is None or step.relation.many)


def _nothing(text: str) -> NotFound:
    return NotFound("no_such_path", Text(f"没有资源 {text[:80]}。", f"There is no resource at {text[:80]}."))


def _id(text: str | None, whole: str) -> int | None:
    if text is None:
        return None
    plain = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    if not re.fullmatch(r"\d{1,19}", plain) or int(plain) > MOST_ID:
        raise _nothing(whole)
    return int(plain)


def path_of(text: str) -> Path:
    """A resource path below the service's root. Raises NotFound for what leads nowhere."""
    if len(text) > MOST_ADDRESS:
        raise _nothing(text)
    segments = [unquote(part) for part in text.strip("/").split("/")]
    steps: list[Step] = []
    inside: list[str] = []
    raw = reference = False
    for n, segment in enumerate(segments):
        match = _SEGMENT.fullmatch(segment)
        if match is None or raw or reference or n > 12:
            raise _nothing(text)
        name, number = match[1], _id(match[2], text)
        last = steps[-1] if steps else None
        open_end = last is not None and not inside and (last.id is not None or _single(last))
        if name == "$ref" and number is None and last is not None and not inside:
            reference = True
        elif name == "$value" and number is None and inside:
            raw = True
        elif last is None and name in SETS:
            steps.append(Step(SETS[name], None, number))
        elif open_end and last is not None and name in last.entity.relations:
            relation = last.entity.relations[name]
            if number is not None and not relation.many:
                raise _nothing(text)
            steps.append(Step(target_of(relation), relation, number))
        elif number is None and last is not None and (inside or (open_end and name in last.entity.properties)):
            inside.append(name)
        else:
            raise _nothing(text)
    if not steps:
        raise _nothing(text)
    return Path(tuple(steps), tuple(inside), raw, reference)


def _single(step: Step) -> bool:
    return step.relation is not None and not step.relation.many


def _split(text: str, mark: str) -> Iterator[str]:
    """Parts between marks that stand in no brackets and no quotes."""
    depth, start, quoted = 0, 0, False
    for n, one in enumerate(text):
        if one == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif one == "(":
            depth += 1
        elif one == ")":
            depth -= 1
        elif one == mark and depth == 0:
            yield text[start:n]
            start = n + 1
    yield text[start:]


def _wrong(option: str, message: str, remedy: str, zh: str) -> Invalid:
    return invalid(option, message, remedy, zh=zh)


def _number(option: str, text: str, most: int) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise _wrong(option, f"{option} is no whole number from 0.", "Give digits only.", f"{option} 不是非负整数。")
    return min(int(text), most)


def _yes(option: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise _wrong(option, f"{option} is true or false.", "Give one of the two.", f"{option} 只能是 true 或 false。")
    return text.lower() == "true"


def _ordered(text: str) -> list[tuple[Any, bool]]:
    found = []
    for part in _split(text, ","):
        expression, _, direction = part.strip().rpartition(" ")
        if direction.lower() not in ("asc", "desc") or not expression:
            expression, direction = part.strip(), "asc"
        found.append((filters.parsed(expression), direction.lower() == "desc"))
    if len(found) > 8:
        raise _wrong("$orderby", "There are more than 8 of them.", "Order by fewer.", "排序项超过 8 个。")
    return found


def _selected(text: str, entity: EntitySet) -> list[str]:
    names = [name.strip().removeprefix("@iot.") for name in text.split(",") if name.strip()]
    for name in names:
        if name.split("/", 1)[0] not in {"id", "selfLink", *entity.properties, *entity.relations}:
            raise _wrong("$select", f"{entity.single} has no `{name[:60]}`.",
                         f"Use some of {', '.join(['id', *entity.properties, *entity.relations])}.",
                         f"{entity.single} 没有 {name[:60]}。")  # fmt: skip
    return names


def _expanded(text: str, entity: EntitySet, level: int) -> dict[str, Query]:
    if level >= MOST_LEVELS:
        raise _wrong("$expand", f"It is nested more than {MOST_LEVELS} levels deep.", "Ask in several requests.",
                     f"展开超过 {MOST_LEVELS} 层。")  # fmt: skip
    found: dict[str, Query] = {}
    for part in _split(text, ","):
        head, bracket, rest = part.strip().partition("(")
        if bracket and not rest.endswith(")"):
            raise _wrong("$expand", "A bracket is not closed.", "Write Relation(option;option).", "括号未闭合。")
        names = head.strip().split("/")
        relation = entity.relations.get(names[0])
        if relation is None:
            raise _wrong("$expand", f"{entity.single} leads to no `{names[0][:60]}`.",
                         f"Use some of {', '.join(entity.relations)}.",
                         f"{entity.single} 没有关联 {names[0][:60]}。")  # fmt: skip
        target = target_of(relation)
        if len(names) > 1:
            inner = f"$expand={'/'.join(names[1:])}{bracket}{rest}"
            options = [("$expand", inner.partition("=")[2])]
        else:
            options = [_option(one) for one in _split(rest[:-1], ";") if one.strip()] if bracket else []
        made = _query(options, target, level + 1)
        if relation.name in found:  # A/B and A/C: both below the one A
            found[relation.name].expand |= made.expand
        else:
            found[relation.name] = made
    if len(found) > MOST_EXPANDED:
        raise _wrong("$expand", "There are too many of them.", "Expand fewer.", "展开项过多。")
    return found


def _option(text: str) -> tuple[str, str]:
    name, _, given = text.strip().partition("=")
    return name.strip(), given


def _query(options: list[tuple[str, str]], entity: EntitySet, level: int = 0) -> Query:
    made = Query(written=options)
    seen: set[str] = set()
    for name, text in options:
        if name in seen:
            raise _wrong(name, f"{name} stands twice.", "Give it once.", f"{name} 重复。")
        seen.add(name)
        _take(made, name, text, entity, level)
    return made


def _take(made: Query, name: str, text: str, entity: EntitySet, level: int) -> None:
    """One option."""
    match name:
        case "$filter":
            made.filter = filters.parsed(text)
        case "$orderby":
            made.orderby = _ordered(text)
        case "$top":
            made.top = _number(name, text, MOST_TOP)
        case "$skip":
            made.skip = _number(name, text, MOST_SKIP)
        case "$count":
            made.count = _yes(name, text)
        case "$select":
            made.select = _selected(text, entity)
        case "$expand":
            made.expand = _expanded(text, entity, level)
        case "$skiptoken" if level == 0:
            made.after = _after(text)
        case "$resultFormat" if level == 0:
            if text != "dataArray" or entity.name != "Observations":
                raise _wrong(name, "It is dataArray, of Observations.", "Leave it out.", "只能对观测值取 dataArray。")
            made.arrays = True
        case _:
            raise _wrong(name[:40] or "$", f"There is no option {name[:40]}.",
                         "Use $filter, $expand, $select, $orderby, $top, $skip, $count.",
                         f"没有选项 {name[:40]}。")  # fmt: skip


def query_of(text: str, entity: EntitySet) -> Query:
    """The options of a request. Raises Invalid that names the option."""
    if len(text) > MOST_ADDRESS:
        raise _wrong("$", "The address is too long.", "Use $batch.", "地址过长。")
    options = []
    for part in text.split("&"):
        if part:
            name, _, given = part.partition("=")
            decoded = unquote_plus(given)  # an offset's plus that a sender did not write as %2B came as a blank
            options.append((unquote(name), _LOST_PLUS.sub(r"\1+\2", decoded)))
    return _query(options, entity)


def token_of(values: list[Any]) -> str:
    """Where a page ended, to be given back as `$skiptoken`."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _after(text: str) -> list[Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(found, list) and len(found) <= 10 and all(_plain(one) for one in found):
            return found
    except (ValueError, RecursionError):
        pass
    raise _wrong("$skiptoken", "It is none that was given out.", "Follow @iot.nextLink as it stands.",
                 "不是系统给出的续页标记。")  # fmt: skip


def _plain(one: Any) -> bool:
    return one is None or isinstance(one, str | float) or (isinstance(one, int) and abs(one) < 2**63)
