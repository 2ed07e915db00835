"""Where things are: their places, the history of them (18-088 section 8.2.3), the area that follows."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model

from scoc.core.now import wall_now
from scoc.core.refusals import Refusal
from scoc.kit.text import Text
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.ingest.interest import leave_news_of
from scoc.sensing.models import Device, Feature, HistoricalLocation, Location, Thing
from scoc.sensing.sta.shaping import Json
from scoc.spatial.queries import locate

TABLE: str = Thing.locations.through._meta.db_table
"""Links of things with the places where they are now."""


def in_the_pack(row: Model) -> Refusal:
    """It is changed in the city pack, which brought it."""
    return Refusal(
        "in_the_pack",
        Text("该实体由城市包管理，请在城市包中修改。", "The city pack brought it: change it there."),
        subject=f"sensing:{type(row).__name__}-{row.pk}",
    )  # fmt: skip


def refuse_listed_at(place: Location | None) -> None:
    """Raises Refusal for a place at which a thing of the city pack stands."""
    for thing in Thing.objects.filter(locations=place).select_related("device") if place is not None else ():
        refuse_listed(thing)


def refuse_listed(thing: Thing) -> None:
    """Raises Refusal for a thing whose device the city pack names."""
    if thing.device is not None and thing.device.listed:
        raise in_the_pack(thing)


def locked(thing_id: int) -> Thing:
    """A thing that may be changed, locked. Raises Refusal for one of the city pack."""
    thing = Thing.objects.select_related("device").select_for_update(of=("self",)).get(pk=thing_id)
    refuse_listed(thing)
    return thing


def area_of(columns: Json) -> int | None:
    """The area in which the middle of a box lies; None outside of the city, or where there is no box."""
    west, south, east, north = (columns.get(side) for side in ("west", "south", "east", "north"))
    if west is None or south is None or east is None or north is None:
        return None
    return locate((west + east) / 2, (south + north) / 2)


def place(thing_id: int, places: list[int], at: datetime) -> None:
    """Let a thing be at places from now on, in place of where it was; the history keeps both."""
    if not places:
        return
    thing = locked(thing_id)
    history = HistoricalLocation.objects.create(thing=thing, at=at)
    history.locations.set(places)
    leave_news_of("HistoricalLocations", history.pk)
    _stand(thing, places)


def follow_history(thing_id: int) -> None:
    """A thing is where the newest entry of its history says, also after one was written by hand."""
    thing = locked(thing_id)
    newest = HistoricalLocation.objects.filter(thing=thing).order_by("-at", "-id").first()
    if newest is not None:
        _stand(thing, list(newest.locations.values_list("id", flat=True)))


def leave(thing_id: int, place_id: int) -> None:
    """A thing is no longer at one of its places; its history stays."""
    thing = locked(thing_id)
    _stand(thing, [pk for pk in thing.locations.values_list("id", flat=True) if pk != place_id])


def follow_place(location: Location) -> None:
    """What stands at a place that was drawn anew stands where it is drawn; so does what is observed there."""
    Feature.objects.filter(location=location).update(
        name=location.name, description=location.description, encoding_type=location.encoding_type,
        feature=location.location, west=location.west, south=location.south, east=location.east, north=location.north,
        area_id=location.area_id,
    )  # fmt: skip
    for thing_id in Thing.objects.filter(locations=location).values_list("id", flat=True):
        stand_anew(thing_id)


def stand_anew(thing_id: int) -> None:
    """A thing's area and device follow after its places were drawn anew or went."""
    thing = locked(thing_id)
    _stand(thing, list(thing.locations.values_list("id", flat=True)))


def features_of(places: list[Location]) -> None:
    """For each place what is observed there, if nobody has said so yet."""
    there = set(Feature.objects.filter(location__in=places).values_list("location_id", flat=True))
    Feature.objects.bulk_create(
        [
            Feature(
                name=one.name, description=one.description, encoding_type=one.encoding_type, feature=one.location,
                west=one.west, south=one.south, east=one.east, north=one.north, organisation_id=one.organisation_id,
                area_id=one.area_id, location=one,
            )
            for one in places if one.pk not in there
        ],
        batch_size=500,
    )  # fmt: skip


def _stand(thing: Thing, places: list[int]) -> None:
    thing.locations.set(places)
    here = list(Location.objects.filter(pk__in=places).order_by("id"))
    features_of(here)
    drawn = next((one for one in here if one.west is not None), None)
    thing.area_id = drawn.area_id if drawn else None
    thing.save(update_fields=["area"])
    if thing.device is not None:
        device = thing.device
        device.area_id, device.changed = thing.area_id, wall_now()
        device.lon, device.lat = middle(drawn) if drawn else (None, None)
        device.given_lon, device.given_lat = device.lon, device.lat
        device.save(update_fields=["area", "changed", "lon", "lat", "given_lon", "given_lat"])
        forget_directory()


def middle(location: Location) -> tuple[float, float]:
    """The middle of a place's box."""
    assert location.west is not None
    assert location.east is not None
    assert location.south is not None
    assert location.north is not None
    return (location.west + location.east) / 2, (location.south + location.north) / 2


def device_of(thing: Thing) -> Device:
    """The device that gives a thing's series; made with its first datastream."""
    from scoc.sensing.sta.streams import thing_type

    if thing.device is not None:
        return thing.device
    here = thing.locations.exclude(west=None).order_by("id").first()
    lon, lat = middle(here) if here else (None, None)
    moment = wall_now()
    thing.device = Device.objects.create(
        key=f"thing-{thing.pk}", type=thing_type(), name=Text(thing.name, thing.name),
        organisation_id=thing.organisation_id, area_id=thing.area_id, lon=lon, lat=lat, given_lon=lon, given_lat=lat,
        datum="WGS84", state=Device.State.REGISTERED, registered_at=moment, changed=moment, listed=False,
    )  # fmt: skip
    thing.save(update_fields=["device"])
    return thing.device
