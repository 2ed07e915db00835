"""Every change of a case there is: the moves of the table, and side actions that move nothing."""

from scoc.command.cases.actions.disposal import dispatch_case, feed_back, sign_case
from scoc.command.cases.actions.notes import comment_case
from scoc.command.cases.actions.reports import report_case
from scoc.command.cases.actions.supervision import (
    accept_case,
    close_case,
    file_case,
    pass_check,
    rework_case,
    send_to_check,
)

__all__ = [
    "accept_case",
    "close_case",
    "comment_case",
    "dispatch_case",
    "feed_back",
    "file_case",
    "pass_check",
    "report_case",
    "rework_case",
    "send_to_check",
    "sign_case",
]
