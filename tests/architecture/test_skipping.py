"""CI skips nothing, and what holds on one database only is not selected on the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sample(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    shutil.copy(ROOT / "conftest.py", pytester.path / "conftest.py")
    pytester.makeini(
        "[pytest]\nDJANGO_SETTINGS_MODULE = scoc.site.settings\nmarkers =\n    only_on(vendor, reason): one database\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SCOC_HOME", str(pytester.path / "var"))
    monkeypatch.delenv("SCOC_DATABASE_URL", raising=False)
    pytester.makepyfile(
        """
        import pytest

        def test_runs():
            pass

        @pytest.mark.skip(reason="no such data")
        def test_skipped():
            pass

        @pytest.mark.only_on("postgresql", reason="uses its geometry")
        def test_elsewhere():
            raise AssertionError
        """
    )
    return pytester


def test_a_skipped_test_fails_the_run_in_ci(sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = sample.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skipped in CI:*test_skipped*no such data*", "*CI skips nothing*"])


def test_a_skipped_test_is_only_shown_elsewhere(sample: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = sample.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=1, deselected=1)
