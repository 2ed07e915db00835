"""Entities written: drafts become rows, links and history (18-088 section 10). Runs inside an action."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from scoc.core.access import allowed
from scoc.core.acting import Actor
from scoc.core.fields import from_micros
from scoc.core.now import city_now
from scoc.core.refusals import invalid
from scoc.sensing.ingest.interest import leave_news_of
from scoc.sensing.models import (
    Datastream,
    DeviceType,
    Feature,
    HistoricalLocation,
    Location,
    Observation,
    ObservedProperty,
    Sensor,
    Thing,
)
from scoc.sensing.sta import observing, placing, removing, streams
from scoc.sensing.sta.entities import EntitySet, Kind, Relation, target_of
from scoc.sensing.sta.seeing import SHARED, need, refuse_shared, sight_of
from scoc.sensing.sta.shaping import COUNTED, Draft, Json, drafted
from scoc.sensing.sta.translating import Sight

MODELS: dict[str, type[Model]] = {
    "Things": Thing, "Locations": Location, "HistoricalLocations": HistoricalLocation, "Datastreams": Datastream,
    "MultiDatastreams": Datastream, "Sensors": Sensor, "ObservedProperties": ObservedProperty,
    "Observations": Observation, "FeaturesOfInterest": Feature,
}  # fmt: skip
_LINKS = {
    through._meta.db_table: through
    for through in (
        Thing.locations.through,
        HistoricalLocation.locations.through,
        Datastream.observed_properties.through,
    )
}

_OWNERS = {
    "Things": "", "Locations": "", "FeaturesOfInterest": "", "HistoricalLocations": "thing__",
    "Datastreams": "thing__", "MultiDatastreams": "thing__", "Observations": "datastream__thing__",
}  # fmt: skip


def place_of(entity: EntitySet, number: int) -> tuple[int | None, int | None]:
    """The organisation and area that an entity belongs to; (None, None) for what belongs to nobody."""
    way = _OWNERS.get(entity.name)
    if way is None:
        return None, None
    rows: Any = MODELS[entity.name]._default_manager.filter(pk=number)
    found: tuple[int | None, int | None] | None = rows.values_list(f"{way}organisation_id", f"{way}area_id").first()
    return found or (None, None)


@dataclass(frozen=True, slots=True)
class Writing:
    """Whoever writes, and what they may write to."""

    actor: Actor
    sight: Sight

    @classmethod
    def under(cls, actor: Actor, permission: str) -> Writing:
        """The writing of an actor within the scope of a permission."""
        return cls(actor, sight_of(actor, permission))

    def need(self, entity: EntitySet, ids: Sequence[int]) -> None:
        """Raises NotFound for the first of these that is not there, or not to be seen."""
        need(self.sight, entity, ids)

    def make(self, draft: Draft) -> int:
        """Make an entity with all that stands inside of it; its id."""
        entity = draft.entity
        if entity.name == "Observations":
            return self._observation(draft)
        ones = {name: self._there(entity.relations[name], one) for name, one in draft.one.items()}
        columns = dict(draft.columns) | {entity.relations[name].source_column: pk for name, pk in ones.items()}
        number = self._row(entity, columns)
        for name, relation in entity.relations.items():  # places stand before streams, which need them
            if name in draft.many:
                self._related(entity, number, relation, draft.many[name])
        leave_news_of(entity.name, number)
        return number

    def _there(self, relation: Relation, one: int | Draft) -> int:
        if isinstance(one, Draft):
            return self.make(one)
        self.need(target_of(relation), [one])
        return one

    def _observation(self, draft: Draft) -> int:
        name = "Datastream" if "Datastream" in draft.one else "MultiDatastream"
        if isinstance(there := draft.one[name], int):
            need(sight_of(self.actor, observing.CREATE), target_of(draft.entity.relations[name]), [there])
        stream = self._there(draft.entity.relations[name], draft.one[name])
        return self._observed(stream, [draft])[0]

    def _observed(self, stream: int, drafts: list[Draft]) -> list[int]:
        if drafts:
            allowed(self.actor, observing.CREATE)
        for draft in drafts:
            feature = draft.one.get("FeatureOfInterest")
            if feature is not None:
                draft.columns["feature_id"] = self._there(draft.entity.relations["FeatureOfInterest"], feature)
        return observing.store(stream, [draft.columns for draft in drafts])

    def _row(self, entity: EntitySet, columns: Json) -> int:
        match entity.name:
            case "Things":
                columns["organisation_id"] = self._organisation()
            case "Locations" | "FeaturesOfInterest":
                columns |= {"organisation_id": self._organisation(), "area_id": placing.area_of(columns)}
            case "HistoricalLocations":
                columns["at"] = from_micros(columns["at"])
            case "Datastreams" | "MultiDatastreams":
                return streams.make(columns, multi=entity.name == "MultiDatastreams")
        return int(MODELS[entity.name]._default_manager.create(**columns).pk)

    def _organisation(self) -> int:
        if self.actor.organisation_id is None:
            raise invalid("body", "Nobody could own it: you act without a post in an organisation.",
                          "Act in a post, or with the key of one.", zh="您没有岗位，无法确定归属单位。")  # fmt: skip
        return self.actor.organisation_id

    def _related(self, entity: EntitySet, number: int, relation: Relation, items: list[int | Draft]) -> None:
        """Hang many at an entity: links for many to many, else the other side points back here."""
        target = target_of(relation)
        named = [item for item in items if isinstance(item, int)]
        self.need(target, named)
        if named and (relation.link is None or target.name == "Things"):  # these are changed by it
            need(sight_of(self.actor, "sensing.change_entity"), target, named)
        if relation.link is not None:
            self.link(relation, number, [item if isinstance(item, int) else self.make(item) for item in items])
            return
        for pk in named:
            self.point(target, pk, relation.target_column, number)
        drafts = [item for item in items if isinstance(item, Draft)]
        if target.name == "Observations":
            self._observed(number, drafts)
            return
        for draft in drafts:
            draft.one[relation.back] = number
            self.make(draft)

    def link(self, relation: Relation, number: int, ids: list[int]) -> None:
        """Tie entities of a many-to-many relation to one; a thing's places replace those that it had."""
        assert relation.link is not None
        table, near, far = relation.link
        if table == placing.TABLE:
            pairs = [(number, ids)] if near == "thing_id" else [(pk, [number]) for pk in ids]
            for thing, places in pairs:
                placing.place(thing, places, city_now())
            return
        through: Any = _LINKS[table]
        through.objects.bulk_create([through(**{near: number, far: pk}) for pk in ids], ignore_conflicts=True)
        tied = [number] if near in ("datastream_id", "historicallocation_id") else ids
        if through is Datastream.observed_properties.through:
            streams.check_tied(tied)
        else:
            histories = HistoricalLocation.objects.filter(pk__in=tied)
            for thing_id in sorted(set(histories.values_list("thing_id", flat=True))):
                placing.follow_history(thing_id)

    def unlink(self, entity: EntitySet, number: int, relation: Relation, other: int) -> None:
        """Take the tie of a many-to-many relation away. Raises Invalid where one cannot be without the other."""
        self.need(entity, [number])
        self.need(target_of(relation), [other])
        _refuse_packs(MODELS[entity.name]._default_manager.get(pk=number))
        back = target_of(relation).relations[relation.back]
        if relation.link is None or relation.required or back.required:
            raise invalid(relation.name, "One of the two cannot be without the other.",
                          "Link it to another one, or remove it.", zh="该关联不可缺少，请改关联其他实体。")  # fmt: skip
        table, near, far = relation.link
        if table == placing.TABLE:
            thing, place = (number, other) if near == "thing_id" else (other, number)
            placing.leave(thing, place)
            return
        through: Any = _LINKS[table]
        through.objects.filter(**{near: number, far: other}).delete()

    def point(self, target: EntitySet, pk: int, column: str, number: int) -> None:
        """Let an entity that is there point to another one from now on."""
        row = MODELS[target.name]._default_manager.select_for_update().get(pk=pk)
        _refuse_packs(row)
        self._write(target, row, {column: number})
        leave_news_of(target.name, pk)

    def change(self, entity: EntitySet, number: int, body: Any, *, whole: bool) -> None:
        """Write what a body says of an entity; with `whole` what it does not say becomes empty."""
        self.need(entity, [number])
        row = MODELS[entity.name]._default_manager.select_for_update().get(pk=number)
        _refuse_packs(row)
        draft = _redrafted(entity, row, body, whole=whole)
        columns = dict(draft.columns)
        for name, one in draft.one.items():
            relation = entity.relations[name]
            columns[relation.source_column] = self._there(relation, _named(one, draft, name))
        if draft.columns and entity.name in SHARED:
            refuse_shared(self.sight, entity, number)
        self._write(entity, row, columns)
        for name, items in draft.many.items():
            ids = [_named(item, draft, name) for item in items]
            self.need(target_of(entity.relations[name]), ids)
            self._related(entity, number, entity.relations[name], list(ids))

    def _write(self, entity: EntitySet, row: Any, columns: Json) -> None:
        match entity.name:
            case "Datastreams" | "MultiDatastreams":
                streams.change(row.pk, columns)
            case "Observations":
                observing.change(row.pk, columns)
            case _:
                self._rewrite(entity, row, columns)

    def _rewrite(self, entity: EntitySet, row: Any, columns: Json) -> None:
        before = [row.thing_id] if isinstance(row, HistoricalLocation) else []
        if entity.name in ("Locations", "FeaturesOfInterest") and "west" in columns:
            columns["area_id"] = placing.area_of(columns)
        if "at" in columns:
            columns["at"] = from_micros(columns["at"])
        for name, value in columns.items():
            setattr(row, name, value)
        row.save()
        match row:
            case Thing():
                streams.renamed(row)
            case Location():
                placing.follow_place(row)
            case HistoricalLocation():
                for thing_id in sorted({row.thing_id, *before}):
                    placing.follow_history(thing_id)

    def remove(self, entity: EntitySet, number: int) -> None:
        """Remove an entity and what cannot be without it (18-088 table 25)."""
        self.need(entity, [number])
        row: Any = MODELS[entity.name]._default_manager.select_for_update().get(pk=number)
        _refuse_packs(row)
        if entity.name in SHARED:
            refuse_shared(self.sight, entity, number)
        removing.REMOVED[entity.name](row)


def _named(one: int | Draft, draft: Draft, name: str) -> int:
    if isinstance(one, Draft):
        raise invalid(draft.of(name), "A change makes no further entities.", "Refer to one that is there by @iot.id.",
                      zh="修改时不能新建关联实体，请用 @iot.id 引用。")  # fmt: skip
    return one


def _redrafted(entity: EntitySet, row: Any, body: Any, *, whole: bool) -> Draft:
    """What a change writes. A shape and its encoding belong together, so the other one stands as it was."""
    shape = next((one for one in entity.properties.values() if one.kind is Kind.SHAPE), None)
    if isinstance(body, dict) and shape is not None and "encodingType" in entity.properties:
        column = shape.columns[0].removeprefix("{t}.")
        if {shape.name, "encodingType"} & body.keys() and not whole:
            body = {"encodingType": row.encoding_type, shape.name: json.loads(getattr(row, column))} | body
    draft = drafted(entity, body, whole=whole, given=frozenset(entity.relations), own=row.pk)
    if whole:
        for one in entity.properties.values():
            if one.name not in body and not (entity.name.endswith("Datastreams") and one.name in COUNTED):
                draft.columns |= dict.fromkeys(column.removeprefix("{t}.") for column in one.columns)
    return draft


def _refuse_packs(row: Any) -> None:
    """Raises Refusal for what the city pack brought: it is changed there."""
    match row:
        case Thing():
            placing.refuse_listed(row)
        case Datastream(thing=Thing() as thing):
            placing.refuse_listed(thing)
        case Location():
            placing.refuse_listed_at(row)
        case Feature():
            placing.refuse_listed_at(row.location)
        case HistoricalLocation():
            placing.refuse_listed(row.thing)
        case Sensor(type=DeviceType()) | ObservedProperty(code=str()):
            raise placing.in_the_pack(row)
