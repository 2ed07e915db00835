"""Accounts, posts, grants and keys: within one's own scope, never for oneself, with duties kept apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password

from scoc.core import administration
from scoc.core.access import actor_for, holdings
from scoc.core.acting import BY_STATE, Actor
from scoc.core.contacts import Person, shown
from scoc.core.models import ApiKey, AuditEntry, FactRow, Grant, Organisation, Post, PostHolding, RoleConflict, User
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import LONG_AGO, City, make_actor, make_organisation
from scoc.kit.text import Text

PASSWORD = "Correct-horse-9"


def user_of(actor: Actor) -> User:
    """The actor's user."""
    return User.objects.get(pk=actor.user_id)


def post_of(actor: Actor) -> Post:
    """The actor's post."""
    return Post.objects.get(pk=actor.post_id or 0)


def below(parent: Organisation) -> Organisation:
    """An organisation below another."""
    return make_organisation("处", parent=parent)


def test_an_account_is_made_with_an_encrypted_name_and_a_password_of_the_policy(city: City) -> None:
    admin = make_actor("core.create_account")
    made = administration.create_account(admin, "li.si", Person(name="李四", phone="13812345678"), PASSWORD)
    user = User.objects.get(pk=made)
    assert user.contact is not None
    assert "李四" not in user.contact.name
    assert shown(user.contact, "plain").name == "李四"
    assert check_password(PASSWORD, user.password)
    assert FactRow.objects.get().name == "core.account_created"
    with pytest.raises(Refusal, match="name_taken"):
        administration.create_account(admin, "LI.SI", Person(), PASSWORD)
    with pytest.raises(Invalid, match="weak_password"):
        administration.create_account(admin, "wang.wu", Person(), "short")
    with pytest.raises(Invalid, match="no colon"):
        administration.create_account(admin, "system:intake", Person(), PASSWORD)


def test_a_password_is_set_by_somebody_above_and_a_lock_lifted(city: City) -> None:
    admin = make_actor("core.set_password", organisation=city.bureau, scope="unit_below")
    clerk = make_actor(organisation=below(city.bureau))
    User.objects.filter(pk=clerk.user_id).update(locked_until=wall_now() + timedelta(hours=1))
    administration.set_password(admin, clerk.user_id, PASSWORD)
    user = user_of(clerk)
    assert check_password(PASSWORD, user.password)
    assert user.locked_until is None


def test_nobody_sets_the_password_of_somebody_outside_of_their_scope(city: City) -> None:
    admin = make_actor("core.set_password", organisation=city.bureau, scope="unit_below")
    leader = make_actor(organisation=city.centre)
    both = make_actor(organisation=city.bureau)
    PostHolding.objects.create(user=user_of(both), post=post_of(leader), valid_from=LONG_AGO)
    nobody = User.objects.create(username="nobody", password="!")
    for user_id in (leader.user_id, both.user_id, nobody.pk, 999_999):
        with pytest.raises(NotFound):
            administration.set_password(admin, user_id, PASSWORD)
    with pytest.raises(NotAllowed, match="oneself"):
        administration.set_password(admin, admin.user_id, PASSWORD)
    administration.set_password(make_actor("core.set_password"), nobody.pk, PASSWORD)  # the whole city


def test_a_closed_account_signs_in_no_more(city: City) -> None:
    admin = make_actor("core.close_account")
    clerk = make_actor()
    administration.close_account(admin, clerk.user_id)
    assert not user_of(clerk).is_active
    with pytest.raises(NotAllowed):
        administration.close_account(admin, admin.user_id)


def test_a_post_is_given_within_the_givers_scope(city: City) -> None:
    admin = make_actor("core.give_post", organisation=city.bureau, scope="unit_below")
    inside, outside = make_actor(organisation=below(city.bureau)), make_actor(organisation=city.centre)
    clerk = make_actor(organisation=city.bureau)
    administration.give_post(admin, clerk.user_id, post_of(inside).code)
    assert set(holdings(user_of(clerk)).values_list("post_id", flat=True)) == {clerk.post_id, inside.post_id}
    with pytest.raises(NotFound):
        administration.give_post(admin, clerk.user_id, post_of(outside).code)
    with pytest.raises(NotAllowed, match="oneself"):
        administration.give_post(admin, admin.user_id, post_of(inside).code)
    with pytest.raises(Refusal, match="holds_it"):
        administration.give_post(admin, clerk.user_id, post_of(inside).code)
    with pytest.raises(NotFound):
        administration.give_post(admin, 999_999, post_of(inside).code)
    assert FactRow.objects.get().name == "core.post_given"
    assert AuditEntry.objects.filter(action="core.give_post", outcome="done").count() == 1


def test_a_scope_by_area_holds_for_posts_too(city: City) -> None:
    admin = make_actor("core.give_post", area=city.east, scope="area_below")
    clerk = make_actor()
    administration.give_post(admin, clerk.user_id, post_of(make_actor(area=city.east)).code)
    with pytest.raises(NotFound):
        administration.give_post(admin, clerk.user_id, post_of(make_actor(area=city.west)).code)
    with pytest.raises(NotFound):
        administration.give_post(admin, clerk.user_id, post_of(make_actor()).code)


def test_a_delegation_names_its_giver_and_ends(city: City, later: Callable[[float], None]) -> None:
    admin = make_actor("core.give_post")
    clerk, post = make_actor(), post_of(make_actor("core.read_audit"))
    administration.give_post(admin, clerk.user_id, post.code, until=wall_now() + timedelta(hours=1))
    holding = PostHolding.objects.get(user_id=clerk.user_id, post=post)
    assert holding.delegated_by_id == admin.user_id
    assert holdings(user_of(clerk)).filter(post=post).exists()
    later(3600)
    assert not holdings(user_of(clerk)).filter(post=post).exists()
    with pytest.raises(Invalid):
        administration.give_post(admin, clerk.user_id, post.code, until=wall_now())


def test_duties_that_conflict_are_never_given_to_one_person(city: City) -> None:
    admin = make_actor("core.give_post")
    collector, evaluator = make_actor(role="collector"), make_actor(role="evaluator")
    RoleConflict.objects.create(
        first=post_of(evaluator).role, second=post_of(collector).role, reason=Text("采集与考评分离", "kept apart")
    )
    for person, post in ((collector, evaluator), (evaluator, collector)):
        with pytest.raises(Refusal, match="separation_of_duties"):
            administration.give_post(admin, person.user_id, post_of(post).code)
    entry = AuditEntry.objects.filter(code="separation_of_duties").first()
    assert entry is not None
    assert entry.subject == f"core:user-{collector.user_id}"
    PostHolding.objects.filter(user_id=collector.user_id).update(valid_to=wall_now())
    administration.give_post(admin, collector.user_id, post_of(evaluator).code)


def test_a_post_is_taken_at_once(city: City) -> None:
    admin = make_actor("core.take_post", organisation=city.bureau, scope="unit")
    clerk, other = make_actor(organisation=city.bureau), make_actor(organisation=city.centre)
    administration.take_post(admin, clerk.user_id, post_of(clerk).code)
    assert not holdings(user_of(clerk)).exists()
    with pytest.raises(NotFound):
        administration.take_post(admin, clerk.user_id, post_of(clerk).code)
    with pytest.raises(NotFound):
        administration.take_post(admin, other.user_id, post_of(other).code)


def test_a_grant_to_one_principal_ends_by_itself_or_by_hand(city: City, later: Callable[[float], None]) -> None:
    security = make_actor("core.grant_permission", "core.withdraw_grant")
    clerk = make_actor()

    def may() -> bool:
        return actor_for(user_of(clerk), post_of(clerk)).may("core.read_audit") is not None

    administration.grant_permission(
        security, clerk.user_id, "core.read_audit", scope=Grant.Scope.CITY, until=wall_now() + timedelta(hours=1)
    )
    assert may()
    later(3600)
    assert not may()
    grant = administration.grant_permission(security, clerk.user_id, "core.read_audit", scope=Grant.Scope.CITY)
    assert may()
    administration.withdraw_grant(security, grant)
    assert not may()
    with pytest.raises(NotFound):
        administration.withdraw_grant(security, 999_999)


def test_a_denial_of_one_principal_beats_what_the_role_allows(city: City) -> None:
    security = make_actor("core.grant_permission", "core.withdraw_grant")
    clerk = make_actor("core.*")
    denial = administration.grant_permission(
        security, clerk.user_id, "core.read_audit", scope=Grant.Scope.CITY, effect=Grant.Effect.DENY
    )
    denied = actor_for(user_of(clerk), post_of(clerk))
    assert denied.may("core.read_audit") is None
    assert denied.may("core.read_directory") is not None
    administration.grant_permission(security, clerk.user_id, "core.withdraw_grant", scope=Grant.Scope.CITY)
    with pytest.raises(NotAllowed, match="oneself"):
        administration.withdraw_grant(actor_for(user_of(clerk), post_of(clerk)), denial)


def test_a_grant_must_make_sense(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    security, clerk = make_actor("core.grant_permission"), make_actor()

    def grant(permission: str = "core.read_audit", persons: str = "masked", states: tuple[str, ...] = ()) -> None:
        administration.grant_permission(
            security, clerk.user_id, permission, scope=Grant.Scope.CITY, persons=persons, states=states
        )

    with pytest.raises(Invalid):
        grant("core.read_minds")
    with pytest.raises(Invalid):
        grant("core.*")
    with pytest.raises(Invalid):
        grant(persons="naked")
    with pytest.raises(Invalid):
        grant(states=("filed",))
    with_states = {**BY_STATE, "core.read_audit": frozenset({"filed"})}
    monkeypatch.setattr("scoc.core.administration.grants.BY_STATE", with_states)
    with pytest.raises(Invalid, match="no state fild"):
        grant(states=("fild",))
    grant(states=("filed",))
    with pytest.raises(NotAllowed, match="oneself"):
        administration.grant_permission(security, security.user_id, "core.read_audit", scope=Grant.Scope.CITY)
    small = make_actor("core.grant_permission", scope="unit")
    with pytest.raises(NotAllowed, match="not_city"):
        administration.grant_permission(small, clerk.user_id, "core.read_audit", scope=Grant.Scope.UNIT)


def test_a_key_is_issued_and_revoked_within_scope(city: City) -> None:
    admin = make_actor("core.issue_key", "core.revoke_key", organisation=city.bureau, scope="unit")
    post = post_of(make_actor(organisation=city.bureau, machines=True))
    foreign = post_of(make_actor(organisation=city.centre, machines=True))

    def issue(code: str) -> str:
        return administration.issue_key(admin, "pump-station", code, "泵站", per_minute=60, per_day=1000, days=30)

    key = issue(post.code)
    row = ApiKey.objects.get()
    assert key.startswith(f"scoc_{row.prefix}_")
    assert key.split("_", 2)[2] not in (row.secret_hash, row.prefix)
    assert row.user.kind == "machine"
    with pytest.raises(NotFound):
        issue(foreign.code)
    administration.revoke_key(admin, row.prefix)
    with pytest.raises(NotFound):
        administration.revoke_key(admin, row.prefix)
    other = make_actor("core.revoke_key", organisation=city.centre, scope="unit")
    issue(post.code)
    with pytest.raises(NotFound):
        administration.revoke_key(other, ApiKey.objects.get(revoked_at=None).prefix)
    assert [row.name for row in FactRow.objects.order_by("id")] == [
        "core.key_issued", "core.key_revoked", "core.key_issued",
    ]  # fmt: skip


def test_a_key_never_acts_in_a_post_for_people(city: City) -> None:
    """Whoever issues keys would else have the rights of every desk, those of the other administrators included."""
    admin = make_actor("core.issue_key")
    auditor = post_of(make_actor("core.read_audit"))
    with pytest.raises(Refusal, match="not_for_machines"):
        administration.issue_key(admin, "spy", auditor.code, "x", per_minute=1, per_day=1, days=1)
    assert not ApiKey.objects.exists()


def test_keys_of_one_machine_are_kept_apart_too(city: City) -> None:
    admin = make_actor("core.issue_key", "core.revoke_key")
    provider, user = (post_of(make_actor(role=role, machines=True)) for role in ("provider", "user"))
    RoleConflict.objects.create(first=provider.role, second=user.role, reason=Text("分离", "kept apart"))

    def issue(post: Post) -> None:
        administration.issue_key(admin, "meter", post.code, "x", per_minute=1, per_day=1, days=1)

    issue(provider)
    with pytest.raises(Refusal, match="separation_of_duties"):
        issue(user)
    administration.revoke_key(admin, ApiKey.objects.get().prefix)
    issue(user)


def test_administrators_do_not_take_over_each_others_accounts(city: City) -> None:
    """Who could set the password of whoever gives rights could give every right (三员分立)."""
    system = make_actor("core.set_password", "core.close_account", role="system")
    colleague, security = make_actor(role="system"), make_actor("core.give_post", role="security")
    clerk = make_actor("cases.read_cases", role="clerk")
    for other in (security, clerk):
        RoleConflict.objects.create(
            first=post_of(system).role, second=post_of(other).role, reason=Text("三员分立", "kept apart")
        )
    with pytest.raises(Refusal, match="separation_of_duties"):
        administration.set_password(system, security.user_id, PASSWORD)
    with pytest.raises(Refusal, match="separation_of_duties"):
        administration.close_account(system, security.user_id)
    administration.set_password(system, colleague.user_id, PASSWORD)
    administration.set_password(system, clerk.user_id, PASSWORD)


def test_a_grant_never_makes_one_administrator_of_all(city: City) -> None:
    """Rights lie with one, the audit with another: a grant joins them as little as two posts could."""
    security = make_actor("core.grant_permission")
    system, auditor = make_actor("core.create_account", role="system"), make_actor("core.read_audit", role="audit")
    RoleConflict.objects.create(first=post_of(system).role, second=post_of(auditor).role, reason=Text("分离", "apart"))

    def grant(permission: str = "core.read_audit", effect: Grant.Effect = Grant.Effect.ALLOW) -> None:
        administration.grant_permission(security, system.user_id, permission, scope=Grant.Scope.CITY, effect=effect)

    with pytest.raises(Refusal, match="separation_of_duties"):
        grant()
    grant(effect=Grant.Effect.DENY)
    grant("core.read_facts")
    make_actor("core.read_*", role="deputy")  # somebody who may be combined with accounts has it too
    grant()
