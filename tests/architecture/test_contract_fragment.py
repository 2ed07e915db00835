"""A change of contract comes with a word in changes/: on a branch against main, on main against the commit before."""

from __future__ import annotations

import subprocess

import pytest

from scripts.lints.house import House
from scripts.lints.snapshots import contract_fragment
from tests.architecture.conftest import Copy


@pytest.fixture
def clone(copy: Copy) -> Copy:
    """A copy under git just after a release, with everything committed on main."""
    for fragment in (copy.root / "changes").glob("*.contract.md"):
        fragment.unlink()
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "All"]):
        _git(copy, *arguments)
    return copy


def _git(copy: Copy, *arguments: str) -> None:
    identity = ["-c", "user.name=A Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=copy.root, check=True, capture_output=True)


def _found(copy: Copy) -> list[str]:
    return [str(finding) for finding in contract_fragment(House(copy.root))]


def test_a_changed_snapshot_without_a_fragment_is_found_on_a_branch(clone: Copy) -> None:
    _git(clone, "switch", "-qc", "work")
    assert _found(clone) == []
    clone.plant("tests/snapshots/signatures/planted.txt", "# actions\n")
    assert "changes/<what>.contract.md" in _found(clone)[0]
    _git(clone, "add", "-A")
    _git(clone, "commit", "-qm", "Change the contract")
    assert "changed since main without a word" in _found(clone)[0]
    clone.plant("changes/planted.contract.md", "Say planted.\n")
    assert _found(clone) == []


def test_a_changed_snapshot_without_a_fragment_is_found_on_main(clone: Copy) -> None:
    clone.plant("tests/snapshots/signatures/planted.txt", "# actions\n")
    _git(clone, "add", "-A")
    _git(clone, "commit", "-qm", "Change the contract")
    assert "changed since main without a word" in _found(clone)[0]
    _git(clone, "reset", "-q", "--soft", "HEAD~1")
    clone.plant("changes/planted.contract.md", "Say planted.\n")
    _git(clone, "add", "-A")
    _git(clone, "commit", "-qm", "Change the contract and say so")
    assert _found(clone) == []
