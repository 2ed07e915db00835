"""Checks of the loaded registries: actions, queries, routes, facts, measures, models, apps."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, get_origin, get_type_hints

from scripts.lints.house import Finding, House, check

_NAME = re.compile(r"^[a-z][a-z_]*\.[a-z][a-z0-9_]*$")
_IRREGULAR = {
    "back", "begun", "built", "cut", "drawn", "fed", "found", "given", "held", "kept", "left", "lost", "made", "met",
    "paid", "put", "read", "run", "seen", "sent", "set", "shown", "shut", "sold", "taken", "won", "written",
    "withdrawn",
}  # fmt: skip
_OPENLY = "Needs no permission:"
PUBLIC_ROUTES = {
    "GET /api/v1/core/session": "tells who is signed in; nobody is before log-in",
    "POST /api/v1/core/login": "signs in",
    "GET /api/v1/core/clock": "the city's time, which every screen shows",
    "GET /api/v1/openapi.json": "the contract of the API, without data",
    "GET /healthz": "whether the process can answer, for supervisors",
    "GET /": "the console's page, without data",
    "GET /cockpit": "the cockpit's page, without data",
}
"""Every address that answers without a log-in, each with the reviewed reason."""
LEAN_PATHS = {
    "/api/v1/core/live": "authenticates by session and filters by the viewer's permissions in core.live",
    "/api/v1/sensing/readings": "authenticates a device by its credential, for itself only, in sensing.lean",
}
"""Every address in front of Django, each with where its access is checked."""
WHOLE_LISTS = {
    "GET /api/v1/core/permissions": "what the code declares, not what a city adds",
    "GET /api/v1/core/keys/{prefix}/meters": "the hours of one key, as many as `hours` allows",
    "GET /api/v1/sensing/types": "the kinds of devices that a pack configures",
    "GET /api/v1/sensing/devices/points": "points of one map, capped at MOST_ON_MAP",
    "GET /api/v1/sensing/accounting/sums": "sums by day, capped at 5 000",
    "GET /api/v1/sensing/accounting/proofs": "one for each day, capped at 400",
    "GET /api/v1/sensing/rejected/counts": "sums by day, capped at 5 000",
    "GET /api/v1/cases/points": "points of one map, capped at MOST_POINTS",
    "GET /api/v1/cases/{case_id}/around": "open cases near one case, at most 50",
    "GET /api/v1/cases/conditions": "the filing conditions that a pack configures, capped at 2 000",
    "GET /api/v1/cases/sources": "the sources of reports that a pack configures",
    "GET /api/v1/cases/units": "the responsibility matrix's suggestions for one place",
    "GET /api/v1/cases/{case_id}/units": "the responsibility matrix's suggestions for one case",
    "GET /api/v1/indicators/signs": "the indicators that a pack configures",
    "GET /api/v1/indicators/districts": "the districts of the city",
    "GET /api/v1/intake/situations/points": "points of one map, capped at MOST_POINTS",
}
"""Every address that gives a list without pages, each with the reviewed reason why it cannot grow long."""


def _module(house: House, thing: Any) -> str | None:
    return house.layers.module_of(inspect.unwrap(thing).__module__ if callable(thing) else str(thing))


def _short(module: str | None) -> str:
    return (module or "").rsplit(".", 1)[-1]


def _where(thing: Callable[..., Any]) -> str:
    real = inspect.unwrap(thing)
    return f"{real.__module__}.{real.__qualname__}"


def _form(function: Callable[..., Any], first: str, kind: type) -> Iterator[Finding]:
    """What is wrong with the form of an action or query."""
    real, place = inspect.unwrap(function), _where(function)
    parameters = list(inspect.signature(real).parameters.values())
    try:
        hints = get_type_hints(real)
    except NameError as reason:
        yield Finding(place, f"has a type that cannot be read ({reason}).", "Import it outside of TYPE_CHECKING.")
        return
    if not parameters or parameters[0].name != first or hints.get(first) is not kind:
        yield Finding(
            place, f"does not take `{first}: {kind.__name__}` first.", "Who acts or reads always comes first."
        )
    for parameter in parameters:
        if parameter.name not in hints:
            yield Finding(place, f"parameter `{parameter.name}` has no type.", "Give it one.")
        if parameter.kind is parameter.VAR_KEYWORD:
            yield Finding(place, f"`**{parameter.name}` hides what it takes.", "Name the parameters, or take a schema.")
    if "return" not in hints:
        yield Finding(place, "its result has no type.", "Give it one.")
    sentence = (real.__doc__ or "").strip().split("\n\n", 1)[0]
    if not sentence.endswith((".", "。", ":")) or len(sentence) < 8:
        yield Finding(place, "has no docstring line.", "Say in one sentence what it does, ending with a full stop.")


def _leads_to_actions(function: Callable[..., Any], registered: set[int]) -> bool:
    """Whether a function that takes the actor first does its work by calling an action of its own file."""
    parameters = list(inspect.signature(function).parameters)
    waiting, seen = [function], set()
    while waiting and parameters[:1] == ["actor"]:
        current = waiting.pop()
        for name in current.__code__.co_names:
            called = current.__globals__.get(name)
            if id(called) in registered:
                return True
            if inspect.isfunction(called) and called.__module__ == function.__module__ and id(called) not in seen:
                seen.add(id(called))
                waiting.append(called)
    return False


def _permissions() -> set[str]:
    from scoc.core.access import QUERIES
    from scoc.core.actions import ACTIONS

    return {*ACTIONS, *QUERIES}


@check("actions", django=True)
def actions(house: House) -> Iterator[Finding]:
    """Every action: actor first, types, a docstring line, a name of its module that packs can grant, in actions.py."""
    from scoc.core.acting import Actor
    from scoc.core.actions import ACTIONS

    for name, function in ACTIONS.items():
        module = _module(house, function)
        yield from _form(function, "actor", Actor)
        if not _NAME.match(name) or len(name) > 80 or name.split(".")[0] != _short(module):
            yield Finding(_where(function), f"the action's name `{name}` cannot be granted.",
                          f"Call it `{_short(module)}.<verb>`: that is its permission in grants.toml.")  # fmt: skip
        real = inspect.unwrap(function)
        if module != "scoc.core" and not f"{real.__module__}.".startswith(f"{module}.actions."):
            yield Finding(_where(function), "is an action outside of its module's actions.py.", "Move it there.")


@check("public-functions", django=True)
def public_functions(house: House) -> Iterator[Finding]:
    """Every public function of actions.py and queries.py is one, or says why it needs no permission."""
    import sys

    from scoc.core.access import QUERIES
    from scoc.core.actions import ACTIONS

    registered = {id(f) for f in ACTIONS.values()} | {id(f) for group in QUERIES.values() for f in group}
    for module in house.layers.modules:
        if module in {"scoc.core", "scoc.kit"}:
            continue
        for file in ("actions", "queries"):
            for dotted, loaded in sorted(sys.modules.items()):
                if dotted != f"{module}.{file}" and not dotted.startswith(f"{module}.{file}."):
                    continue
                for name, thing in vars(loaded).items():
                    if name.startswith("_") or not inspect.isfunction(thing) or id(thing) in registered:
                        continue
                    if inspect.unwrap(thing).__module__ != dotted or _leads_to_actions(thing, registered):
                        continue
                    if _OPENLY not in (thing.__doc__ or ""):
                        yield Finding(
                            f"{dotted}.{name}", f"is public in {file}.py, but neither action nor query.",
                            "Make it one, or give it a leading underscore; if it tells and changes nothing that needs "
                            f"a permission, say so in its docstring: `{_OPENLY} …`.",
                        )  # fmt: skip


@check("queries", django=True)
def queries(house: House) -> Iterator[Finding]:
    """Every query: viewer first, types, a docstring line, a permission of its own module; pages take a PageQuery."""
    from scoc.core.access import QUERIES
    from scoc.core.acting import Viewer
    from scoc.core.http.paging import Page, PageQuery

    for permission, functions in QUERIES.items():
        for function in functions:
            yield from _form(function, "viewer", Viewer)
            own = _short(_module(house, function))
            if not _NAME.match(permission) or permission.split(".")[0] != own:
                yield Finding(_where(function), f"asks for `{permission}`, which is not its module's.",
                              f"Ask for `{own}.read_<things>`.")  # fmt: skip
            hints = get_type_hints(inspect.unwrap(function))
            result = hints.get("return")
            is_page = isinstance(result, type) and issubclass(result, Page)
            if is_page and PageQuery not in hints.values():
                yield Finding(_where(function), "gives pages, but takes no PageQuery.",
                              "Take `page: PageQuery`: it carries the cursor, the size and `as_of`.")  # fmt: skip


@check("routes", django=True)
def routes(house: House) -> Iterator[Finding]:
    """Every address names a permission there is, or stands on the short list of public ones; none avoids Routes."""
    from django.urls import get_resolver

    from scoc.core.declarations import declared
    from scoc.core.http.routes import OF_PERSONS, PUBLIC, ROUTES

    addresses = list(_addresses(get_resolver().url_patterns))
    known = {*_permissions(), *OF_PERSONS}
    guarded = {(_module_path(house, route.view) + route.path.rstrip("/"), route.method): route for route in ROUTES}
    for (address, method), route in sorted(guarded.items(), key=lambda item: item[0]):
        place = f"{_where(route.view)} ({method} {address})"
        if not (inspect.unwrap(route.view).__doc__ or "").strip():
            yield Finding(place, "has no docstring.", "Its first line is what the API's documentation says.")
        if route.permission is PUBLIC:
            if f"{method} {address}" not in PUBLIC_ROUTES:
                yield Finding(place, "is public, but not on the reviewed list.",
                              "Name its permission; or add it to PUBLIC_ROUTES with its reason.")  # fmt: skip
        elif route.permission not in known:
            yield Finding(place, f"names the permission `{route.permission}`, which no action or query has.",
                          "Use the name of the action it calls, or the permission of the query.")  # fmt: skip
    for address, method in addresses:
        if (address, method) not in guarded and f"{method} {address}" not in PUBLIC_ROUTES:
            yield Finding(f"{method} {address}", "goes past Routes(), so nothing asks for a permission.",
                          "Declare it with the module's `routes = Routes()`.")  # fmt: skip
    lean = {path for module in declared("lean") for path in getattr(module, "LEAN_PATHS", {})}
    for address in sorted(lean - set(LEAN_PATHS)):
        yield Finding(address, "is a lean path that nobody reviewed.",
                      "Add it to LEAN_PATHS with where its access is checked.")  # fmt: skip


def _module_path(house: House, view: Callable[..., Any]) -> str:
    return f"/api/v1/{_short(_module(house, view))}"


def _addresses(entries: list[Any]) -> Iterator[tuple[str, str]]:
    """Every address with its methods: the API's by its routers, pages by the fixed beginning of their pattern."""
    from scoc.site.urls import api

    yield "/api/v1/openapi.json", "GET"
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                yield from ((f"/api/v1{prefix}{path}".rstrip("/"), method) for method in operation.methods)
    for entry in entries:
        if getattr(entry, "namespace", None) == "api":
            continue
        if hasattr(entry, "url_patterns"):
            yield f"/{entry.pattern}*", "ANY"
            continue
        yield "/" + re.split(r"\(", str(entry.pattern).lstrip("^"))[0].rstrip("$/"), "GET"


@check("lists", django=True)
def lists(house: House) -> Iterator[Finding]:
    """Every address that gives a list gives it by pages, or stands on the short list of those that stay short."""
    from importlib import import_module

    from scoc.core.http.routes import ROUTES

    import_module("scoc.site.urls")  # it loads the routes of all modules
    whole = set()
    for route in ROUTES:
        view = inspect.unwrap(route.view)
        if get_origin(get_type_hints(view).get("return")) not in {list, tuple}:
            continue
        address = f"{route.method} {_module_path(house, route.view)}{route.path}"
        whole.add(address)
        if address not in WHOLE_LISTS:
            yield Finding(f"{_where(view)} ({address})", "gives a list without pages.",
                          "Give a `Page` and take a `PageQuery`; or add it to WHOLE_LISTS with its bound.")  # fmt: skip
    for address in sorted(WHOLE_LISTS.keys() - whole):
        yield Finding(address, "is on the list of whole lists, but is none.", "Take it off WHOLE_LISTS.")


@check("facts", django=True)
def facts(house: House) -> Iterator[Finding]:
    """Every fact: `module.noun_participle` of its own module, ids and codes only, a known permission."""
    from scoc.core.facts import FACTS, _plain

    known = _permissions()
    for name, kind in FACTS.items():
        module = _module(house, kind.cls)
        place = f"{kind.cls.__module__}.{kind.cls.__name__}"
        words = name.split(".", 1)[-1].split("_")
        if name.split(".")[0] != _short(module) or not _NAME.match(name):
            yield Finding(place, f"is called `{name}`.", f"Call it `{_short(module)}.<noun>_<participle>`.")
        if not any(word.endswith("ed") or word in _IRREGULAR for word in words):
            yield Finding(place, f"`{name}` tells no deed that is done.", "End it with a past participle.")
        for field, hint in get_type_hints(kind.cls).items():
            if not _plain(hint):
                yield Finding(place, f"field `{field}` may hold text or persons.", "Use int, bool, datetime or Code.")
        if kind.permission not in known:
            yield Finding(place, f"is seen with `{kind.permission}`, which no action or query has.",
                          "Name the permission of the query that shows its subject.")  # fmt: skip
        if module != "scoc.core" and not f"{kind.cls.__module__}.".startswith(f"{module}.facts."):
            yield Finding(place, "is a fact outside of its module's facts.py.", "Move it there.")
        if not (kind.cls.__doc__ or "").strip() or (kind.cls.__doc__ or "").startswith(f"{kind.cls.__name__}("):
            yield Finding(place, "has no docstring.", "Say what happened in the city.")


@check("schema-names", django=True)
def schema_names(house: House) -> Iterator[Finding]:
    """No two modules call a shape by one name: in the API's document one would silently stand for both."""
    from importlib import import_module
    from importlib.util import find_spec

    from pydantic import BaseModel

    owners: dict[str, str] = {}
    for module in reversed(house.layers.modules):
        if find_spec(module) is None or find_spec(f"{module}.schemas") is None:
            continue
        for name, thing in vars(import_module(f"{module}.schemas")).items():
            own = inspect.isclass(thing) and issubclass(thing, BaseModel) and name.isidentifier()
            if not own or not thing.__module__.startswith(f"{module}.schemas"):
                continue
            if owners.setdefault(name, module) != module:
                yield Finding(f"{thing.__module__}.{name}", f"bears a name that {owners[name]} uses for a shape.",
                              "Call it after its module's noun.")  # fmt: skip


@check("measures", django=True)
def measures(house: House) -> Iterator[Finding]:
    """Every measure is called by its module's name and asks for a permission there is."""
    from scoc.core.measures import MEASURES

    for name, measure in MEASURES.items():
        if name.split(".")[0] != _short(_module(house, measure.give)):
            yield Finding(_where(measure.give), f"is called `{name}`.", "Begin with the module's name.")
        if measure.permission not in _permissions():
            yield Finding(_where(measure.give), f"asks for `{measure.permission}`, which no action or query has.",
                          "Name the permission of the query that shows the same rows.")  # fmt: skip


@check("finders", django=True)
def finders(house: House) -> Iterator[Finding]:
    """Every finder stands in its module's search.py and asks for a permission there is."""
    from scoc.core.finding import FINDERS

    for kind, one in FINDERS.items():
        module = _module(house, one.find)
        if inspect.unwrap(one.find).__module__ != f"{module}.search":
            yield Finding(_where(one.find), f"finds `{kind}` outside of its module's search.py.", "Move it there.")
        if one.permission not in _permissions():
            yield Finding(_where(one.find), f"asks for `{one.permission}`, which no action or query has.",
                          "Name the permission of the query that shows the same rows.")  # fmt: skip


@check("models", django=True)
def models(house: House) -> Iterator[Finding]:
    """Foreign keys point to the own module or downwards, and leave no reverse name across modules."""
    from django.apps import apps

    for model in apps.get_models():
        mine = house.layers.module_of(model.__module__)
        if mine is None:
            continue
        place = f"{model.__module__}.{model.__name__}"
        if (model.__doc__ or "").startswith(f"{model.__name__}("):
            yield Finding(place, "has no docstring.", "Say what the thing is in the city.")
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
            if not field.is_relation:
                continue
            target = field.related_model
            if not isinstance(target, type):
                yield Finding(
                    f"{place}.{field.name}", "points to any model at all.", "Point to one, or keep a subject id."
                )
                continue
            other = house.layers.module_of(target.__module__)
            if other is None or other == mine:
                continue
            if not house.layers.may_import(mine, other):
                yield Finding(
                    f"{place}.{field.name}", f"points up, to {other}.",
                    "Keep a plain id or subject (`cases:12`), or turn the relation round.",
                )  # fmt: skip
            if field.remote_field is None or not field.remote_field.hidden:
                yield Finding(
                    f"{place}.{field.name}", f"gives {other} a reverse name of {mine}.",
                    'Write `related_name="+"`: a lower module must not reach upward.',
                )  # fmt: skip


@check("installed-apps", django=True)
def installed_apps(house: House) -> Iterator[Finding]:
    """Every module with an app is installed, and every installed app of ours is a module of the list."""
    from django.apps import apps

    installed = {config.name for config in apps.get_app_configs() if config.name.startswith("scoc.")}
    for name in sorted(installed - set(house.layers.modules)):
        yield Finding("scoc/site/settings.py", f"installs {name}, which is not in the list of layers.",
                      "Add it to the contract `layers` in pyproject.toml.")  # fmt: skip
    for module in house.layers.modules:
        has_app = (house.root / house.folder_of(module) / "apps.py").exists()
        if has_app and module not in installed:
            yield Finding("scoc/site/settings.py", f"does not install {module}.", "Add it to INSTALLED_APPS.")


@check("readme-names", django=True)
def readme_names(house: House) -> Iterator[Finding]:
    """Each README lists every fact and action of its module, and none that does not exist."""
    from scoc.core.access import QUERIES
    from scoc.core.actions import ACTIONS
    from scoc.core.facts import FACTS
    from scoc.core.measures import MEASURES
    from scoc.core.tasks import TASKS

    told = {name: _module(house, kind.cls) for name, kind in FACTS.items()}
    told |= {name: _module(house, function) for name, function in ACTIONS.items()}
    aliases = {name: kind.cls.__name__ for name, kind in FACTS.items()}
    others = {*QUERIES, *MEASURES, *TASKS, *(measure.permission for measure in MEASURES.values())}
    for module in house.layers.modules:
        path = house.folder_of(module) / "README.md"
        if path not in house.files:
            continue
        text, short = house.text(path), _short(module)
        words = set(re.findall(r"`([\w.]+)", text))
        for name in sorted(name for name, owner in told.items() if owner == module):
            if not words & {name, name.split(".")[-1], aliases.get(name, name)}:
                yield Finding(str(path), f"does not tell of `{name}`.", "Add it to its facts or actions.")
        for word in sorted(words):
            if _NAME.match(word) and word.startswith(f"{short}.") and word not in told and word not in others:
                first = word.split(".")[1]
                if not any((house.root / house.folder_of(module) / first).with_suffix(s).exists() for s in ("", ".py")):
                    yield Finding(str(path), f"tells of `{word}`, which does not exist.", "Take it out.")
