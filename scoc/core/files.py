"""Attachments (附件) by content hash in a folder: a file is on the disk before its row is; who may read one."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings

from scoc.core.acting import Viewer, acting
from scoc.core.models import Attachment
from scoc.core.now import city_now, wall_now
from scoc.core.refusals import Invalid, invalid

LARGEST = 10 * 1024 * 1024
_KINDS = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "application/pdf": b"%PDF-",
}
_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}


Visible = Callable[[Viewer, int], bool]
HOLDERS: list[tuple[str, Visible]] = []
"""Who answers for files: the permission that shows a module's things, and whether one of them holds the file."""


def holds_files(permission: str) -> Callable[[Visible], Visible]:
    """Declare, in a module's queries, how to tell whether the viewer may see a thing of the module with this file.

    The function is asked only with the permission; it applies the viewer's scope and run itself.
    """

    def make(visible: Visible) -> Visible:
        HOLDERS.append((permission, visible))
        return visible

    return make


def handed_in(viewer: Viewer, row: Attachment) -> bool:
    """Whether it was handed in by the viewer's post."""
    return viewer.post_id is not None and row.post_id == viewer.post_id


def hangs_on_something_visible(viewer: Viewer, row: Attachment) -> bool:
    """Whether some module shows the viewer a thing that this file hangs on."""
    return any(viewer.may(permission) is not None and visible(viewer, row.pk) for permission, visible in HOLDERS)


def _place(digest: str) -> Path:
    return Path(settings.SCOC_FILES) / digest[:2] / digest


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lasting_folder(folder: Path) -> None:
    """Make a folder that is still there after the power failed."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent)


def media_type_of(content: bytes) -> str:
    """The kind of file by its first bytes, whatever its name says. Raises Invalid for any other kind."""
    for kind, magic in _KINDS.items():
        if content.startswith(magic):
            return kind
    raise invalid(
        "file", "Only JPEG, PNG and PDF files are taken.", "Convert it and send it again.",
        code="unknown_file", zh="仅接受 JPEG、PNG 图片和 PDF 文件。",
    )  # fmt: skip


def too_large() -> Invalid:
    """The refusal of a file that is empty or over 10 MB."""
    return invalid("file", "A file has 1 byte to 10 MB.", "Send a smaller file.", zh="文件应在 10 MB 以内。")


def keep_file(
    content: bytes,
    name: str,
    *,
    lon: float | None = None,
    lat: float | None = None,
    taken_at: datetime | None = None,
    grade: int = 3,
) -> Attachment:
    """Store a file inside the open action. Raises Invalid when it is empty, over 10 MB or of an unknown kind."""
    if not 0 < len(content) <= LARGEST:
        raise too_large()
    media_type = media_type_of(content)
    digest = hashlib.sha256(content).hexdigest()
    place = _place(digest)
    if not place.exists():
        _lasting_folder(place.parent)
        draft = place.with_name(f".{digest}.{secrets.token_hex(4)}")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
        _sync(place.parent)
    work = acting()
    safe = "".join(c for c in Path(name).stem if c.isalnum() or c in "-_")[:80] or "file"
    return Attachment.objects.create(
        digest=digest, size=len(content), media_type=media_type, name=safe + _ENDINGS[media_type], lon=lon, lat=lat,
        taken_at=taken_at, happened_at=taken_at or city_now(), recorded_at=wall_now(), run_id=work.run_id,
        organisation_id=work.actor.organisation_id, post_id=work.actor.post_id, correlation=work.correlation,
        grade=grade,
    )  # fmt: skip


def content_of(attachment: Attachment) -> bytes:
    """The file's bytes. Raises OSError when the disk changed them: the hash must agree."""
    content = _place(attachment.digest).read_bytes()
    if hashlib.sha256(content).hexdigest() != attachment.digest:
        raise OSError(f"attachment {attachment.pk} does not agree with its hash")
    return content
