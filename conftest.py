"""What every test stands on: a small made-up city in the test database, and clocks that tests set."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django.plugin import DjangoDbBlocker

from scoc.core import audit, clients, now
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import City, empty_database, make_city
from tests.installations import forget_binhai

MONDAY_MORNING = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
"""Monday 2026-06-15 09:00 in the city: within office hours of a plain working week."""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    forget_all()
    clients.forget_usage()
    yield
    forget_all()
    assert not audit.overdue(), "audit entries of this test were never written"


@pytest.fixture
def city(db: None) -> City:
    """The made-up test city: two districts, some organisations, a calendar and a run in normal operation."""
    return make_city()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; at the end nobody else is in it, so that it can be dropped.

    A worker of PostgreSQL itself, which tidies a table just filled, or a session whose thread has just ended may be.
    """
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            for _ in range(50):
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)), pg_sleep(0.1) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                if not cursor.fetchone()[0]:
                    break


@pytest.fixture(scope="session")
def test_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, also where only tests that pytest does not know to need one are selected.

    Without it such a run would work on the installation's own database, and wipe it.
    """
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # every vendor's has it
    if str(connection.settings_dict["NAME"]) == str(name):
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed(test_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[City]:
    """The test city really committed, for tests with several connections, threads or processes; wiped afterwards.

    Append-only tables cannot be flushed, so pytest's own transactional tests do not work here.
    """
    with django_db_blocker.unblock():
        try:
            yield make_city()
        finally:
            empty_database()


@pytest.fixture
def monday(city: City) -> Iterator[datetime]:
    """The city's clock stands at Monday 2026-06-15 09:00 local time."""
    with now.city_time(MONDAY_MORNING):
        yield MONDAY_MORNING


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tests of bad input log lone surrogates, which cannot travel from a worker process as they are."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test `only_on` another database belongs to the other run: it is not selected here, which is no skipping."""
    kept: list[pytest.Item] = []
    other: list[pytest.Item] = []
    for item in items:
        marker = item.get_closest_marker("only_on")
        (kept if marker is None or connection.vendor in marker.args else other).append(item)
    if other:
        config.hook.pytest_deselected(items=other)
        items[:] = kept
    items.sort(key=_begins_late)


def _begins_late(item: pytest.Item) -> bool:
    """Those that start processes and browsers begin first, so that no worker is left alone with them at the end."""
    return not item.nodeid.startswith("tests/")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """The city that the browsers' tests shared is forgotten. In CI a run that skipped something has failed."""
    if not hasattr(session.config, "workerinput"):
        forget_binhai()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None or not reporter.stats.get("skipped"):
        return
    reporter.write_line("")
    for report in reporter.stats["skipped"]:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        reporter.write_line(f"skipped in CI: {report.nodeid}: {reason}", red=True)
    reporter.write_line("Let .ci/run install or provide what the test needs; CI skips nothing.", red=True)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
