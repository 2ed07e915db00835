"""What a wheel carries beside the package: the built front end and the city packs, without which no city starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = {"web/dist": "scoc/site/web", "cities": "scoc/site/cities"}


class Carry(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own parameter says nothing here
    """Puts the folders of `CARRIED` into a wheel; an installation from the work tree reads them where they are."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders. Raises SystemExit when the front end is not built."""
        if version == "editable":
            return
        for source, target in CARRIED.items():
            if not any((Path(self.root) / source).glob("*")):
                raise SystemExit(f"{source} is missing; build the front end first: make web")
            build_data["force_include"][str(Path(self.root) / source)] = target
