"""The registers of administration: accounts with posts and grants, keys with meters, runs with clocks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scoc.core import administration, clients
from scoc.core.administration import registers
from scoc.core.contacts import Person
from scoc.core.http.paging import PageQuery
from scoc.core.models import ApiKey, Grant, Meter, Post, Run, User
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, NotAllowed, NotFound
from scoc.core.tests.factories import City, browser, make_actor, make_organisation
from scoc.kit.text import Text

PASSWORD = "Correct-horse-9"
PAGE = PageQuery(cursor=None, limit=50)


def test_accounts_are_found_by_name_and_show_posts_with_their_end(city: City) -> None:
    admin = make_actor("core.create_account", "core.give_post", "core.read_accounts")
    made = administration.create_account(admin, "li.si", Person(name="李四光", phone="13812345678"), PASSWORD)
    post = Post.objects.get(pk=make_actor(role="clerk").post_id or 0)
    until = wall_now() + timedelta(days=3)
    administration.give_post(admin, made, post.code, until=until)
    for words in ("li.s", "李四光"):
        [row] = registers.accounts(admin, PAGE, search=words).items
        assert (row.id, row.name, row.active) == (made, "李**", True)
        [held] = row.holdings
        assert (held.post, held.until, held.delegated_by) == (post.code, until, admin.username)
    assert registers.accounts(admin, PAGE, search="李四").items == []  # a person is found by the whole name only
    assert made in {row.id for row in registers.accounts(admin, PAGE, role="clerk").items}


def test_registers_of_a_past_time_are_refused(city: City) -> None:
    """Their rows know today's state only: then's rows beside it would be half a truth; the file is no other way."""
    admin = make_actor("core.read_accounts", "core.read_directory", "core.read_keys")
    before = PageQuery(cursor=None, limit=50, as_of=wall_now() - timedelta(days=1))
    for register in (registers.accounts, registers.posts, registers.keys):
        with pytest.raises(Invalid) as caught:
            register(admin, before)
        assert [error.field for error in caught.value.errors] == ["as_of"]
    for path in ("accounts", "accounts/export", "posts", "keys"):
        answer = browser(admin).get(f"/api/v1/core/{path}?as_of=2026-01-01T00:00:00Z")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "as_of")
        assert "as_of" in answer.json()["detail"]


def test_an_account_shows_what_it_may_do_and_through_what(city: City) -> None:
    admin = make_actor("core.grant_permission", "core.read_accounts")
    clerk = make_actor("core.read_audit", role="clerk")
    own = administration.grant_permission(admin, clerk.user_id, "core.read_audit", scope=Grant.Scope.CITY,
                                          effect=Grant.Effect.DENY)  # fmt: skip
    found = registers.account(admin, clerk.user_id)
    assert [(row.through, row.permission, row.effect) for row in found.grants] == [
        ("account", "core.read_audit", "deny"), ("role", "core.read_audit", "allow"),
    ]  # fmt: skip
    assert found.grants[0].id == own


def test_states_of_accounts(city: City) -> None:
    admin = make_actor("core.read_accounts", "core.close_account")
    closed, locked = make_actor(), make_actor()
    administration.close_account(admin, closed.user_id)
    User.objects.filter(pk=locked.user_id).update(locked_until=wall_now() + timedelta(minutes=5))
    assert [row.id for row in registers.accounts(admin, PAGE, state="closed").items] == [closed.user_id]
    [row] = registers.accounts(admin, PAGE, state="locked").items
    assert row.id == locked.user_id
    assert row.locked_until is not None


def test_a_unit_sees_its_own_people_only(city: City) -> None:
    below = make_organisation("处", parent=city.bureau)
    admin = make_actor("core.read_accounts", "core.read_keys", organisation=city.bureau, scope="unit_below")
    inside, outside = make_actor(organisation=below), make_actor(organisation=city.utility)
    assert {row.id for row in registers.accounts(admin, PAGE).items} == {admin.user_id, inside.user_id}
    with pytest.raises(NotFound):
        registers.account(admin, outside.user_id)
    with pytest.raises(NotAllowed):
        registers.runs(admin, PAGE)


def test_keys_show_quota_use_of_the_day_and_state(city: City) -> None:
    admin = make_actor("core.issue_key", "core.read_keys", "core.revoke_key")
    post = Post.objects.get(pk=make_actor(machines=True).post_id or 0)
    first, second = (
        administration.issue_key(admin, name, post.code, "雨量", per_minute=60, per_day=1000, days=30)
        for name in ("gauge", "bridge")
    )
    assert clients.actor_of_key(first, "10.0.0.1") is not None
    clients.flush_meters(force=True)
    key = ApiKey.objects.get(prefix=first.split("_")[1])
    Meter.objects.create(key=key, hour=wall_now() - timedelta(days=2), answered=7)
    administration.revoke_key(admin, second.split("_")[1])
    rows = {row.machine: row for row in registers.keys(admin, PAGE).items}
    assert (rows["gauge"].answered_today, rows["gauge"].per_day, rows["gauge"].state) == (1, 1000, "valid")
    assert rows["bridge"].state == "revoked"
    assert [row.machine for row in registers.keys(admin, PAGE, state="revoked").items] == ["bridge"]
    assert [point.answered for point in registers.key_meters(admin, key.prefix, 72)] == [7, 1]
    with pytest.raises(NotFound):
        registers.key_meters(admin, "000000000000")


def test_runs_tell_their_clock_and_which_is_shown(city: City) -> None:
    admin = make_actor("core.start_run", "core.read_runs")
    origin = wall_now() - timedelta(days=400)
    drill = administration.start_run(admin, Run.Kind.EXERCISE, Text("防汛演练", "Flood drill"), city_origin=origin,
                                     speed=0)  # fmt: skip
    first, second = registers.runs(admin, PAGE).items
    assert (first.id, first.kind, first.city_now, first.speed, first.shown) == (drill, "exercise", origin, 0, False)
    assert (second.kind, second.shown) == ("normal", True)


def test_the_directory_of_posts_and_of_permissions(city: City) -> None:
    viewer = make_actor("core.read_directory", "core.read_accounts", role="reader")
    [row] = registers.posts(viewer, PAGE, role="reader").items
    assert row.organisation.zh == "运行中心"
    names = [row.name for row in registers.permissions(viewer)]
    assert "core.read_accounts" in names
    assert names == sorted(names)


def test_the_registers_over_http(city: City) -> None:
    client = browser(make_actor("core.read_accounts", "core.read_keys", "core.read_runs", "core.read_directory"))
    for path in ("accounts", "keys", "runs", "posts", "permissions"):
        assert client.get(f"/api/v1/core/{path}").status_code == 200
    assert client.get("/api/v1/core/accounts?state=asleep").status_code == 422


def test_lists_leave_as_files_with_the_viewers_masks(city: City) -> None:
    admin = make_actor("core.create_account", "core.read_accounts", "core.read_audit")
    administration.create_account(admin, "li.si", Person(name="李四光"), PASSWORD)
    client = browser(admin)
    file = client.get("/api/v1/core/accounts/export?search=li.si").content.decode()
    assert "李**" in file
    assert "李四光" not in file
    kept = client.get("/api/v1/core/audit/export?kind=export").content.decode()
    assert "core.read_accounts" in kept
    stranger = browser(make_actor())
    assert stranger.get("/api/v1/core/audit/export").status_code == 403
