"""Write docs/reference/sensorthings.md: `python -m scripts.sensorthings_matrix` runs the tests of every requirement of
OGC 18-088 and puts what one of them asked and was answered beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.installations import ROOT
from tests.standards.sensorthings import BASE, PROOFS, Proof

MATRIX = ROOT / "docs" / "reference" / "sensorthings.md"
MOST = 1_200
"""Characters of a body that are shown."""
_HEAD = f"""# SensorThings 1.1: requirements and tests

Written by `python -m scripts.sensorthings_matrix`. Each requirement of OGC 18-088 (`{BASE}…`) with the tests that hold
it on SQLite and on PostgreSQL, one exchange that such a test had, and a fault of the code that turns them red
(`make proof` plants each of them).

| requirement | tests |
|---|---|
"""


def main() -> None:
    """Run, then write."""
    tests = sorted({test for proof in PROOFS.values() for test in proof.tests})
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", *tests]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "STA_RECORD": folder}, check=False)
        if done.returncode:
            raise SystemExit("A test fails; the matrix stays as it was.")
        found: dict[str, list[list[Any]]] = dict(json.loads(file.read_text()) for file in Path(folder).iterdir())
    rows = [f"| [{name}](#{_anchor(name)}) | {len(proof.tests)} |" for name, proof in PROOFS.items()]
    sections = [_section(name, proof, found) for name, proof in PROOFS.items()]
    MATRIX.write_text(_HEAD + "\n".join(rows) + "\n" + "".join(sections))


def _anchor(name: str) -> str:
    return name.replace("/", "")


def _section(name: str, proof: Proof, found: dict[str, list[list[Any]]]) -> str:
    tests = "".join(f"- `{test}`\n" for test in proof.tests)
    first = proof.tests[0]
    shown = next(
        (told[-1] for node, told in sorted(found.items()) if node == first or node.startswith(f"{first}[")), None
    )
    exchange = "" if shown is None else _exchange(*shown)
    fault = f"Found where `{proof.file}` has {_code(proof.wrong)} in place of {_code(proof.right)}.\n"
    return f"\n## {name}\n\n{tests}\n{exchange}{fault}"


def _code(text: str) -> str:
    lines = " ".join(text.split())
    return f"`{lines}`" if lines else "nothing"


def _exchange(method: str, path: str, body: Any, status: int, content: Any) -> str:
    asked = f"{method} {path}" + ("" if body is None else f"\n{_json(body)}")
    told = str(status) if status else "told"
    return f"```http\n{asked}\n\n{told}" + ("" if content is None else f"\n{_json(content)}") + "\n```\n\n"


def _json(content: Any) -> str:
    text = json.dumps(content, ensure_ascii=False)
    return text if len(text) <= MOST else f"{text[:MOST]} …"


if __name__ == "__main__":
    main()
