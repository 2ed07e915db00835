"""The routes of sensing, which the files beside this one fill."""

from __future__ import annotations

from ninja.params.functions import Path

from scoc.core.http import Routes

routes = Routes(own="alarm")
ID = Path(..., ge=1, le=2**53)
