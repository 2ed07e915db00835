"""The requirements of OGC SensorThings API 1.1 (18-088), each with its tests and with a fault that turns them red."""

from __future__ import annotations

from typing import NamedTuple

BASE = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
STA = "scoc/sensing/sta/"
_MODEL = "scoc/sensing/tests/test_sta_model.py::"
_READING = "scoc/sensing/tests/test_sta_reading.py::"
_OPTIONS = "scoc/sensing/tests/test_sta_options.py::"
_WRITING = "scoc/sensing/tests/test_sta_writing.py::"
_FORMS = "scoc/sensing/tests/test_sta_forms.py::"
_SERVING = "scoc/sensing/tests/test_sta_serving.py::"
_MQTT = "scoc/sensing/tests/mqtt/test_sensorthings.py::"


class Proof(NamedTuple):
    """One requirement: the tests that hold it, and a fault in a file by which at least one of them fails."""

    tests: tuple[str, ...]
    file: str
    right: str
    wrong: str


def _entities(tests: str, right: str, wrong: str = "") -> Proof:
    return Proof((_MODEL + tests,), f"{STA}entities.py", right, wrong)


PROOFS: dict[str, Proof] = {
    "datamodel/entity-control-information/common-control-information": Proof(
        (f"{_MODEL}test_control_information",), f"{STA}rendering.py",
        '        made["@iot.id"] = number_\n        made["@iot.selfLink"] = own\n',
        '        made["@iot.id"] = number_\n',
    ),
    "datamodel/thing/properties": _entities(
        "test_properties[Things]", '"sensing_thing", (*_NAMED, _json("properties")), (', '"sensing_thing", _NAMED, (',
    ),
    "datamodel/thing/relations": _entities(
        "test_relations[Things]",
        '        _many("Datastreams", "Datastreams", target_column="thing_id", back="Thing"),\n',
    ),
    "datamodel/location/properties": _entities(
        "test_properties[Locations]", '_shape("location", required=True),\n        _json("properties"),',
        '_shape("location", required=True),',
    ),
    "datamodel/location/relations": _entities(
        "test_relations[Locations]",
        '        _many("Things", "Things", link=(_LOCATED[0], _LOCATED[2], _LOCATED[1]), back="Locations"),\n',
    ),
    "datamodel/historical-location/properties": _entities(
        "test_properties[HistoricalLocations]", 'Property("time", Kind.TIME', 'Property("at", Kind.TIME',
    ),
    "datamodel/historical-location/relations": _entities(
        "test_relations[HistoricalLocations]", 'back="HistoricalLocations", required=True),\n        _many("Locations"',
        'back="HistoricalLocations", required=True),\n        _many("Places"',
    ),
    "datamodel/datastream/properties": _entities(
        "test_properties[Datastreams]", '_json("unitOfMeasurement", "unit_of_measurement", required=True)',
        '_json("unit", "unit_of_measurement")',
    ),
    "datamodel/datastream/relations": _entities(
        "test_relations[Datastreams]",
        '        _many("Observations", "Observations", target_column="datastream_id", back="Datastream"),\n',
    ),
    "datamodel/sensor/properties": _entities(
        "test_properties[Sensors]", '_json("metadata", required=True)', '_json("meta", "metadata")',
    ),
    "datamodel/sensor/relations": _entities(
        "test_relations[Sensors]",
        '        _many("Datastreams", "Datastreams", target_column="sensor_id", back="Sensor"),\n',
    ),
    "datamodel/observed-property/properties": _entities(
        "test_properties[ObservedProperties]", '_text("definition", required=True)', '_text("meaning", "definition")',
    ),
    "datamodel/observed-property/relations": _entities(
        "test_relations[ObservedProperties]",
        '        _many("Datastreams", "Datastreams", target_column="observed_property_id", back="ObservedProperty"),\n',
    ),
    "datamodel/observation/properties": _entities(
        "test_properties[Observations]", '        _json("resultQuality", "quality"),\n',
    ),
    "datamodel/observation/relations": _entities(
        "test_relations[Observations]",
        '        _one("FeatureOfInterest", "FeaturesOfInterest", source_column="feature_id", back="Observations"),\n',
    ),
    "datamodel/feature-of-interest/properties": _entities(
        "test_properties[FeaturesOfInterest]", '_shape("feature", required=True),\n        _json("properties"),',
        '_shape("feature", required=True),',
    ),
    "datamodel/feature-of-interest/relations": _entities(
        "test_relations[FeaturesOfInterest]",
        '        _many("Observations", "Observations", target_column="feature_id", back="FeatureOfInterest"),\n',
    ),
    "resource-path/resource-path-to-entities": Proof(
        (f"{_READING}test_a_property_alone", f"{_READING}test_a_path_leads_through_entities_to_one",
         f"{_READING}test_what_leads_nowhere_is_not_found"),
        f"{STA}asking.py", "            raw = True\n", "            raw = False\n",
    ),
    "request-data/status-code": Proof(
        (f"{_SERVING}test_what_goes_wrong_is_told_in_words", f"{_SERVING}test_a_machine_reads_by_its_key"),
        "scoc/core/refusals.py", "    status = 404\n", "    status = 200\n",
    ),
    "request-data/query-status-code": Proof(
        (f"{_SERVING}test_what_goes_wrong_is_told_in_words",), f"{STA}doing.py",
        "        refusal.status = 400\n", "        refusal.status = 200\n",
    ),
    "request-data/order": Proof(
        (f"{_OPTIONS}test_the_order_in_which_options_are_applied",), f"{STA}reading.py",
        "        word(COUNT_LIMIT + 1),\n", "        word(level.query.top),\n",
    ),
    "request-data/expand": Proof(
        (f"{_OPTIONS}test_expand", f"{_READING}test_each_parent_shows_its_own_newest"), f"{STA}reading.py",
        "            one[relation.name] = found[key]\n", "            pass\n",
    ),
    "request-data/select": Proof(
        (f"{_OPTIONS}test_select",), f"{STA}rendering.py",
        "        if select is None or relation.name in select:\n", "        if relation:\n",
    ),
    "request-data/orderby": Proof(
        (f"{_OPTIONS}test_orderby",), f"{STA}reading.py", '            way = " DESC" if falls else ""\n',
        '            way = ""\n',
    ),
    "request-data/top": Proof(
        (f"{_OPTIONS}test_top",), f"{STA}reading.py", "        rows = rows[: query.top]\n", "        rows = rows[:]\n",
    ),
    "request-data/skip": Proof(
        (f"{_OPTIONS}test_skip",), f"{STA}reading.py", "limit=query.top + 1, skip=query.skip))",
        "limit=query.top + 1, skip=0))",
    ),
    "request-data/count": Proof(
        (f"{_OPTIONS}test_count",), f"{STA}reading.py", "    if query.count:\n        made |=",
        "    if query.skip:\n        made |=",
    ),
    "request-data/filter": Proof(
        (f"{_READING}test_things_are_found_by_text_relation_and_place",), f"{STA}reading.py",
        "translator.condition(query.filter) if query.filter is not None else None,", "None,",
    ),
    "request-data/built-in-filter-operations": Proof(
        (f"{_READING}test_a_filter_finds_by_every_kind_of_word",), f"{STA}translating.py", '"Lt": "<"', '"Lt": "<="',
    ),
    "request-data/built-in-query-functions": Proof(
        (f"{_READING}test_a_filter_finds_by_every_kind_of_word",
         f"{_READING}test_things_are_found_by_text_relation_and_place"),
        f"{STA}calls.py", '"floor": _numbers("floor({0})")', '"floor": _numbers("ceil({0})")',
    ),
    "request-data/pagination": Proof(
        (f"{_READING}test_pages_go_on_where_they_ended",), f"{STA}reading.py",
        'if name not in ("$skip", "$skiptoken")]', 'if name != "$skip"]',
    ),
    "create-update-delete/create-entity": Proof(
        (f"{_WRITING}test_a_thing_is_made_with_all_that_stands_inside_of_it",
         f"{_WRITING}test_what_does_not_fit_is_told_with_its_place"),
        f"{STA}shaping.py", "        if self._whole or level:\n", "        if level:\n",
    ),
    "create-update-delete/link-to-existing-entities": Proof(
        (f"{_WRITING}test_observations_are_about_the_place_of_their_thing",), f"{STA}shaping.py",
        'content.get("@iot.id") is not None:', 'content.get("@iot.id") == "":',
    ),
    "create-update-delete/deep-insert": Proof(
        (f"{_WRITING}test_a_thing_is_made_with_all_that_stands_inside_of_it",), f"{STA}writing.py",
        "            draft.one[relation.back] = number\n            self.make(draft)\n",
        "            draft.one[relation.back] = number\n",
    ),
    "create-update-delete/deep-insert-status-code": Proof(
        (f"{_SERVING}test_entities_are_made_changed_and_removed",), f"{STA}doing.py", "    return Done(201, {",
        "    return Done(200, {",
    ),
    "create-update-delete/update-entity": Proof(
        (f"{_WRITING}test_a_change_writes_what_it_says_and_a_replacement_empties_the_rest",), f"{STA}writing.py",
        "        row.save()\n        match row:\n", "        match row:\n",
    ),
    "create-update-delete/update-entity-put": Proof(
        (f"{_WRITING}test_a_change_writes_what_it_says_and_a_replacement_empties_the_rest",), f"{STA}doing.py",
        '    whole = asked.method == "PUT"\n', "    whole = False\n",
    ),
    "create-update-delete/update-entity-jsonpatch": Proof(
        (f"{_FORMS}test_a_json_patch_changes_single_values",
         f"{_FORMS}test_a_json_patch_that_does_not_fit_changes_nothing"),
        f"{STA}doing.py", 'asked.method == "PATCH" and asked.kind == JSON_PATCH:', 'asked.kind == "":',
    ),
    "create-update-delete/delete-entity": Proof(
        (f"{_WRITING}test_what_is_removed_takes_with_it_what_cannot_be_without_it",), f"{STA}removing.py",
        "    Observation.objects.filter(datastream__in=ids).delete()\n", "",
    ),
    "create-update-delete/historical-location-auto-creation": Proof(
        (f"{_WRITING}test_a_thing_that_is_linked_to_a_place_moves_there_and_its_history_keeps_both",),
        f"{STA}placing.py", "    history.locations.set(places)\n", "    history.delete()\n",
    ),
    "create-update-delete/historical-location-manual-creation": Proof(
        (f"{_WRITING}test_history_written_by_hand_moves_a_thing_only_if_it_is_newest",), f"{STA}writing.py",
        "                placing.follow_history(thing_id)\n\n    def unlink", "                pass\n\n    def unlink",
    ),
    "batch-request/batch-request": Proof(
        (f"{_FORMS}test_a_changeset_is_done_as_a_whole_or_not_at_all", f"{_FORMS}test_a_batch_in_parts",
         f"{_FORMS}test_a_batch_does_one_after_the_other_and_each_may_fail_alone"),
        f"{STA}batching.py", "        with unit_of_work(caller.viewer):\n", "        if group:\n",
    ),
    "multi-datastream/properties": _entities(
        "test_properties[MultiDatastreams]", '_json("multiObservationDataTypes", "multi_types", required=True)',
        '_json("types", "multi_types")',
    ),
    "multi-datastream/relations": _entities(
        "test_relations[MultiDatastreams]",
        '        _many("Observations", "Observations", target_column="datastream_id", back="MultiDatastream"),\n',
    ),
    "multi-datastream/constraints": Proof(
        (f"{_WRITING}test_several_results_at_once",), f"{STA}writing.py",
        "            streams.check_tied(tied)\n", "            pass\n",
    ),
    "data-array/data-array": Proof(
        (f"{_FORMS}test_many_observations_come_as_arrays_and_a_bad_one_fails_alone",
         f"{_FORMS}test_observations_are_told_as_arrays"),
        f"{STA}arrays.py", "                found.append((owner, refusal))\n", "                raise\n",
    ),
    "create-observations-via-mqtt/observations-creation": Proof(
        (f"{_MQTT}test_an_observation_is_created_before_it_is_acknowledged",), "scoc/sensing/mqtt/keys.py",
        "        return self._take(client.data, below, message.payload)\n", "        return SWALLOW\n",
    ),
    "receive-updates-via-mqtt/receive-updates": Proof(
        (f"{_MQTT}test_updates_come_as_the_topic_asks_for_them",
         f"{_MQTT}test_observations_made_in_any_way_are_announced"),
        "scoc/sensing/mqtt/announcing.py", "found: list[Any] = read_some(reader, path, topic.options, ids)",
        'found: list[Any] = read_some(reader, path, "", ids)',
    ),
}  # fmt: skip
"""By the name of the requirement, as its address ends."""
