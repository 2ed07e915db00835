"""Devices and datastreams, what they observed, rules over it and the alarms that came of them."""

from scoc.sensing.models.accounts import Account, AccountProof
from scoc.sensing.models.alarms import Alarm, AlarmFlow, AlarmOccurrence, AlarmShelf, Baseline, Rule, RuleState
from scoc.sensing.models.devices import DEVICE_TEXT, Datastream, Device, DeviceType
from scoc.sensing.models.mqtt import MqttMessage, MqttReceived, MqttRetained, MqttSession, MqttSubscription
from scoc.sensing.models.observations import (
    Interest,
    Latest,
    News,
    Observation,
    Rejected,
    RejectedCount,
    Rollup,
    WriterNumber,
)
from scoc.sensing.models.things import (
    Feature,
    HistoricalLocation,
    Location,
    ObservedProperty,
    Sensor,
    Thing,
)
from scoc.sensing.models.upkeep import Maintenance

__all__ = [
    "DEVICE_TEXT",
    "Account",
    "AccountProof",
    "Alarm",
    "AlarmFlow",
    "AlarmOccurrence",
    "AlarmShelf",
    "Baseline",
    "Datastream",
    "Device",
    "DeviceType",
    "Feature",
    "HistoricalLocation",
    "Interest",
    "Latest",
    "Location",
    "Maintenance",
    "MqttMessage",
    "MqttReceived",
    "MqttRetained",
    "MqttSession",
    "MqttSubscription",
    "News",
    "Observation",
    "ObservedProperty",
    "Rejected",
    "RejectedCount",
    "Rollup",
    "Rule",
    "RuleState",
    "Sensor",
    "Thing",
    "WriterNumber",
]
