"""Every requirement of SensorThings has its tests, the matrix tells of them, and each would be missed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.conftest import Copy
from tests.installations import ROOT
from tests.standards.sensorthings import PROOFS

MATRIX = ROOT / "docs" / "reference" / "sensorthings.md"


@pytest.mark.parametrize("name", PROOFS)
def test_a_requirement_has_tests_and_stands_in_the_matrix(name: str) -> None:
    proof = PROOFS[name]
    for test in proof.tests:
        path, _, function = test.partition("::")
        names = {one.name for one in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(one, ast.FunctionDef)}
        assert function.partition("[")[0] in names
    assert (ROOT / proof.file).read_text().count(proof.right) == 1
    told = MATRIX.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    missing = [test for test in proof.tests if test not in told]
    assert not missing, "write the matrix anew: python -m scripts.sensorthings_matrix"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the house to spoil."""
    return Copy(tmp_path_factory.mktemp("house"))


@pytest.mark.proof
def test_without_a_fault_all_is_well(house: Copy) -> None:
    """Else every fault would be found in a copy that is broken anyhow."""
    done = house.run(
        "python", "-m", "pytest", "-q", "-x", *sorted({test for one in PROOFS.values() for test in one.tests})
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.proof
@pytest.mark.parametrize("name", PROOFS)
def test_a_fault_is_found(house: Copy, name: str) -> None:
    proof = PROOFS[name]
    file = Path(house.root / proof.file)
    right = file.read_text()
    file.write_text(right.replace(proof.right, proof.wrong))
    try:
        done = house.run("python", "-m", "pytest", "-q", "-x", "--timeout=120", *proof.tests)
    finally:
        file.write_text(right)
    # 1: a test failed; 2 would be a copy that cannot even be read
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
