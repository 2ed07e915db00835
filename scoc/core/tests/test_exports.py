"""Lists as files: both forms, the language, formulas, times, the limit, the trace in the audit."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import DatabaseError
from django.test import RequestFactory

from scoc.core import audit, now
from scoc.core.acting import Actor
from scoc.core.http import exports
from scoc.core.http.exports import Column, ExportQuery, Sheet, exported
from scoc.core.http.paging import Page, PageQuery
from scoc.core.http.request import Request
from scoc.core.models import AuditEntry, Run
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.kit.text import Text

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of some list."""

    what: str
    at: datetime | None
    value: Decimal | None = None


SHEET: Sheet[Row] = Sheet(
    name="things",
    title=Text("事物", "Things"),
    permission="core.read_audit",
    columns=(
        Column(Text("名称", "Name"), lambda row: row.what),
        Column(Text("时间", "Time"), lambda row: row.at),
        Column(Text("数值", "Value"), lambda row: row.value),
        Column(Text("有值", "Known"), lambda row: row.value is not None),
        Column(Text("日期", "Day"), lambda row: date(2026, 7, 1)),
    ),
)
ROWS = [
    Row("=HYPERLINK(\"http://x\")", datetime(2026, 7, 1, 16, 30, 5, 900, tzinfo=UTC), Decimal("1.50")),
    Row("井盖，破损\n两处", None),
]  # fmt: skip


def asked(actor: Actor, form: str, rows: list[Row], spoken: str = "zh-CN", size: int = 1) -> Any:
    """The file of these rows, which come in pages of `size`."""
    request: Request = RequestFactory().get("/", {"form": form, "text": "张三"}, headers={"Accept-Language": spoken})  # type: ignore[assignment]  # a viewer is set below
    request.viewer, request.correlation = actor, "c0ffee"

    def read(page: PageQuery) -> Page[Row]:
        at = int(page.cursor or 0)
        after = at + size
        return Page.model_construct(
            items=rows[at:after], next=str(after) if after < len(rows) else None, total=None, as_of=now.city_now()
        )

    return exported(request, SHEET, ExportQuery(form=form), read)  # type: ignore[arg-type]  # one of the two


def cells(content: bytes, sheet: int) -> list[list[str]]:
    """The cells of a sheet of an XLSX file as text."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        words = [
            "".join(node.itertext())
            for node in ElementTree.fromstring(book.read("xl/sharedStrings.xml")).iter(f"{MAIN}si")
        ]
        tree = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    lines = []
    for line in tree.iter(f"{MAIN}row"):
        found = []
        for cell in line.iter(f"{MAIN}c"):
            value = cell.findtext(f"{MAIN}v") or ""
            assert cell.find(f"{MAIN}f") is None, "a formula"
            found.append(words[int(value)] if cell.get("t") == "s" else value)
        lines.append(found)
    return lines


def test_csv_opens_in_a_spreadsheet_and_runs_nothing(city: City) -> None:
    answer = asked(make_actor("core.read_audit"), "csv", ROWS)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    *lines, (origin,) = lines
    assert lines == [
        ["名称", "时间", "数值", "有值", "日期"],
        ['\'=HYPERLINK("http://x")', "2026-07-02 00:30:05", "1.50", "是", "2026-07-01"],
        ["井盖，破损\n两处", "", "", "否", "2026-07-01"],
    ]
    assert origin.startswith("# 城市")
    assert "导出人 " in origin
    assert "c0ffee" in origin
    assert answer["Content-Disposition"].startswith('attachment; filename="things-')
    assert answer["Cache-Control"] == "private, no-store"


def test_xlsx_has_times_and_figures_as_such_and_says_what_it_is(city: City) -> None:
    content = asked(make_actor("core.read_audit"), "xlsx", ROWS, "en").content
    head, first, second = cells(content, 1)
    assert head == ["Name", "Time", "Value", "Known", "Day"]
    assert first[0] == '=HYPERLINK("http://x")'  # a text, not a formula
    assert float(first[1]) == pytest.approx(46205 + 1805 / 86400)  # days since 1899-12-30, in the city's zone
    assert (first[2], first[3]) == ("1.5", "yes")
    assert second[0] == "井盖，破损\n两处"
    about = dict(cells(content, 2))
    assert about["Rows"] == "2"
    assert about["List"] == "Things"
    assert about["Exported by"].startswith("user")


def test_a_file_of_a_drill_says_so(city: City) -> None:
    Run.objects.filter(pk=now.current_run()).update(kind=Run.Kind.EXERCISE, name=Text("防汛演练", "Flood drill"))
    answer = asked(make_actor("core.read_audit"), "csv", ROWS)
    assert 'filename="exercise-things-' in answer["Content-Disposition"]
    assert "# 非实时数据 演练：防汛演练; " in answer.content.decode()


def test_an_export_is_in_the_audit(city: City) -> None:
    actor = make_actor("core.read_audit")
    asked(actor, "csv", ROWS)
    entry = AuditEntry.objects.get(kind="export")
    assert (entry.user_id, entry.action, entry.subject, entry.outcome) == (
        actor.user_id, "core.read_audit", "things", "done",
    )  # fmt: skip
    assert entry.detail.startswith("2 rows; form=csv&text=")
    assert "张三" not in entry.detail  # words that were looked for may be a name


def test_what_cannot_be_audited_is_not_given(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(entries: object) -> None:
        raise DatabaseError("full")

    monkeypatch.setattr(audit, "write", broken)
    with pytest.raises(DatabaseError):
        asked(make_actor("core.read_audit"), "csv", ROWS)


def test_a_list_beyond_the_limit_is_refused_not_cut(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    actor = make_actor("core.read_audit")
    assert asked(actor, "csv", ROWS).status_code == 200
    for size in (1, 2, 3):
        with pytest.raises(Refusal, match="too_many_rows"):
            asked(actor, "csv", [*ROWS, ROWS[1]], size=size)
