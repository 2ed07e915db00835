"""Attachments: of known kinds only, by content, on the disk before the row, seen within the scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from scoc.core import administration, files, queries
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.files import LARGEST, content_of, holds_files, keep_file, media_type_of
from scoc.core.models import Attachment, Run
from scoc.core.refusals import Invalid, NotFound
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 64
PDF = b"%PDF-1.7\n"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty folder of attachments."""
    settings.SCOC_FILES = tmp_path / "files"
    return tmp_path / "files"


def keep(content: bytes, name: str) -> Attachment:
    """Store one file."""
    with unit_of_work(system_actor("tests")):
        return keep_file(content, name)


@pytest.mark.parametrize(("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (PDF, "application/pdf")])
def test_the_kind_is_told_by_the_content(content: bytes, kind: str) -> None:
    assert media_type_of(content) == kind


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"GIF89a", b"MZ", b"PK\x03\x04", b"#!", b"\x89PN"])
def test_other_kinds_are_refused_whatever_they_are_called(city: City, content: bytes) -> None:
    with pytest.raises(Invalid, match="unknown_file"):
        keep(content, "photo.png")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("photo.png", "photo.png"),
        ("现场照片 1.PNG", "现场照片1.png"),
        ("../../etc/passwd", "passwd.png"),
        ("..\\..\\boot.ini", "boot.png"),
        ("a/b\0c.png", "bc.png"),
        ("x.php.png", "xphp.png"),
        ("", "file.png"),
        ("....", "file.png"),
        ("名" * 300 + ".png", "名" * 80 + ".png"),
        ('"><script>.png', "script.png"),
    ],
)
def test_names_lead_nowhere(city: City, folder: Path, name: str, safe: str) -> None:
    row = keep(PNG, name)
    assert row.name == safe
    assert [path for path in folder.rglob("*") if path.is_file()] == [folder / row.digest[:2] / row.digest]


def test_sizes_are_limited(city: City) -> None:
    for content in (b"", PNG + b"0" * LARGEST):
        with pytest.raises(Invalid):
            keep(content, "a.png")
    assert keep(PNG + b"0" * (LARGEST - len(PNG)), "a.png").size == LARGEST


def test_equal_contents_are_stored_once_and_each_hand_in_is_a_row(city: City, folder: Path) -> None:
    first, second = keep(PNG, "a.png"), keep(PNG, "b.png")
    assert first.pk != second.pk
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1
    assert content_of(second) == PNG


def test_a_file_that_the_disk_changed_is_not_given(city: City, folder: Path) -> None:
    row = keep(PNG, "a.png")
    (folder / row.digest[:2] / row.digest).write_bytes(PNG + b"!")
    with pytest.raises(OSError, match="hash"):
        content_of(row)


def test_a_file_carries_who_handed_it_in_and_where_it_was_taken(city: City, monday: object) -> None:
    actor = make_actor("core.hand_in_file", organisation=city.bureau)
    row = administration.hand_in_file(actor, JPEG, "a.jpg", lon=121.5, lat=30.0)
    assert (row.organisation_id, row.post_id, row.run_id) == (city.bureau.pk, actor.post_id, city.run.pk)
    assert (row.lon, row.lat, row.happened_at, row.grade) == (121.5, 30.0, monday, 3)


@pytest.mark.parametrize("scope", ["self", "unit", "area_below", "city"])
def test_a_file_that_hangs_on_nothing_is_for_the_post_alone_that_handed_it_in(city: City, scope: str) -> None:
    actor = make_actor(
        "core.hand_in_file", "core.read_files", organisation=city.bureau, area=city.east, scope=scope
    )  # fmt: skip
    row = administration.hand_in_file(actor, PNG, "a.png")
    assert queries.attachment(actor, row.pk) == row
    other = make_actor("core.read_files", organisation=city.bureau, area=city.east, scope=scope)
    with pytest.raises(NotFound):
        queries.attachment(other, row.pk)


def test_a_file_follows_what_it_hangs_on(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    row = administration.hand_in_file(make_actor("core.hand_in_file", organisation=city.bureau), PNG, "a.png")
    reader = make_actor("core.read_files", "tests.read", organisation=city.centre, scope="unit")
    stranger = make_actor("core.read_files", organisation=city.centre, scope="city")
    open_to: list[int] = []
    monkeypatch.setattr(files, "HOLDERS", [])
    holds_files("tests.read")(lambda viewer, number: number == row.pk and viewer.user_id in open_to)
    with pytest.raises(NotFound):
        queries.attachment(reader, row.pk)
    open_to += [reader.user_id, stranger.user_id]
    assert queries.attachment(reader, row.pk) == row
    with pytest.raises(NotFound):  # nobody asks a module for whom its things do not exist
        queries.attachment(stranger, row.pk)


def test_a_file_of_another_run_is_not_there(city: City) -> None:
    actor = make_actor("core.hand_in_file", "core.read_files")
    row = administration.hand_in_file(actor, PNG, "a.png")
    other = Run.objects.create(kind="exercise", name=Text("演练", "Drill"), started_at=row.recorded_at)
    with pytest.raises(NotFound):
        queries.attachment(actor.on_run(other.pk), row.pk)


def test_a_browser_shows_a_file_but_runs_nothing_of_it(city: City) -> None:
    client = browser(make_actor("core.*"))
    made = client.post(
        "/api/v1/core/attachments?lon=121.5&lat=30&taken_at=2026-06-15T09:00:00%2B08:00",
        {"file": SimpleUploadedFile("报告.pdf", PDF, content_type="text/html")},
    )
    assert made.json()["media_type"] == "application/pdf"
    assert made.json()["taken_at"] == "2026-06-15T01:00:00Z"
    answer = client.get(f"/api/v1/core/attachments/{made.json()['id']}")
    assert answer.content == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("place", ["lon=181", "lat=-91", "lon=nan", "lat=inf", "taken_at=2026-06-15T09:00:00"])
def test_impossible_places_and_times_are_refused(city: City, place: str) -> None:
    client = browser(make_actor("core.*"))
    answer = client.post(f"/api/v1/core/attachments?{place}", {"file": SimpleUploadedFile("a.png", PNG)})
    assert answer.status_code == 422
    assert not Attachment.objects.exists()


def test_a_file_that_is_too_large_is_not_read_into_memory(city: City) -> None:
    client = browser(make_actor("core.*"))
    large = SimpleUploadedFile("a.png", PNG + b"0" * LARGEST)
    answer = client.post("/api/v1/core/attachments", {"file": large})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
