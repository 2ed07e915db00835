"""Delta and DuckDB, loaded when they are first used.

Every process knows the lake's actions and queries, few ever touch a lake, and the two would cost each some 45 MB.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import deltalake
    import deltalake.exceptions
    import deltalake.fs
    import deltalake.transaction
    import duckdb
else:

    class _Later:
        """A package whose parts are looked for when they are asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, part: str) -> Any:
            package = import_module(self._name)
            return getattr(package, part) if hasattr(package, part) else import_module(f"{self._name}.{part}")

    deltalake = _Later("deltalake")
    duckdb = _Later("duckdb")

__all__ = ["deltalake", "duckdb"]
