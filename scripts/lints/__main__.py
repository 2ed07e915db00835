"""`python -m scripts.lints`: all own checks, with what to do for each thing found."""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.lints.layers import read_layers


def main() -> int:
    """Print every violation; 1 if there is one."""
    read_layers(Path.cwd())
    return 0


if __name__ == "__main__":
    sys.exit(main())
