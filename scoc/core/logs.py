"""What is written to logs carries no person's number."""

from __future__ import annotations

import logging

from scoc.kit import masks


class MaskPersons(logging.Filter):
    """Masks telephone numbers and identity numbers in everything that is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message by its masked form; never drops a record."""
        message = record.getMessage()
        masked = masks.mask_text(message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True
