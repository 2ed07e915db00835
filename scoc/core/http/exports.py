"""Lists as files: CSV for programs, XLSX for people, both read through the query of the screen with its masks.

The whole file is made before the first byte leaves, so that what fails fails as a clear problem and never as half a
file. Every export is in the audit, written before the file is handed over.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import xlsxwriter
from django.http import HttpResponse
from ninja import Schema

from scoc.core import audit, clients
from scoc.core.http.paging import COUNT_LIMIT, Page, PageQuery
from scoc.core.http.request import Request, language
from scoc.core.models import Installation, Post, Run
from scoc.core.now import city_now, city_zone, current_run
from scoc.core.refusals import Refusal
from scoc.core.schemas import Moment, TextOut
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text

S = TypeVar("S")
Cell = Text | TextOut | str | int | float | Decimal | bool | datetime | date | None
MOST_ROWS = COUNT_LIMIT
"""Rows of one file: as far as a list counts."""
_PAGE = 500
_LONGEST = 32_767
"""Characters that a cell of XLSX holds."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WORDS = frozenset({"text", "search"})
"""Filters that hold somebody's own words."""
_YES, _NO = Text("是", "yes"), Text("否", "no")
_RUNS = {Run.Kind.EXERCISE: Text("演练", "Drill"), Run.Kind.REPLAY: Text("回放", "Replay")}
_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Column(Generic[S]):
    """One column: its heading, and what a row of the list has there."""

    title: Text
    value: Callable[[S], Cell]
    width: int = 16
    """Characters, in XLSX."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[S]):
    """A list as a table."""

    name: str
    """Of the file, e.g. `cases`."""
    title: Text
    permission: str
    """Of its query; the audit names it."""
    columns: tuple[Column[S], ...]


class ExportQuery(Schema):
    """How a list leaves as a file, and as of when."""

    form: Literal["csv", "xlsx"] = "csv"
    as_of: Moment | None = None
    """Only what was known at this time; now when left out."""


def exported(
    request: Request, sheet: Sheet[S], wanted: ExportQuery, read: Callable[[PageQuery], Page[S]]
) -> HttpResponse:
    """The list as a file in the language of the request; `read` reads one page as the screen does.

    Raises Refusal `too_many_rows` beyond 10 000 rows: half a list that looks whole would be a lie.
    """
    rows = list(_rows(read, wanted.as_of))
    spoken = language(request)
    origin = _origin(request, sheet, len(rows), wanted.as_of)
    made = _csv(sheet, rows, spoken, origin) if wanted.form == "csv" else _xlsx(sheet, rows, spoken, origin)
    filters = _filters(request)
    audit.record(
        request.viewer, kind="export", action=sheet.permission, outcome="done", subject=sheet.name,
        detail=Text(f"{len(rows)} 条；{filters}", f"{len(rows)} rows; {filters}"),
    )  # fmt: skip
    clients.count_rows(request.viewer, len(rows))
    name = f"{_run_of(request).name_of_file}{sheet.name}-{city_now().astimezone(city_zone()):%Y%m%d-%H%M}.{wanted.form}"
    response = HttpResponse(made, content_type=_KINDS[wanted.form])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _filters(request: Request) -> str:
    """The filters for the audit: what was looked for in words is told by its keyed hash, since it may be a name."""
    given = sorted(request.GET.items())
    return "&".join(
        f"{name}={keyed_hash('export-words', str(value))[:16] if name in _WORDS else value}" for name, value in given
    )


@dataclass(frozen=True, slots=True)
class _Run:
    name_of_file: str
    """Before the name of a file, where it is not real life."""
    words: Text | None


def _run_of(request: Request) -> _Run:
    """What the run of the viewer is, where it is not real life."""
    run = Run.objects.get(pk=request.viewer.run_id or current_run())
    if run.kind == Run.Kind.NORMAL:
        return _Run("", None)
    kind = _RUNS[Run.Kind(run.kind)]
    return _Run(f"{run.kind}-", Text(f"{kind.zh}：{run.name.zh}", f"{kind.en}: {run.name.en}"))


def _origin(request: Request, sheet: Sheet[Any], rows: int, as_of: datetime | None) -> list[tuple[Text, Text]]:
    """Whose file this is, of what, of when: the watermark that DOMAIN.md 10.3 asks for."""
    viewer = request.viewer
    post = Post.objects.filter(pk=viewer.post_id).first() if viewer.post_id else None
    who = viewer.username
    made = f"{city_now().astimezone(city_zone()):%Y-%m-%d %H:%M:%S}"
    data = f"{(as_of or city_now()).astimezone(city_zone()):%Y-%m-%d %H:%M:%S}"
    run = _run_of(request).words
    return [
        *([(Text("非实时数据", "Not real life"), run)] if run else []),
        (Text("城市", "City"), Installation.objects.get().name),
        (Text("列表", "List"), sheet.title),
        (Text("数据截至", "As of"), Text(data, data)),
        (Text("条数", "Rows"), Text(str(rows), str(rows))),
        (Text("导出人", "Exported by"), Text(f"{who} {post.title.zh}", f"{who}, {post.title.en}") if post
         else Text(who, who)),
        (Text("导出时间", "Exported at"), Text(made, made)),
        (Text("追溯号", "Trace"), Text(request.correlation, request.correlation)),
        (Text("个人信息", "Persons"), Text("按导出人的权限脱敏", "masked as for whoever exported")),
    ]  # fmt: skip


def _rows(read: Callable[[PageQuery], Page[S]], as_of: datetime | None) -> Iterator[S]:
    cursor: str | None = None
    given = 0
    while True:
        page = read(PageQuery(cursor=cursor, limit=_PAGE, as_of=as_of))
        given += len(page.items)
        if given > MOST_ROWS or (given == MOST_ROWS and page.next):
            raise Refusal(
                "too_many_rows",
                Text(f"超过 {MOST_ROWS} 条，无法一次导出；请缩小筛选范围后重试。",
                     f"There are more than {MOST_ROWS} rows; narrow the filters and export again."),
            )  # fmt: skip
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _told(value: Cell, spoken: str) -> str | int | float | datetime | date | None:
    """What stands in a cell: texts in the language, times in the city's zone."""
    if isinstance(value, bool):
        value = _YES if value else _NO
    if isinstance(value, Text | TextOut):
        return Text(value.zh, value.en).in_(spoken)
    if isinstance(value, datetime):
        return value.astimezone(city_zone()).replace(tzinfo=None, microsecond=0)
    return float(value) if isinstance(value, Decimal) else value


def _harmless(text: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv(sheet: Sheet[S], rows: Iterable[S], spoken: str, origin: list[tuple[Text, Text]]) -> bytes:
    """UTF-8 with its mark, which spreadsheets need to see that it is no GBK; exact decimals as they are.

    The last line, which begins with `#`, says whose file it is.
    """
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(column.title.in_(spoken) for column in sheet.columns)
    for row in rows:
        cells: list[str] = []
        for column in sheet.columns:
            value = column.value(row)
            told = str(value) if isinstance(value, Decimal) else _told(value, spoken)
            cells.append("" if told is None else _harmless(told) if isinstance(told, str) else str(told))
        writer.writerow(cells)
    told_at_the_end = "; ".join(f"{what.in_(spoken)} {words.in_(spoken)}" for what, words in origin)
    writer.writerow([f"# {told_at_the_end}"])
    return lines.getvalue().encode("utf-8-sig")


def _xlsx(sheet: Sheet[S], rows: list[S], spoken: str, origin: list[tuple[Text, Text]]) -> bytes:
    """One sheet with the rows, a second one that says what they are and of when."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    head = book.add_format({"bold": True, "bottom": 1})
    moment, day = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"))
    table = book.add_worksheet(sheet.title.in_(spoken)[:31])
    table.freeze_panes(1, 0)
    for at, column in enumerate(sheet.columns):
        table.set_column(at, at, column.width)
        table.write_string(0, at, column.title.in_(spoken), head)
    for line, row in enumerate(rows, 1):
        for at, column in enumerate(sheet.columns):
            told = _told(column.value(row), spoken)
            if isinstance(told, datetime):
                table.write_datetime(line, at, told, moment)
            elif isinstance(told, date):
                table.write_datetime(line, at, told, day)
            elif isinstance(told, str):
                table.write_string(line, at, told[:_LONGEST])
            elif told is not None:
                table.write_number(line, at, told)
    about = book.add_worksheet(Text("说明", "About").in_(spoken))
    about.set_column(0, 1, 28)
    for at, (what, words) in enumerate(origin):
        about.write_string(at, 0, what.in_(spoken), head)
        about.write_string(at, 1, words.in_(spoken))
    book.close()
    return file.getvalue()
