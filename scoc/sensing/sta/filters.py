"""The text of `$filter` and `$orderby` as a tree: odata-query's parser with the words that SensorThings adds.

What the parser's grammar lacks is put into words that it has, outside of quoted texts: `@iot.id` is `id`, `not(` is
`not (`, and an interval `a/b` is the call `interval(a,b)`.
"""

from __future__ import annotations

import re
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from scoc.core.refusals import Invalid, invalid

MOST_CHARACTERS = 8000
MOST_DEPTH = 60
_TIME = r"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)"
_QUOTED = re.compile(r"('(?:[^']|'')*')")
_INTERVAL = re.compile(rf"({_TIME})\s*/\s*({_TIME})")
_ID = re.compile(r"@iot\.id\b")
_NOT = re.compile(r"\bnot\(", re.IGNORECASE)

FUNCTIONS: dict[str, tuple[int, int]] = {
    "substringof": (2, 2), "contains": (2, 2), "endswith": (2, 2), "startswith": (2, 2), "length": (1, 1),
    "indexof": (2, 2), "substring": (2, 3), "tolower": (1, 1), "toupper": (1, 1), "trim": (1, 1), "concat": (2, 2),
    "year": (1, 1), "month": (1, 1), "day": (1, 1), "hour": (1, 1), "minute": (1, 1), "second": (1, 1),
    "fractionalseconds": (1, 1), "date": (1, 1), "time": (1, 1), "totaloffsetminutes": (1, 1), "now": (0, 0),
    "mindatetime": (0, 0), "maxdatetime": (0, 0), "interval": (2, 2),
    "before": (2, 2), "after": (2, 2), "meets": (2, 2), "during": (2, 2), "overlaps": (2, 2), "starts": (2, 2),
    "finishes": (2, 2),
    "round": (1, 1), "floor": (1, 1), "ceiling": (1, 1),
    "geo.distance": (2, 2), "geo.length": (1, 1), "geo.intersects": (2, 2),
    "st_equals": (2, 2), "st_disjoint": (2, 2), "st_touches": (2, 2), "st_within": (2, 2), "st_overlaps": (2, 2),
    "st_crosses": (2, 2), "st_intersects": (2, 2), "st_contains": (2, 2), "st_relate": (3, 3),
}  # fmt: skip
"""The functions of 18-088 section 9.3.3.5.2 with the least and the greatest number of their arguments."""


def _call(name: ast.Identifier, arguments: list[Any]) -> ast.Call:
    """A call, if there is such a function and it takes so many arguments. Raises Invalid."""
    full = ".".join([*name.namespace, name.name]).lower()
    if full not in FUNCTIONS:
        raise _wrong(
            f"there is no function {full[:40]}", f"没有函数 {full[:40]}", "Use a function of SensorThings 1.1."
        )
    least, most = FUNCTIONS[full]
    if not least <= len(arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise _wrong(f"{full} takes {wanted} arguments", f"{full} 需要 {wanted} 个参数", "Correct the call.")
    return ast.Call(ast.Identifier(full), arguments)


def _wrong(message: str, zh: str, remedy: str) -> Invalid:
    return invalid("$filter", f"In the expression {message}.", remedy, zh=f"表达式有误：{zh}。")


def _prepared(text: str) -> str:
    parts = _QUOTED.split(text)
    for n in range(0, len(parts), 2):
        plain = _INTERVAL.sub(r"interval(\1,\2)", _ID.sub("id", parts[n]))
        parts[n] = _NOT.sub("not (", plain)
    return "".join(parts)


def parsed(text: str) -> Any:
    """The tree of an expression. Raises Invalid that says where it went wrong."""
    if len(text) > MOST_CHARACTERS:
        raise _wrong(
            f"there are more than {MOST_CHARACTERS} characters", f"超过 {MOST_CHARACTERS} 个字符", "Shorten it."
        )
    nested = deepest = 0
    for mark in _QUOTED.sub("", text):
        nested += (mark == "(") - (mark == ")")
        deepest = max(deepest, nested)
    if deepest > MOST_DEPTH:
        raise _wrong("brackets are nested too deeply", "括号嵌套过深", "Write it flatter.")
    parser: Any = ODataParser()
    parser._function_call = _call  # its own knows OData's functions alone
    try:
        tree = parser.parse(ODataLexer().tokenize(_prepared(text.strip())))
    except Invalid:
        raise
    except (ODataException, ValueError, AttributeError, TypeError) as error:
        told = str(error).split("\n", 1)[0][:160]
        raise _wrong(
            f"something is not understood: {told}", f"无法理解：{told}", "See 18-088 section 9.3.3.5."
        ) from error
    if tree is None:
        raise _wrong("there is nothing", "内容为空", "Write an expression, or leave the option out.")
    return tree


def path_of(node: Any) -> list[str] | None:
    """The names of a path such as `Datastream/Thing/name`; None where the node is no path."""
    if isinstance(node, ast.Identifier):
        return [*node.namespace, node.name] if not node.namespace else None
    if isinstance(node, ast.Attribute):
        above = path_of(node.owner)
        return None if above is None else [*above, node.attr]
    return None
