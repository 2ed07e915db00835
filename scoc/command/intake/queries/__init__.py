"""Every read of intake: lists, one situation with all that explains it, points for maps, counts."""

from scoc.command.intake.queries.detail import situation
from scoc.command.intake.queries.lists import (
    last_hour,
    situation_counts,
    situation_points,
    situation_titles,
    situations,
)

__all__ = ["last_hour", "situation", "situation_counts", "situation_points", "situation_titles", "situations"]
