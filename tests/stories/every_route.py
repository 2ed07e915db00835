"""What the stories over all routes share: each route with a concrete address, and a city with something in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scoc.command.cases.tests.factories import make_cast, report
from scoc.core.acting import Actor
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.actions import ingest
from scoc.sensing.tests.factories import make_device, make_rule, readings

IN_PATHS = {"integer": "1", "string": "1", "number": "1"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One route as the API describes it."""

    method: str
    path: str
    address: str
    permission: str | None
    public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The API's own description of itself."""
    from scoc.site.urls import api

    return dict(api.get_openapi_schema())


def operations() -> list[Operation]:
    """Every route of every module, with its path filled in."""
    found = []
    for path, methods in description()["paths"].items():
        for method, details in methods.items():
            address = path
            for parameter in details.get("parameters", ()):
                if parameter["in"] == "path":
                    filled = IN_PATHS[parameter["schema"].get("type", "string")]
                    address = address.replace("{" + parameter["name"] + "}", filled)
            found.append(
                Operation(method.upper(), path, address, details.get("x-permission"), "security" not in details)
            )
    return found


def furnish(city: City) -> None:
    """Put one thing of each kind into the city: an organised cast, a case, a device with an alarm."""
    cast = make_cast(city)
    report(cast)
    device = make_device(area=city.east, organisation=city.bureau)
    make_rule()
    ingest(make_actor("sensing.*"), "tests", readings(device, 30.0, 90.0, 95.0))


def everybody_in_one() -> Actor:
    """A post that may do everything and sees everything; no such post exists in a city."""
    return make_actor("*", persons="plain")


__all__ = ["Operation", "description", "everybody_in_one", "furnish", "operations"]
