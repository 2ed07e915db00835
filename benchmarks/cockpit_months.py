"""What screens cost as history grows: `python -m benchmarks.cockpit_months`.

The made-up city lives some days on a fresh database of each kind; its ended cases are then copied, with flow, clocks
and facts, over the six months before, until there are so many. What is open stays the same: what takes longer with ten
times the cases grows with history. Each question is asked again and again in this process, without network; `ratio`
is the time with the most cases to that with the fewest. `--cases` sets the sizes.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks._machine import machine, measured
from benchmarks.overview import END, live

MONTHS = timedelta(days=182)
DAYS = 1
"""Lived through by the simulated staff, so that there are cases to copy."""
CLERK = "clerk.urban"
"""Of a unit that gets many cases."""
ROUNDS = 10


def fill(cases: int) -> int:
    """Copy ended cases over the months before the lived day until there are `cases`; how many there are."""
    from django.db import connection, transaction

    from benchmarks._copies import copied_so_far, copy_all
    from scoc.command.cases.models import Case

    begun = copied_so_far()
    missing = cases - Case.objects.count()
    rounds = math.ceil(missing / Case.objects.filter(is_open=False, case_no__regex="^[0-9]").count())
    with transaction.atomic():
        for number in range(1, rounds + 1):
            missing -= copy_all(begun + number, MONTHS * number / rounds, missing)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Case.objects.count()


def questions() -> dict[str, Callable[[], Any]]:
    """What is asked, by name."""
    from scoc.command.cases import queries as cases
    from scoc.command.cases.models import Case
    from scoc.command.cockpit.parts import first, month_of_units
    from scoc.command.cockpit.queries import overview
    from scoc.core.access import actor_for, holdings
    from scoc.core.acting import Viewer
    from scoc.core.measures import Window, measuring_together, take
    from scoc.core.models import User
    from scoc.core.now import wall_now

    def viewer(username: str) -> Viewer:
        user = User.objects.get(username=username)
        holding = holdings(user).first()
        return actor_for(user, holding.post if holding else None)

    leader, mayor, clerk = viewer("shift_leader"), viewer("city_leader"), viewer(CLERK)
    closed = Case.objects.filter(state="closed").order_by("-happened_at").values_list("pk", flat=True)[0]

    def rates() -> None:
        with measuring_together():
            for name in ("on_time_closing", "dispatch_accuracy", "filing", "open_cases"):
                take(mayor, f"cases.{name}", Window(END.replace(day=1), END, max(END, wall_now())))

    return {
        "overview, city leader": lambda: overview(mayor),
        "overview, shift leader": lambda: overview(leader),
        "units' month": lambda: month_of_units(mayor, END),
        "case list, open, first page": lambda: cases.worklist(leader, first(50), "open"),
        "case list, closed, first page": lambda: cases.worklist(leader, first(50), "closed"),
        "case list, a unit's, closed": lambda: cases.worklist(clerk, first(50), "closed"),
        "worklist counts": lambda: cases.worklist_counts(leader),
        "worklist counts, of a unit": lambda: cases.worklist_counts(clerk),
        "case detail": lambda: cases.case(leader, closed),
        "case rates for indicators": rates,
    }


def ask() -> list[dict[str, Any]]:
    """The figures of every question."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from scoc.core.now import city_time

    told = []
    with city_time(END):
        for name, question in questions().items():
            question()
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                question()
                times.append((time.perf_counter() - began) * 1000)
            with CaptureQueriesContext(connection) as asked:
                question()
            told.append({"name": name, "median": statistics.median(times), "statements": len(asked)})
    return told


def work(sizes: list[int]) -> None:
    """One database: its figures at each size, as JSON."""
    live(DAYS)
    told = []
    for size in sizes:
        count = fill(size)
        told.append({"cases": count, "asked": ask()})
    print(json.dumps({"told": told}))


def main() -> None:
    """Run on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[3000, 30_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sizes = sorted(asked.cases)
    if asked.work:
        work(sizes)
        return
    print(f"{machine()}, cases over {MONTHS.days} days, {ROUNDS} rounds, median ms")
    print(
        f"{'database':<12}{'asked':<31}" + "".join(f"{size:>10}" for size in sizes) + f"{'ratio':>8}{'statements':>12}"
    )
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            run_database(database, sizes, folder / database)
    finally:
        shutil.rmtree(folder)


def run_database(database: str, sizes: list[int], home: Path) -> None:
    """The lines of one database."""
    made = measured("cockpit_months", database, home, "--cases", *sizes, "--work")
    if made is None:
        return
    for lines in zip(*(size["asked"] for size in made["told"]), strict=True):
        times = [line["median"] for line in lines]
        print(
            f"{database:<12}{lines[0]['name']:<31}" + "".join(f"{took:>10.1f}" for took in times)
            + f"{times[-1] / times[0]:>8.2f}{lines[-1]['statements']:>12}", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
