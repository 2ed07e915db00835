"""What is written to logs carries no person's number."""

from __future__ import annotations

import logging

from scoc.kit import masks

_PLAIN = logging.Formatter()


def _told(text: str) -> str:
    """Masked, and without half characters, which no log file takes."""
    return masks.mask_text(text).encode("utf-8", "backslashreplace").decode()


class MaskPersons(logging.Filter):
    """Masks telephone numbers and identity numbers in everything that is logged: message, arguments, traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's texts by their masked forms; never drops a record, never raises."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # arguments that do not fit: tell both rather than fail the caller
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = _told(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _PLAIN.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = _told(record.exc_text)
        if record.stack_info:
            record.stack_info = _told(record.stack_info)
        return True
