"""`scoc openapi`: the API's description, from which the front end's types are made."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from ninja.responses import NinjaJSONEncoder


class Command(BaseCommand):
    """Write the OpenAPI description of /api/v1, in an order that does not change by itself."""

    help = "Write the OpenAPI 3.1 description of the API to a file, or to the screen."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file to write."""
        parser.add_argument("file", nargs="?", help="where to write it; the screen when left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it."""
        schema = import_module(settings.ROOT_URLCONF).api.get_openapi_schema()
        text = json.dumps(schema, cls=NinjaJSONEncoder, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        if options["file"]:
            Path(options["file"]).write_text(text, encoding="utf-8")
        else:
            self.stdout.write(text, ending="")
