"""The kernel's own actions: accounts and posts, grants, keys, the calendar, runs, and what every desk needs."""

from scoc.core.administration.accounts import close_account, create_account, set_password
from scoc.core.administration.calendar import edit_calendar, edit_office_hours
from scoc.core.administration.desk import (
    erase_person,
    hand_in_file,
    note_read,
    read_notice,
    retry_delivery,
    view_person,
)
from scoc.core.administration.grants import grant_permission, withdraw_grant
from scoc.core.administration.keys import issue_key, revoke_key
from scoc.core.administration.posts import give_post, refuse_conflicts, take_post
from scoc.core.administration.runs import end_run, start_run, switch_run

__all__ = [
    "close_account",
    "create_account",
    "edit_calendar",
    "edit_office_hours",
    "end_run",
    "erase_person",
    "give_post",
    "grant_permission",
    "hand_in_file",
    "issue_key",
    "note_read",
    "read_notice",
    "refuse_conflicts",
    "retry_delivery",
    "revoke_key",
    "set_password",
    "start_run",
    "switch_run",
    "take_post",
    "view_person",
    "withdraw_grant",
]
