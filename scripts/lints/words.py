"""Checks of single lines: what asks for the time, what waits, what excuses itself, what names a machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.lints.house import Finding, House, check, is_test

_CLOCKS = {Path("scoc/core/now.py"), Path("scoc/kit/identifiers.py")}
"""The two clocks, and the ids that grow with the machine's (docs/decisions/0003-ids-and-clocks.md)."""
_MOMENT = Path("scoc/core/schemas.py")
_ENVIRONMENT = Path("scoc/core/environment.py")
_ENTRANCES = {Path("scoc/__main__.py"), Path("scoc/site/asgi.py"), _ENVIRONMENT}
_TELLS_TIME = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.localtime",
    "time.gmtime", "time.ctime", "timezone.now", "timezone.localtime", "timezone.localdate", "functions.Now",
}  # fmt: skip
_TELLS_TIME_BARE = {("time", "time"), ("time", "time_ns"), ("django.db.models.functions", "Now"),
                    ("django.utils.timezone", "now"), ("django.utils.timezone", "localdate")}  # fmt: skip
_SQL_TIME = re.compile(r"\b(current_timestamp|current_date|clock_timestamp\s*\(|now\s*\(\s*\)|datetime\('now')", re.I)
_IS_SQL = re.compile(r"\b(select|insert|update|delete|create|where|values)\b", re.I)
_EXCUSE = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no)\b(?!.*#\s*\w.*\w)", re.I)
_LATER = re.compile(r"(#|//|<!--|/\*)\s*(TODO|FIXME|XXX|HACK)\b")
_DOT = r"\."
_MACHINE = re.compile(
    r"(?<![\w.$}])/(root|work|home/\w+|Users/\w+|tmp/(wt|brief))/"
    + "|" + _DOT.join((r"\bpypi", "org")) + "|" + _DOT.join((r"\bpythonhosted", "org"))
    + "|" + _DOT.join((r"\bnpmjs", "(org|com)")) + "|" + _DOT.join((r"\bdebian", "org/debian"))
    + r"|https?://(localhost|127\.0\.0\.1|[\w.-]+)(:\d+)?/(simple|artifactory|nexus|repository)/",
)  # fmt: skip
_BINARY = {".png", ".jpg", ".woff2", ".ico", ".gz", ".zip", ".xlsx", ".parquet", ".pdf"}


def _name(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = _name(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def _place(path: Path, node: ast.AST) -> str:
    return f"{path}:{getattr(node, 'lineno', 1)}"


def _docstrings(tree: ast.AST) -> set[int]:
    """Ids of the constants that stand as statements: docstrings of modules, classes, functions and attributes."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _sql_asks(value: object) -> bool:
    return isinstance(value, str) and bool(_SQL_TIME.search(value) and _IS_SQL.search(value))


@check("one-clock")
def one_clock(house: House) -> Iterator[Finding]:
    """Nothing outside core.now asks for the time: not Python, not the ORM, not SQL."""
    remedy = "Call `city_now()` for what happens in the city, `wall_now()` for security, queues and `recorded_at`."
    for path in house.python("scoc"):
        if path in _CLOCKS:
            continue
        tree = house.tree(path)
        texts = _docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ".".join(_name(node).split(".")[-2:]) in _TELLS_TIME:
                yield Finding(_place(path, node), f"`{_name(node)}` asks for the time.", remedy)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (node.module, alias.name) in _TELLS_TIME_BARE:
                        yield Finding(_place(path, node), f"`{node.module}.{alias.name}` asks for the time.", remedy)
            elif isinstance(node, ast.keyword) and node.arg in {"auto_now", "auto_now_add", "db_default"}:
                if node.arg != "db_default" or "Now" in ast.dump(node.value):
                    yield Finding(_place(path, node.value), f"`{node.arg}` lets the ORM ask for the time.", remedy)
            elif isinstance(node, ast.Constant) and id(node) not in texts and _sql_asks(node.value):
                yield Finding(_place(path, node), "SQL asks for the time.", f"Pass it as a parameter. {remedy}")


def _is_proof(node: ast.AST) -> bool:
    return "proof" in ast.unparse(node) if isinstance(node, ast.expr) else False


@check("one-moment")
def one_moment(house: House) -> Iterator[Finding]:
    """Times from outside have one type: every offset that RFC 3339 allows, as UTC, within bounds."""
    for path in house.python("scoc"):
        if path == _MOMENT:
            continue
        for node in ast.walk(house.tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            taken = {"AwareDatetime", "NaiveDatetime", "PastDatetime", "FutureDatetime"}.intersection(names)
            if taken:
                yield Finding(_place(path, node), f"`{min(taken)}` is a second type for a time from outside.",
                              "Take `Moment` of scoc.core.schemas.")  # fmt: skip


@check("tests-do-not-wait")
def tests_do_not_wait(house: House) -> Iterator[Finding]:
    """Tests neither sleep nor measure time; proofs (kill loops, soak) may."""
    waits = {"time.sleep", "asyncio.sleep", "time.perf_counter", "time.monotonic", "time.time"}
    for path in house.python("scoc", "tests"):
        if not is_test(path):
            continue
        tree = house.tree(path)
        marks = [n.value for n in tree.body if isinstance(n, ast.Assign) and _name(n.targets[0]) == "pytestmark"]
        if any(_is_proof(mark) for mark in marks) or "proof" in path.parts:
            continue
        proofs = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(map(_is_proof, node.decorator_list))
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or id(node) in proofs:
                continue
            name = _name(node.func)
            # a fixture may give a real process a deadline to come up
            measured = path.name == "conftest.py" and name == "time.monotonic"
            if (name in waits and not measured) or name.endswith(".wait_for_timeout"):
                yield Finding(
                    _place(path, node), f"the test waits by `{name}`.",
                    "Set the clock with `city_time`/`wall_time`, deliver with `deliver_all()`, wait for a condition "
                    "with the browser's `expect`; or mark it `proof`.",
                )  # fmt: skip


@check("no-doubles")
def no_doubles(house: House) -> Iterator[Finding]:
    """Our own code is never replaced by a double in tests."""
    for path in house.python("scoc", "tests"):
        for node in ast.walk(house.tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            if any(name.startswith(("unittest.mock", "mock.", "pytest_mock")) for name in names):
                yield Finding(_place(path, node), "brings doubles of our own code.",
                              "Call the real action on the real database; fixtures set time and chance.")  # fmt: skip


@check("no-upward-names")
def no_upward_names(house: House) -> Iterator[Finding]:
    """No model is fetched by its name: that would reach upward without an import."""
    for path in house.python("scoc"):
        for node in ast.walk(house.tree(path)):
            called = _name(node.func).rsplit(".", 1)[-1] if isinstance(node, ast.Call) else ""
            if called in {"get_model", "GenericForeignKey", "get_for_model", "import_string"}:
                yield Finding(
                    _place(path, node), f"`{called}` reaches a model without an import.",
                    "Import the module's query, or publish a fact and let the upper module act.",
                )  # fmt: skip


@check("excuses-have-reasons")
def excuses_have_reasons(house: House) -> Iterator[Finding]:
    """An ignore says on its line why."""
    for path in house.python("scoc", "scripts", "tests", "benchmarks", "conftest.py"):
        for number, line in enumerate(house.text(path).splitlines(), 1):
            if _EXCUSE.search(line):
                yield Finding(f"{path}:{number}", "an ignore without a reason.", "Mend it, or say why behind a `#`.")


@check("nothing-for-later")
def nothing_for_later(house: House) -> Iterator[Finding]:
    """No notes for later in the code: what is not built is an issue."""
    for path in house.files:
        if path.suffix not in {".py", ".ts", ".vue", ".toml", ".sh", ".css"} and path.parts[0] != "scripts":
            continue
        for number, line in enumerate(house.text(path).splitlines(), 1):
            if _LATER.search(line):
                yield Finding(
                    f"{path}:{number}", "a note for later.", "Build it now, or file an issue and take it out."
                )


@check("no-machines")
def no_machines(house: House) -> Iterator[Finding]:
    """No tracked file names a machine's folders or a registry's address."""
    for path in house.files:
        if path.suffix in _BINARY:
            continue
        for number, line in enumerate(house.text(path).splitlines(), 1):
            found = _MACHINE.search(line)
            if found:
                yield Finding(
                    f"{path}:{number}", f"names a machine's folder or a registry ({found[0]}).",
                    "Use paths relative to the repository, and packages by name with whatever client is configured.",
                )  # fmt: skip


@check("settings-documented")
def settings_documented(house: House) -> Iterator[Finding]:
    """Each `SCOC_` setting is read in one place and documented; no documented one is unknown."""
    guide = Path("docs/guide/operations.md")
    known: set[str] = set()
    for node in ast.walk(house.tree(_ENVIRONMENT)):
        if isinstance(node, ast.ClassDef) and node.name == "Environment":
            fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
            known = {f"SCOC_{field.upper()}" for field in fields}
    documented = set(re.findall(r"`(SCOC_[A-Z_]+)", house.text(guide)))
    for name in sorted(known - documented):
        yield Finding(str(guide), f"does not tell of {name}.", "Add its row: name, default, what it is.")
    for name in sorted(documented - known):
        yield Finding(str(guide), f"tells of {name}, which SCOC refuses as unknown.", "Take it out, or read it.")
    for path in house.python("scoc"):
        if path in _ENTRANCES or is_test(path):
            continue
        for node in ast.walk(house.tree(path)):
            if isinstance(node, ast.Attribute) and _name(node) in {"os.environ", "os.getenv"}:
                yield Finding(_place(path, node), "reads the environment.",
                              "Add a field to core.environment.Environment and document it.")  # fmt: skip
