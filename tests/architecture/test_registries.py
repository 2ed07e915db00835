"""Checks of the loaded registries: one module full of sins, and each of them is found in one look."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lints import registries, snapshots
from scripts.lints.house import CHECKS, NEEDS_DJANGO
from scripts.new_module import Refused, make_module
from tests.architecture.conftest import ROOT, Copy

_LOADED = (registries, snapshots)
FOLDER = "scoc/governance"
MODULE = "scoc.governance"

SINS = {
    "actions.py": '''"""Planted."""

from scoc.core.acting import Actor
from scoc.core.actions import action


@action("governance.forget_type")
def forget_type(actor: Actor, what):
    """Forget the type of a parameter and of the result."""


@action("governance.forget_actor")
def forget_actor(person: Actor, what: int) -> None:
    """Call the actor by another name."""


@action("governance.say_nothing")
def say_nothing(actor: Actor) -> None: ...


@action("Strange Name")
def strange_name(actor: Actor) -> None:
    """Bear a name that no pack can grant."""


@action("cases.pretend")
def pretend(actor: Actor) -> None:
    """Bear another module's name."""


def back_door(actor: Actor, case: int) -> None:
    """Change something without being an action."""


def in_parts(actor: Actor) -> None:
    """Do a long thing action by action."""
    _one_part(actor)


def _one_part(actor: Actor) -> None:
    say_nothing(actor)


def tell_nothing(number: int) -> int:
    """Double a number. Needs no permission: it is arithmetic."""
    return number * 2
''',
    "queries.py": '''"""Planted."""

from scoc.core.access import query
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page


@query("governance.read_things")
def things(someone: Viewer) -> int:
    """Call the viewer by another name."""
    return 1


@query("cases.read_worklist")
def borrowed(viewer: Viewer) -> int:
    """Ask for another module's permission."""
    return 1


@query("governance.read_pages")
def pages(viewer: Viewer) -> Page[int]:
    """Give pages without taking a cursor."""
    raise AssertionError


def open_window() -> int:
    """Read without being a query."""
    return 1
''',
    "facts.py": '''"""Planted."""

from dataclasses import dataclass

from scoc.core.facts import Fact, fact


@fact("governance.thing_good", permission="governance.read_things")
@dataclass(frozen=True, slots=True, kw_only=True)
class ThingGood(Fact):
    """No deed that is done."""


@fact("cases.thing_moved", permission="governance.read_things")
@dataclass(frozen=True, slots=True, kw_only=True)
class ThingMoved(Fact):
    """Another module's name."""


@fact("governance.thing_hidden", permission="governance.read_nothing")
@dataclass(frozen=True, slots=True, kw_only=True)
class ThingHidden(Fact):
    """Seen with a permission that is nobody's."""
''',
    "measures.py": '''"""Planted."""

from datetime import datetime
from typing import Any

from scoc.core.acting import Viewer
from scoc.core.measures import Measured, Window, measure


@measure("cases.borrowed_measure", permission="governance.read_nothing")
def borrowed_measure(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """Bear another module's name and ask for a permission that is nobody's."""
    return Measured(None)
''',
    "search.py": '''"""Planted."""

from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder


@finder("nothing", "无", "Nothing", permission="governance.read_nothing")
def find_nothing(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Ask for a permission that is nobody's."""
    return []
''',
    "tasks.py": '''"""Planted."""

from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder


@finder("stray", "走失", "Stray", permission="core.read_directory")
def find_stray(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Stand elsewhere."""
    return []
''',
    "models.py": '''"""Planted."""

from django.db import models


class Planted(models.Model):
    """Planted."""

    up = models.ForeignKey("rehearsal.Above", models.PROTECT, related_name="+")
    loud = models.ForeignKey("core.Area", models.PROTECT, related_name="planted")


class Wordless(models.Model):
    number = models.IntegerField()
''',
    "http.py": '''"""Planted."""

from scoc.core.http import PUBLIC, Request, Routes

routes = Routes()


@routes.get("/open", permission=PUBLIC)
def open_to_all(request: Request) -> int:
    """Answer anybody."""
    return 1


@routes.get("/unknown", permission="governance.read_nothing")
def unknown(request: Request) -> int:
    """Ask for a permission that is nobody's."""
    return 1


@routes.get("/wordless", permission="governance.read_things")
def wordless(request: Request) -> int:
    return 1


@routes.get("/everything", permission="governance.read_things")
def everything(request: Request) -> list[int]:
    """Give a list without pages."""
    return []


@routes.router.get("/past")
def past(request: Request) -> int:
    """Go past Routes."""
    return 1
''',
    "schemas.py": '''"""Planted."""

from pydantic import BaseModel


class AreaRow(BaseModel):
    """A name that core uses."""
''',
    "lean.py": '''"""Planted."""

LEAN_PATHS = {"/api/v1/governance/fast": None}
''',
    "README.md": "\n`governance.no_such_thing` is told of.\n",
}
ABOVE = '''"""Planted above."""

from django.db import models


class Above(models.Model):
    """Stands above."""
'''
FOUND = [
    ("actions", "governance.actions.forget_type: parameter `what` has no type.", "Give it one."),
    ("actions", "governance.actions.forget_type: its result has no type.", "Give it one."),
    ("actions", "governance.actions.forget_actor: does not take `actor: Actor` first.", "always comes first"),
    ("actions", "governance.actions.say_nothing: has no docstring line.", "one sentence"),
    ("actions", "the action's name `Strange Name` cannot be granted.", "grants.toml"),
    ("actions", "the action's name `cases.pretend` cannot be granted.", "governance.<verb>"),
    ("public-functions", "governance.actions.back_door: is public", "Make it one"),
    ("public-functions", "governance.queries.open_window: is public", "Make it one"),
    ("finders", "governance.search.find_nothing: asks for `governance.read_nothing`", "Name the permission"),
    ("finders", "governance.tasks.find_stray: finds `stray` outside of its module's search.py.", "Move it there."),
    ("lists", "GET /api/v1/governance/everything): gives a list without pages.", "PageQuery"),
    ("queries", "governance.queries.things: does not take `viewer: Actor` first.", "always comes first"),
    ("queries", "governance.queries.borrowed: asks for `cases.read_worklist`", "governance.read_<things>"),
    ("queries", "governance.queries.pages: gives pages, but takes no PageQuery.", "as_of"),
    ("facts", "ThingGood: `governance.thing_good` tells no deed", "past participle"),
    ("facts", "ThingMoved: is called `cases.thing_moved`.", "governance.<noun>_<participle>"),
    ("facts", "ThingHidden: is seen with `governance.read_nothing`", "permission of the query"),
    ("schema-names", "governance.schemas.AreaRow: bears a name that scoc.core uses", "its module's noun"),
    ("measures", "borrowed_measure: is called `cases.borrowed_measure`.", "module's name"),
    ("measures", "borrowed_measure: asks for `governance.read_nothing`", "permission of the query"),
    ("models", "Planted.up: points up, to scoc.rehearsal.", "plain id"),
    ("models", "Planted.loud: gives scoc.core a reverse name of scoc.governance.", 'related_name="+"'),
    ("models", "Wordless: has no docstring.", "in the city"),
    ("routes", "open_to_all (GET /api/v1/governance/open): is public", "PUBLIC_ROUTES"),
    ("routes", "unknown (GET /api/v1/governance/unknown): names the permission `governance.read_nothing`", "action"),
    ("routes", "wordless (GET /api/v1/governance/wordless): has no docstring.", "documentation"),
    ("routes", "GET /api/v1/governance/past: goes past Routes()", "routes = Routes()"),
    ("routes", "/api/v1/governance/fast: is a lean path that nobody reviewed.", "LEAN_PATHS"),
    ("installed-apps", "does not install scoc.datahub.", "INSTALLED_APPS"),
    ("installed-apps", "installs scoc.rogue, which is not in the list of layers.", "pyproject.toml"),
    ("readme-names", "README.md: does not tell of `governance.forget_type`.", "facts or actions"),
    ("readme-names", "README.md: tells of `governance.no_such_thing`, which does not exist.", "Take it out"),
    ("snapshots", "tests/snapshots/signatures/governance.txt: is not what the code promises now", "make snapshots"),
    ("snapshots", "tests/snapshots/openapi.json: is not what the code promises now", "make snapshots"),
    ("snapshots", "tests/snapshots/signatures/gone.txt: promises a module that is gone.", "make snapshots"),
]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the checks say of a copy with a module full of sins."""
    copy = Copy(tmp_path_factory.mktemp("sins") / "copy")
    make_module(copy.root, "governance", "Planted")
    for file, text in SINS.items():
        copy.plant(f"{FOLDER}/{file}", text)
    copy.plant("scoc/rehearsal/models.py", ABOVE)
    copy.plant("scoc/datahub/__init__.py", '"""Planted."""\n')
    copy.plant("scoc/datahub/apps.py", '"""Planted."""\n')
    copy.plant("scoc/rogue/__init__.py", '"""Planted."""\n')
    copy.plant("scoc/site/settings.py", '    "scoc.core",\n    "scoc.rogue",\n', instead_of='    "scoc.core",\n')
    copy.plant("tests/snapshots/signatures/gone.txt", "# actions\n")
    status, text = copy.lint(*sorted(NEEDS_DJANGO))
    assert status == 1, text
    return text


@pytest.mark.parametrize(
    ("check", "wrong", "remedy"), FOUND, ids=[f"{check}-{n}" for n, (check, *_) in enumerate(FOUND)]
)
def test_each_sin_is_found_and_told_with_its_remedy(output: str, check: str, wrong: str, remedy: str) -> None:
    lines = [line for line in output.splitlines() if line.startswith(f"[{check}]") and wrong in line]
    assert lines, output
    assert remedy in lines[0]


def test_what_says_why_it_needs_no_permission_passes(output: str) -> None:
    assert "tell_nothing" not in output
    assert "in_parts" not in output


def test_every_check_of_the_registries_is_proven() -> None:
    assert {check for check, *_ in FOUND} == NEEDS_DJANGO
    assert set(CHECKS) >= NEEDS_DJANGO


@pytest.mark.parametrize("field", ["text: str", "person: dict[str, str]", "note: list[str]"])
def test_a_fact_that_could_hold_text_stops_the_start(copy: Copy, field: str) -> None:
    make_module(copy.root, "governance", "Planted")
    fact = SINS["facts.py"].split("@fact")[0] + (
        '@fact("governance.person_named", permission="core.read_audit")\n'
        "@dataclass(frozen=True, slots=True, kw_only=True)\n"
        f'class PersonNamed(Fact):\n    """A person was named."""\n\n    {field}\n'
    )
    copy.plant(f"{FOLDER}/facts.py", fact)
    status, output = copy.lint("facts")
    assert status == 1
    assert "may hold text or persons; use int, bool, datetime or Code" in output


def test_a_new_module_passes_every_check(copy: Copy) -> None:
    before = set(copy.lint()[1].splitlines())
    told = make_module(copy.root, "command.appraisal", "Appraisal (KPI 考核): schemes and scores")
    new = {line for line in copy.lint()[1].splitlines() if "appraisal" in line} - before
    assert not new
    assert "scoc/command/appraisal" in told
    assert copy.linter_of_imports()[0] == 0
    settings = (copy.root / "scoc/site/settings.py").read_text(encoding="utf-8")
    assert settings.index("scoc.command.indicators") < settings.index("scoc.command.appraisal")
    assert settings.index("scoc.command.appraisal") < settings.index("scoc.command.cockpit")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("command.weather", "no place in the list of layers"),
        ("sensing", "exists already"),
        ("Command.Appraisal", "small letters"),
        ("command.appraisal.scores", "at most one dot"),
    ],
)
def test_a_module_without_a_place_is_refused(frame: Copy, name: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        make_module(frame.root, name, "")


def test_the_copy_is_what_the_repository_is(copy: Copy) -> None:
    """The proofs above speak of our code: the copy holds every Python file of it."""
    ours = {p.relative_to(ROOT) for p in (ROOT / "scoc").rglob("*.py")}
    assert ours == {p.relative_to(copy.root) for p in Path(copy.root / "scoc").rglob("*.py")}
