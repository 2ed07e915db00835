"""The staff of the city as actors: who sits at which desk, by role, area, organisation and hour."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from scoc.core.access import actor_for
from scoc.core.acting import Actor
from scoc.core.models import Post, PostHolding, User


@dataclass(frozen=True, slots=True)
class Seat:
    """A post and the person who holds it."""

    post: Post
    user: User


@dataclass(slots=True)
class People:
    """Everybody who can act, read once."""

    by_role: dict[str, list[Seat]] = field(default_factory=lambda: defaultdict(list))
    known: dict[int, Actor] = field(default_factory=dict)

    def actor(self, seat: Seat) -> Actor:
        """The person acting in the post."""
        if seat.post.pk not in self.known:
            self.known[seat.post.pk] = actor_for(seat.user, seat.post)
        return self.known[seat.post.pk]

    def on_shift(self, role: str, local: datetime) -> Actor | None:
        """Who of a role works at this hour: those of the role take turns of eight hours."""
        seats = self.by_role.get(role, [])
        return self.actor(seats[(local.toordinal() * 3 + local.hour // 8) % len(seats)]) if seats else None

    def in_area(self, role: str, area_path: str, pick: int) -> Actor | None:
        """One of a role whose area holds the path."""
        seats = [s for s in self.by_role.get(role, []) if s.post.area and area_path.startswith(s.post.area.path)]
        return self.actor(seats[pick % len(seats)]) if seats else None

    def in_unit(self, role: str, organisation_id: int) -> Actor | None:
        """One of a role in a unit."""
        seats = [seat for seat in self.by_role.get(role, []) if seat.post.organisation_id == organisation_id]
        return self.actor(seats[0]) if seats else None


def read_people() -> People:
    """The staff that holds posts now; delegations are left out."""
    people = People()
    holdings = (
        PostHolding.objects.filter(valid_to=None, delegated_by=None, user__is_active=True, post__valid_to=None)
        .filter(user__kind=User.Kind.PERSON)
        .select_related("user", "post__role", "post__organisation", "post__area")
        .order_by("post__code", "id")
    )
    taken: set[int] = set()
    for holding in holdings:
        if holding.post_id not in taken:
            taken.add(holding.post_id)
            people.by_role[holding.post.role.code].append(Seat(holding.post, holding.user))
    return people
