"""How devices are found."""

from __future__ import annotations

from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder, look_up
from scoc.kit.text import Text
from scoc.sensing.models import DEVICE_TEXT, Device

_STATES = {
    "registered": Text("已登记", "registered"),
    "active": Text("在用", "in use"),
    "maintenance": Text("维护中", "in maintenance"),
    "retired": Text("已退役", "retired"),
}


@finder("device", "设备", "Device", permission="sensing.read_devices")
def find_devices(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Devices by key, name or place, retired ones too: their history is asked for."""
    rows = visible(viewer, Device.objects.all(), "sensing.read_devices", {"run": ""})
    return [
        Hit(
            subject=f"sensing:device-{row.pk}", title=row.name, state=row.state, state_name=_STATES[row.state],
            note=Text(f"{row.key} · {row.place}", f"{row.key} · {row.place}") if row.place else Text(row.key, row.key),
            path=f"/sensing/devices/{row.pk}",
        )
        for row in look_up(rows, asked, DEVICE_TEXT)
    ]  # fmt: skip
