"""Devices in the search."""

from __future__ import annotations

from scoc.core.finding import search
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.tests.factories import make_device


def test_a_device_is_found_by_key_and_name_within_the_scope(city: City) -> None:
    device = make_device("AQ-0417", organisation=city.bureau)
    reader = make_actor("sensing.read_devices", organisation=city.bureau, scope="unit")
    for text in ("aq-0417", "0417", device.name.zh):
        found = search(reader, text, kind="device")
        assert [(hit.subject, hit.path, hit.state) for group in found for hit in group.hits] == [
            (f"sensing:device-{device.pk}", f"/sensing/devices/{device.pk}", "active")
        ]
    stranger = make_actor("sensing.read_devices", organisation=city.centre, scope="unit")
    assert search(stranger, "0417") == []
