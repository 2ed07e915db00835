"""Data arrays (18-088 section 12.2): many observations of some datastreams, each as a list of its components."""

from __future__ import annotations

from typing import Any

from scoc.core.acting import Viewer
from scoc.core.refusals import Invalid, invalid
from scoc.sensing.sta import observing
from scoc.sensing.sta.entities import SETS
from scoc.sensing.sta.shaping import Draft, drafted, reference

MOST_ROWS = 10_000
_OBSERVATIONS = SETS["Observations"]
_FEATURE = "FeatureOfInterest/id"
_COMPONENTS = frozenset({*_OBSERVATIONS.properties, _FEATURE})
_KNOWN = ", ".join(sorted(_COMPONENTS))


def read_arrays(viewer: Viewer, body: Any) -> observing.Sifted:
    """Every element checked by itself: a bad one does not fail its neighbours. Raises Refusal for the whole."""
    found: list[tuple[observing.Owner, Draft | Invalid]] = []
    for n, block in enumerate(body if isinstance(body, list) else [body]):
        owner, components, rows = _block(block, f"[{n}]")
        if len(found) + len(rows) > MOST_ROWS:
            raise invalid("body", f"There are more than {MOST_ROWS} observations.", "Send fewer at once.",
                          zh=f"一次超过 {MOST_ROWS} 条观测值。")  # fmt: skip
        for row in rows:
            try:
                found.append((owner, _drafted(owner, components, row)))
            except Invalid as refusal:
                found.append((owner, refusal))
    return observing.sifted(viewer, found)


def _block(block: Any, place: str) -> tuple[dict[str, int], list[str], list[Any]]:
    owners = [name for name in ("Datastream", "MultiDatastream") if isinstance(block, dict) and name in block]
    if len(owners) != 1 or not isinstance(block[owners[0]], dict):
        raise invalid(place, "It names no Datastream.", 'Write {"Datastream": {"@iot.id": 1}, …}.',
                      zh="未指明 Datastream。")  # fmt: skip
    owner = {owners[0]: reference(block[owners[0]].get("@iot.id"), f"{place}.{owners[0]}.@iot.id")}
    components, rows = block.get("components"), block.get("dataArray")
    if not isinstance(components, list) or not all(isinstance(one, str) and one in _COMPONENTS for one in components):
        raise invalid(f"{place}.components", "It is no list of components.", f"Use some of {_KNOWN}.",
                      zh="不是观测值组成项的列表。")  # fmt: skip
    if not isinstance(rows, list):
        raise invalid(f"{place}.dataArray", "It is no list.", "Give one list for each observation.", zh="不是列表。")
    return owner, components, rows


def _drafted(owner: dict[str, int], components: list[str], row: Any) -> Draft:
    if not isinstance(row, list) or len(row) != len(components):
        raise invalid("dataArray", f"It has not {len(components)} values.", "Give one for each component.",
                      zh=f"须有 {len(components)} 个值。")  # fmt: skip
    said = dict(zip(components, row, strict=True))
    feature = said.pop(_FEATURE, None)
    made = drafted(_OBSERVATIONS, said, given=frozenset(owner))
    made.one |= owner
    if feature is not None:
        made.one["FeatureOfInterest"] = reference(feature, _FEATURE)
    return made
