"""Checks of the source text, each proven by a planted violation: it is found, and told with what to do."""

from __future__ import annotations

import pytest

from scripts.lints import dependencies, registries, snapshots, structure, words
from scripts.lints.house import CHECKS, NEEDS_DJANGO, House
from tests.architecture.conftest import Copy

_LOADED = (dependencies, registries, snapshots, structure, words)
_LONG = "\n".join(f"NUMBER_{n} = {n}" for n in range(600)) + "\n"
_A_TEST = "scoc/sensing/tests/test_planted.py"

PLANTED: dict[str, tuple[str, str, str | tuple[str, str], str, str]] = {
    "rogue nested module": (
        "modules-in-list", "scoc/command/rogue/models.py", '"""Rogue."""\n', "scoc.command.rogue", "contract `layers`",
    ),
    "rogue module at the top": (
        "modules-in-list", "scoc/rogue/__init__.py", '"""Rogue."""\n', "scoc.rogue", "contract `layers`",
    ),
    "rogue file at the top": (
        "modules-in-list", "scoc/command/helpers.py", '"""Rogue."""\n', "scoc.command.helpers", "contract `layers`",
    ),
    "app inside a module": (
        "modules-in-list", "scoc/sensing/mqtt/apps.py", '"""An app."""\n', "scoc/sensing/mqtt/apps.py", "own place",
    ),
    "code on a shelf": (
        "modules-in-list", "scoc/command/__init__.py", "\nSHARED = 1\n", "scoc/command/__init__.py", "into a module",
    ),
    "long file": ("file-length", "scoc/sensing/planted.py", _LONG, "scoc/sensing/planted.py", "by noun"),
    "datetime.now": (
        "one-clock", "scoc/sensing/planted.py", "import datetime\n\nX = datetime.datetime.now(datetime.UTC)\n",
        "planted.py:3", "city_now",
    ),
    "time.time": (
        "one-clock", "scoc/sensing/planted.py", "import time\n\nX = time.time()\n", "planted.py:3", "city_now",
    ),
    "from time import time": (
        "one-clock", "scoc/sensing/planted.py", "from time import time\n", "planted.py:1", "city_now",
    ),
    "Django's now": (
        "one-clock", "scoc/sensing/planted.py", "from django.utils import timezone\n\nX = timezone.now()\n",
        "planted.py:3", "city_now",
    ),
    "auto_now": (
        "one-clock", "scoc/sensing/planted.py", "at = models.DateTimeField(auto_now_add=True)\n", "planted.py:1",
        "city_now",
    ),
    "SQL's now": (
        "one-clock", "scoc/sensing/planted.py", 'Q = "UPDATE x SET at = now() WHERE id = 1"\n', "planted.py:1",
        "parameter",
    ),
    "a second moment": (
        "one-moment", "scoc/sensing/planted.py", "from pydantic import AwareDatetime\n", "planted.py:1", "`Moment`",
    ),
    "sleep in a test": (
        "tests-do-not-wait", _A_TEST, "import time\n\n\ndef test_x() -> None:\n    time.sleep(1)\n", "planted.py:5",
        "deliver_all",
    ),
    "timed test": (
        "tests-do-not-wait", _A_TEST, "import time\n\n\ndef test_x() -> None:\n    assert time.perf_counter() < 1\n",
        "planted.py:5", "proof",
    ),
    "browser that waits": (
        "tests-do-not-wait", _A_TEST, "def test_x(page) -> None:\n    page.wait_for_timeout(500)\n", "planted.py:2",
        "expect",
    ),
    "double": (
        "no-doubles", _A_TEST, "from unittest.mock import patch\n", "planted.py:1", "real action",
    ),
    "model by name": (
        "no-upward-names", "scoc/sensing/planted.py", 'CASE = apps.get_model("cases", "Case")\n', "planted.py:1",
        "publish a fact",
    ),
    "bare ignore": (
        "excuses-have-reasons", "scoc/sensing/planted.py", "X = 1  # " + "noqa: S101\n", "planted.py:1", "say why",
    ),
    "note for later": (
        "nothing-for-later", "scoc/sensing/planted.py", "X = 1  # " + "TODO: better\n", "planted.py:1", "file an issue",
    ),
    "machine path": (
        "no-machines", "docs/planted.md", "Run it in /" + "root/scoc/.\n", "planted.md:1", "relative",
    ),
    "registry": (
        "no-machines", "docs/planted.md", "See https://pypi" + ".org for it.\n", "planted.md:1", "by name",
    ),
    "setting without a word": (
        "settings-documented", "scoc/core/environment.py",
        ('    port: int = 8000\n', '    port: int = 8000\n    planted: str = ""\n'), "SCOC_PLANTED", "Add its row",
    ),
    "setting that is not read": (
        "settings-documented", "docs/guide/operations.md", "\n`SCOC_PLANTED`\n", "SCOC_PLANTED", "refuses as unknown",
    ),
    "environment read elsewhere": (
        "settings-documented", "scoc/sensing/planted.py", 'import os\n\nX = os.environ["HOME"]\n', "planted.py:3",
        "core.environment",
    ),
    "list in the guide": (
        "list-in-guide", "docs/guide/architecture.md", ("rehearsal\n", "rehearsal\nplanted\n"), "architecture.md",
        "Write:",
    ),
    "dependency without a reason": (
        "dependencies", "pyproject.toml", ('  "httpx>=0.28",\n', '  "httpx>=0.28",\n  "left-pad",\n'),
        "dependencies.md: gives no reason for `left-pad`", "Add its row",
    ),
    "dependency that is not locked": (
        "dependencies", "pyproject.toml", ('  "httpx>=0.28",\n', '  "httpx>=0.28",\n  "left-pad",\n'),
        "requirements-dev.lock: does not hold `left-pad`", "make lock",
    ),
    "lock with an address": (
        "dependencies", "requirements.lock", "--index-url https://example.org/simple\n",
        "names an address", "make lock",
    ),
    "lock without a hash": (
        "dependencies", "requirements.lock", "left-pad==1.0\n", "`left-pad==1.0` without a hash", "make lock",
    ),
    "module without README": (
        "module-readme", "scoc/datahub/__init__.py", '"""Planted."""\n', "scoc/datahub/README.md", "twenty lines",
    ),
    "module still in brackets": (
        "list-in-guide", "scoc/datahub/__init__.py", '"""Planted."""\n', "scoc.datahub", "brackets off",
    ),
}  # fmt: skip


def _found(copy: Copy, check: str) -> set[str]:
    return {str(finding) for finding in CHECKS[check](House(copy.root))}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found_and_told_with_its_remedy(frame: Copy, name: str) -> None:
    check, path, text, place, remedy = PLANTED[name]
    before = _found(frame, check)
    if isinstance(text, tuple):
        frame.plant(path, text[1], instead_of=text[0])
    else:
        frame.plant(path, text)
    new = _found(frame, check) - before
    assert any(place in finding and remedy in finding for finding in new), new


def test_a_neighbour_that_the_readme_hides_is_found(frame: Copy) -> None:
    frame.plant("scoc/datahub/__init__.py", '"""Planted."""\n\nfrom scoc.sensing import facts as facts\n')
    frame.plant("scoc/datahub/README.md", "# datahub\n\n## Neighbours\n\nStands on `core` and `spatial`.\n")
    new = _found(frame, "module-readme")
    assert any("README.md: does not name its neighbour `sensing`" in finding for finding in new)
    assert any("README.md: names `spatial` as a neighbour" in finding for finding in new)


def test_a_proof_may_wait(frame: Copy) -> None:
    before = _found(frame, "tests-do-not-wait")
    body = "import time\n\nimport pytest\n\n\n@pytest.mark.proof\ndef test_x() -> None:\n    time.sleep(1)\n"
    frame.plant(_A_TEST, body)
    assert _found(frame, "tests-do-not-wait") == before


def test_a_module_twice_in_the_list_is_found(frame: Copy) -> None:
    frame.plant("pyproject.toml", '  "scoc.sensing",\n  "(scoc.datahub)",\n', instead_of='  "(scoc.datahub)",\n')
    assert any(
        "scoc.sensing stands in the list of layers twice" in finding for finding in _found(frame, "modules-in-list")
    )


def test_every_check_of_the_source_is_proven() -> None:
    proven = {entry[0] for entry in PLANTED.values()}
    assert set(CHECKS) - NEEDS_DJANGO - {"contract-fragment"} == proven


def test_the_command_exits_with_1_and_names_the_check(copy: Copy) -> None:
    copy.plant("scoc/command/rogue/apps.py", '"""Rogue."""\n')
    status, output = copy.lint("modules-in-list")
    assert status == 1
    assert "[modules-in-list] scoc/command/rogue: scoc.command.rogue does not stand in the list of layers." in output
