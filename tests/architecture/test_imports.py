"""import-linter's two contracts, each proven by a planted import."""

from __future__ import annotations

import pytest

from tests.architecture.conftest import Copy

LAYERS = "Imports point down the list, never up, never sideways"
PUBLIC = "From another module only its actions, queries, schemas and facts"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("scoc/sensing/planted.py", "from scoc.command.cases import facts as facts\n"),
        ("scoc/kit/planted.py", "import scoc.core.now\n"),
        ("scoc/core/planted.py", "def later() -> None:\n    from scoc.sensing import facts as facts\n"),
        (
            "scoc/spatial/planted.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from scoc.sensing import facts as facts\n",
        ),
        ("scoc/command/cockpit/planted.py", "from scoc.rehearsal import apps as apps\n"),
    ],
    ids=["upward", "kit on core", "hidden in a function", "for types only", "to the top"],
)
def test_an_import_upward_is_refused(copy: Copy, path: str, text: str) -> None:
    copy.plant(path, text)
    status, output = copy.linter_of_imports()
    assert status == 1
    assert f"{LAYERS} BROKEN" in output
    assert path.removesuffix(".py").replace("/", ".") in output


def test_an_import_between_neighbours_is_refused(copy: Copy) -> None:
    copy.plant("scoc/service/portal/__init__.py", '"""Planted."""\n\nfrom scoc.command.cockpit import apps as apps\n')
    status, output = copy.linter_of_imports()
    assert status == 1
    assert f"{LAYERS} BROKEN" in output


def test_a_rogue_app_inside_a_module_gains_nothing(copy: Copy) -> None:
    copy.plant("scoc/sensing/rogue/__init__.py", '"""Planted."""\n\nfrom scoc.command.cases import facts as facts\n')
    status, output = copy.linter_of_imports()
    assert status == 1
    assert "scoc.sensing.rogue -> scoc.command.cases.facts" in output


@pytest.mark.parametrize(
    "imported", ["scoc.sensing.models", "scoc.sensing.apps", "scoc.sensing"], ids=["models", "apps", "the package"]
)
def test_a_private_file_of_another_module_is_refused(copy: Copy, imported: str) -> None:
    copy.plant("scoc/command/intake/planted.py", f"import {imported} as private\n")
    status, output = copy.linter_of_imports()
    assert status == 1
    assert f"{PUBLIC} BROKEN" in output
    assert f"scoc.command.intake.planted:1 imports {imported}" in output
    assert "import only its actions, queries, schemas, facts" in output


def test_public_files_and_factories_of_tests_are_free(copy: Copy) -> None:
    before = copy.linter_of_imports()
    copy.plant("scoc/sensing/tests/factories.py", "\nPLANTED = 1\n")
    copy.plant("scoc/command/intake/planted.py", "from scoc.sensing import facts as facts\n")
    copy.plant("scoc/command/intake/tests/test_planted.py", "from scoc.sensing.tests.factories import PLANTED as P\n")
    copy.plant("scoc/command/intake/other.py", "from scoc.sensing.tests.factories import PLANTED as P\n")
    status, output = copy.linter_of_imports()
    assert before[0] == 0, before[1]
    assert status == 1
    assert "scoc.command.intake.other:1 imports scoc.sensing.tests.factories" in output
    assert "test_planted" not in output
    assert "scoc.command.intake.planted:1" not in output
