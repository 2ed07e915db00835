"""How the database would read what a query asks for."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def reads_text_index(table: str, ask: Callable[[], object]) -> bool:
    """Whether every statement of `ask` that looks for words in the table reads its text index, none the whole table.

    A small table is read faster in other ways, so PostgreSQL is asked for the plan without these.
    """
    with CaptureQueriesContext(connection) as asked:
        ask()
    words = [query["sql"] for query in asked if f'"{table}_text"' in query["sql"] or "scoc_grams(" in query["sql"]]
    plans = [_plan(sql) for sql in words]
    if connection.vendor == "postgresql":
        return bool(plans) and all(f"{table}_text_" in plan for plan in plans)
    return bool(plans) and all("VIRTUAL TABLE INDEX" in plan and f"SCAN {table}'" not in plan for plan in plans)


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for other in ("seqscan", "indexscan", "indexonlyscan", "nestloop", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{other} = off")
            cursor.execute("EXPLAIN " + sql)
        else:
            cursor.execute("EXPLAIN QUERY PLAN " + sql)
        return str(cursor.fetchall())
