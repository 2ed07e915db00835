"""The roles of the common pack: each has a desk that exists and that it may open, and duties stay apart."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

COMMON = Path(settings.SCOC_CITIES) / "common"
WEB = settings.BASE_DIR / "web" / "src"
ROLES: list[dict[str, Any]] = tomllib.loads((COMMON / "roles.toml").read_text(encoding="utf-8"))["role"]
GRANTS: list[dict[str, Any]] = tomllib.loads((COMMON / "grants.toml").read_text(encoding="utf-8"))["grant"]
_ROUTE = re.compile(r"path: '([^']*)'|permissions: (\[[^\]]*\]|TABS)")
JOINS = "core.switch_run"
"""Whoever is called to a drill takes part in it: this changes nothing of the city."""


def pages() -> dict[str, set[str]]:
    """The addresses that the front end has, each with the permissions of which any opens it."""
    found: dict[str, set[str]] = {"/": set(), "/cockpit": {"cockpit.read_overview"}}
    assert (WEB / "cockpit.ts").is_file()
    for file in sorted(WEB.glob("modules/*/routes.ts")):
        parent = here = ""
        for match in _ROUTE.finditer(file.read_text(encoding="utf-8")):
            if match[1] is not None:
                parent = match[1] if match[1].startswith("/") else parent
                here = match[1] if match[1].startswith("/") else f"{parent}/{match[1]}".rstrip("/")
                here = re.sub(r"/:\w+(\([^)]*\))?\?$", "", here)
                found.setdefault(here, set())
            else:
                told = match[2] if match[2] != "TABS" else (file.parent / "tabs.ts").read_text(encoding="utf-8")
                found[here] |= set(re.findall(r"'(\w+\.\w+)'", told))
    return found


def permissions(role: str) -> set[str]:
    """What the common pack gives a role."""
    return {row["permission"] for row in GRANTS if row["role"] == role and row.get("effect", "allow") == "allow"}


def test_the_pages_are_found() -> None:
    """The front end's addresses as this test reads them: some that are surely there."""
    assert {"/cases", "/intake", "/sensing", "/indicators", "/settings", "/audit"} <= pages().keys()
    assert pages()["/audit"] == {"core.read_audit"}
    assert "core.read_calendar" in pages()["/settings"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role["code"])
def test_each_role_has_a_home_that_it_may_open(role: dict[str, Any]) -> None:
    """The page is there, and one of its permissions is the role's."""
    wanted = pages()[role["home"]]
    assert not wanted or wanted & permissions(role["code"])


def test_no_role_administers_all() -> None:
    """Accounts, rights and the audit lie with three administrators (DOMAIN.md 6.3), none of whom sees business data."""
    three = {"system_admin", "security_admin", "audit_admin"}
    may = {role["code"]: permissions(role["code"]) for role in ROLES}
    for names, only in (
        ({"core.create_account", "core.set_password", "core.close_account", "core.apply_city"}, {"system_admin"}),
        ({"core.give_post", "core.take_post", "core.grant_permission", "core.withdraw_grant"}, {"security_admin"}),
        ({"core.read_audit"}, {"audit_admin", "security_admin"}),
    ):
        assert {role for role, given in may.items() if names & given} == only, names
    apart = {role["code"]: set(role.get("conflicts", ())) for role in ROLES}
    others = {role["code"] for role in ROLES}
    for role in three:
        assert all(other in apart[role] or role in apart[other] for other in others - {role}), role
        assert not fnmatch.filter(may[role], "cases.*")
        assert not fnmatch.filter(may[role], "intake.*")


def test_machines_act_in_no_post_that_judges() -> None:
    """Roles that keys may have give no deed but handing in."""
    for role in ROLES:
        if role.get("machines"):
            deeds = {name for name in permissions(role["code"]) if not name.partition(".")[2].startswith("read_")}
            assert deeds <= {"core.hand_in_file", "intake.receive_signal", JOINS}, role["code"]


def test_leaders_see_what_lies_in_their_remit() -> None:
    """District leaders see their district alone wherever scope counts (DOMAIN.md 9); persons masked, no data edited."""
    common = {"core.read_calendar", "core.read_directory", "core.read_notices", "core.read_notice", "spatial.read_map",
              "cases.read_conditions", "cockpit.read_overview"}  # fmt: skip
    for row in GRANTS:
        if row["role"] == "district_leader" and row["permission"] not in {*common, JOINS}:
            assert row["scope"] == "area_below", row
        if row["role"] in {"city_leader", "district_leader"}:
            assert row.get("persons", "masked") == "masked"
            verb = row["permission"].partition(".")[2]
            assert verb.startswith("read_") or row["permission"] in {"cases.comment_case", JOINS}, row
