"""The device that an action is about (private)."""

from __future__ import annotations

from scoc.core.access import visible
from scoc.core.acting import Actor
from scoc.core.facts import Fact, publish
from scoc.core.refusals import no_such
from scoc.sensing.models import Device
from scoc.sensing.raising import device_subject

OF_DEVICE = {"organisation": "device__organisation", "area": "device__area", "run": ""}
"""Where a row that belongs to a device has what scopes look at."""


def device_for(actor: Actor, device_id: int, permission: str) -> Device:
    """A device within the actor's scope, locked. Raises NotFound."""
    rows = visible(actor, Device.objects.filter(pk=device_id), permission, {"run": ""})
    device = rows.select_for_update(of=("self",)).first()
    if device is None:
        raise no_such("设备", "device", device_subject(device_id))
    return device


def tell_of(device: Device, told: Fact) -> None:
    """Publish a fact to those who see the device."""
    publish(told, organisation_id=device.organisation_id, area_id=device.area_id)
