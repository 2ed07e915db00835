"""Function × scope × field × state × time: who sees which rows, and how much of persons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from scoc.core.access import actor_for, allowed, in_scope, posts_in_force, query, system_actor, visible
from scoc.core.acting import BY_STATE, Actor, Allowed, GrantRule
from scoc.core.models import Area, Attachment, AuditEntry, Grant, Organisation, Post, Role, Run, User
from scoc.core.now import city_today, wall_now
from scoc.core.refusals import NotAllowed
from scoc.core.tests.factories import City, make_actor, make_area, make_organisation
from scoc.kit.text import Text


def rule(
    permission: str = "a.b", scope: str = "city", persons: str = "masked", *, allow: bool = True, states: str = ""
) -> GrantRule:
    """A grant."""
    return GrantRule(permission, allow, scope, persons, frozenset(states.split()))


def may(*rules: GrantRule, permission: str = "a.b", state: str | None = None) -> Allowed | None:
    """What these grants give; the order of grants never matters."""
    found = {Actor(1, "x", "person", grants=order).may(permission, state) for order in (rules, rules[::-1])}
    assert len(found) == 1
    return found.pop()


def test_the_default_is_deny() -> None:
    assert may() is None
    assert may(rule("a.c")) is None
    assert may(rule("a.b.c")) is None


@pytest.mark.parametrize("pattern", ["a.b", "a.*", "*", "*.b"])
def test_patterns_give_permissions(pattern: str) -> None:
    assert may(rule(pattern)) is not None


def test_deny_beats_allow_however_wide() -> None:
    assert may(rule(), rule(allow=False, scope="self")) is None
    assert may(rule("*"), rule("a.*", allow=False)) is None
    assert may(rule("*"), rule("a.c", allow=False)) is not None


def test_scopes_add_up() -> None:
    found = may(rule(scope="unit_below"), rule(scope="area_below"), rule(scope="unit"), rule(scope="self"))
    assert found is not None
    assert found.scopes == {"unit_below", "area_below", "self"}
    assert found.scope == "area_below"
    everywhere = may(rule(scope="unit"), rule(scope="city"))
    assert everywhere is not None
    assert everywhere.city
    assert everywhere.scopes == {"city"}


@pytest.mark.parametrize(
    ("grants", "persons"),
    [
        ("unit:plain city:masked", "masked"),
        ("unit:masked city:plain", "plain"),
        ("city:masked city:plain", "plain"),
        ("city:hidden city:masked", "masked"),
        ("unit:plain unit_below:masked", "masked"),
        ("self:plain unit:masked", "masked"),
        ("area_below:plain unit_below:hidden", "hidden"),
        ("unit:plain unit_below:plain", "plain"),
        ("city:naked", "hidden"),
    ],
)
def test_two_grants_never_show_more_of_a_person_than_the_widest_does(grants: str, persons: str) -> None:
    rules = [rule(scope=scope, persons=level) for scope, level in (item.split(":") for item in grants.split())]
    found = may(*rules)
    assert found is not None
    assert found.persons == persons


def test_states_narrow_grants() -> None:
    narrow = rule(states="filed handling")
    assert may(narrow, state="filed") is not None
    assert may(narrow, state="closed") is None
    assert may(narrow) is None  # nobody said which state it is
    forbidden = rule(allow=False, states="closed")
    assert may(rule(), forbidden, state="filed") is not None
    assert may(rule(), forbidden, state="closed") is None
    assert may(rule(), forbidden) is None


# Rows


def give(city: City, organisation: Organisation | None, area: Area | None = None, run: Run | None = None) -> int:
    """A file of an organisation in an area."""
    moment = wall_now()
    return Attachment.objects.create(
        digest="0" * 64, size=1, media_type="image/png", name="a.png", happened_at=moment, recorded_at=moment,
        run=run or city.run, organisation=organisation, area=area, correlation="",
    ).pk  # fmt: skip


def seen(viewer: Actor, paths: dict[str, str] | None = None) -> set[int]:
    """The files that the viewer sees."""
    return set(visible(viewer, Attachment.objects.all(), "a.b", paths).values_list("pk", flat=True))


def test_each_scope_sees_its_rows(city: City) -> None:
    department = make_organisation("处", parent=city.bureau)
    street = make_area("990102001", "street", "一街", city.east)
    rows = {
        "bureau": give(city, city.bureau, city.west), "department": give(city, department, street),
        "centre": give(city, city.centre, city.east), "nobody": give(city, None),
    }  # fmt: skip

    def who(scope: str) -> set[str]:
        viewer = make_actor("a.b", organisation=city.bureau, area=city.east, scope=scope)
        ids = seen(viewer)
        return {name for name, pk in rows.items() if pk in ids}

    assert who("city") == {"bureau", "department", "centre", "nobody"}
    assert who("unit") == {"bureau"}
    assert who("unit_below") == {"bureau", "department"}
    assert who("area_below") == {"department", "centre"}
    assert who("self") == set()


def test_a_scope_without_its_place_sees_nothing(city: City) -> None:
    give(city, city.bureau, city.east)
    assert seen(make_actor("a.b", organisation=city.bureau, scope="area_below")) == set()
    assert seen(make_actor("a.b", organisation=city.bureau, scope="unit"), {"organisation": ""}) == set()


def test_the_own_scope_and_several_organisations(city: City) -> None:
    mine, theirs = make_actor("a.b", organisation=city.bureau, scope="self"), make_actor()
    first, second = give(city, city.centre), give(city, city.bureau)
    Attachment.objects.filter(pk=first).update(post_id=mine.post_id)
    Attachment.objects.filter(pk=second).update(post_id=theirs.post_id)
    assert seen(mine, {"self": "post_id"}) <= {first, second}
    unit = make_actor("a.b", organisation=city.bureau, scope="unit")
    Attachment.objects.filter(pk=first).update(post_id=unit.post_id)
    assert seen(unit, {"organisation": "organisation|post__organisation"}) == {first, second}


def test_scopes_of_two_grants_show_the_rows_of_both(city: City) -> None:
    viewer = make_actor("a.b", organisation=city.bureau, area=city.east, scope="unit")
    Grant.objects.create(role=Role.objects.get(code=viewer.role), permission="a.b", scope="area_below")
    viewer = actor_for(
        User.objects.get(pk=viewer.user_id),
        Post.objects.select_related("role", "organisation", "area").get(pk=viewer.post_id or 0),
    )
    mine, near, far = give(city, city.bureau, city.west), give(city, city.centre, city.east), give(city, city.centre)
    assert seen(viewer) == {mine, near}
    assert far not in seen(viewer)


@pytest.mark.parametrize("denied", [False, True])
def test_each_row_is_measured_in_its_own_state(city: City, monkeypatch: pytest.MonkeyPatch, denied: bool) -> None:
    """A scope that is wide in one state alone opens no row in another (here a file's name stands for its state)."""
    monkeypatch.setitem(BY_STATE, "a.b", frozenset({"filed", "closed"}))
    viewer = make_actor(organisation=city.bureau)
    role = Role.objects.get(code=viewer.role)
    Grant.objects.create(role=role, permission="a.b", scope="unit", states=["filed"])
    Grant.objects.create(role=role, permission="a.b", scope="city", states=["closed"])
    if denied:
        Grant.objects.create(role=role, permission="a.*", scope="city", effect="deny", states=["filed"])
    post = Post.objects.select_related("role", "organisation", "area").get(pk=viewer.post_id or 0)
    viewer = actor_for(User.objects.get(pk=viewer.user_id), post)
    rows = {}
    for unit in (city.bureau, city.centre):
        for state in ("filed", "closed", "void"):
            rows[give(city, unit)] = (unit, state)
    for pk, (_, state) in rows.items():
        Attachment.objects.filter(pk=pk).update(name=state)
    found = {rows[pk] for pk in seen(viewer, {"state": "name"})}
    mine = set() if denied else {(city.bureau, "filed")}
    assert found == {(city.bureau, "closed"), (city.centre, "closed")} | mine
    assert not in_scope(viewer, "a.b", organisation_path=city.centre.path, state="filed")
    assert not in_scope(viewer, "a.b", organisation_path=city.bureau.path, state="void")


def test_rows_of_another_run_are_not_seen(city: City) -> None:
    drill = Run.objects.create(kind="exercise", name=Text("演练", "Drill"), started_at=wall_now())
    normal, drilled = give(city, city.bureau), give(city, city.bureau, run=drill)
    viewer = make_actor("a.b")
    assert seen(viewer) == {normal}
    assert seen(viewer.on_run(drill.pk)) == {drilled}


def test_paths_are_compared_whole(city: City) -> None:
    """Area 990102 is not above 9901020: codes end at their slash."""
    odd = make_area("9901020", "street", "怪", city.area)
    row = give(city, None, odd)
    assert row not in seen(make_actor("a.b", area=city.east, scope="area_below"))


def test_one_thing_is_inside_a_scope_or_not(city: City) -> None:
    viewer = make_actor("a.b", organisation=city.bureau, area=city.east, scope="unit_below")
    assert in_scope(viewer, "a.b", organisation_path=f"{city.bureau.path}x/")
    assert not in_scope(viewer, "a.b", organisation_path=city.centre.path)
    assert not in_scope(viewer, "a.c", organisation_path=city.bureau.path)
    mine = make_actor("a.b", scope="self")
    assert in_scope(mine, "a.b", user_id=mine.user_id)
    assert not in_scope(mine, "a.b", user_id=mine.user_id + 1)
    assert not in_scope(mine, "a.b")
    local = make_actor("a.b", area=city.east, scope="area_below")
    assert in_scope(local, "a.b", area_path=city.east.path)
    assert not in_scope(local, "a.b", area_path=city.area.path)


# Questions


def test_a_query_without_permission_is_refused_with_its_trace(city: City) -> None:
    @query("tests.read")
    def read(viewer: Actor) -> int:
        """One."""
        return 1

    assert read(make_actor("tests.read")) == 1
    with pytest.raises(NotAllowed):
        read(make_actor())
    assert AuditEntry.objects.get().action == "tests.read"


def test_grants_hold_from_and_to_their_times(city: City) -> None:
    viewer = make_actor()
    user = User.objects.get(pk=viewer.user_id)
    moment = wall_now()
    Grant.objects.create(user=user, permission="a.past", scope="city", valid_to=moment)
    Grant.objects.create(user=user, permission="a.now", scope="city", valid_from=moment)
    Grant.objects.create(user=user, permission="a.later", scope="city", valid_from=moment + timedelta(hours=1))
    actor = actor_for(user, None)
    assert [name for name in ("a.past", "a.now", "a.later") if actor.may(name)] == ["a.now"]


def test_without_a_post_only_own_grants_hold(city: City) -> None:
    viewer = make_actor("a.role")
    user = User.objects.get(pk=viewer.user_id)
    Grant.objects.create(user=user, permission="a.own", scope="city")
    Grant.objects.create(post_id=viewer.post_id, permission="a.post", scope="city")
    bare = actor_for(user, None)
    assert (bare.post_id, bare.organisation_id, bare.role) == (None, None, "")
    assert [name for name in ("a.role", "a.own", "a.post") if bare.may(name)] == ["a.own"]
    post = Post.objects.select_related("role", "organisation", "area").get(pk=viewer.post_id or 0)
    assert all(actor_for(user, post).may(name) for name in ("a.role", "a.own", "a.post"))


def test_a_part_of_scoc_acts_under_its_name(city: City) -> None:
    first, second = system_actor("intake"), system_actor("intake")
    assert first == second
    assert (first.username, first.kind) == ("system:intake", "system")
    assert allowed(first, "anything.at_all").persons == "plain"


@pytest.mark.usefixtures("committed")
def test_a_part_made_in_a_transaction_is_looked_up_no_more_once_that_is_committed() -> None:
    """One whose transaction was undone is made again, since its row went with it."""
    with transaction.atomic():
        system_actor("sensing")
        transaction.set_rollback(True)
    with transaction.atomic():
        made = system_actor("sensing")
    assert User.objects.get(username="system:sensing").pk == made.user_id
    with transaction.atomic():
        system_actor("sensing")
        with CaptureQueriesContext(connection) as asked:
            assert system_actor("sensing") == made
    assert not asked.captured_queries


def test_posts_are_in_force_by_the_citys_day(city: City) -> None:
    post = Post.objects.get(pk=make_actor().post_id or 0)
    for start, end, there in ((0, None, True), (1, None, False), (-1, 0, False), (-1, 1, True)):
        today = city_today()
        post.valid_from = today + timedelta(days=start)
        post.valid_to = None if end is None else today + timedelta(days=end)
        post.save()
        assert posts_in_force().filter(pk=post.pk).exists() is there
