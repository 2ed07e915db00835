"""The command `scoc`: Django's command line with SCOC's settings."""

import os
import sys


def main() -> None:
    """Run one command of the installation: `scoc help` lists them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scoc.site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["scoc", *sys.argv[1:]])


if __name__ == "__main__":
    main()
