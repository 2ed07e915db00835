"""Every packet of MQTT 3.1.1 and 5.0 as bytes and back; no sockets, no state."""

from scoc.sensing.mqtt.codec.decoding import decode
from scoc.sensing.mqtt.codec.encoding import encode
from scoc.sensing.mqtt.codec.framing import Frame, next_frame
from scoc.sensing.mqtt.codec.packets import (
    Acknowledgement,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Ping,
    Publish,
    Suback,
    Subscribe,
    SubscribeItem,
    Unsuback,
    Unsubscribe,
    Will,
)
from scoc.sensing.mqtt.codec.properties import Properties, Property
from scoc.sensing.mqtt.codec.reasons import Malformed, Reason

__all__ = [
    "Acknowledgement",
    "Auth",
    "Connack",
    "Connect",
    "Disconnect",
    "Frame",
    "Kind",
    "Malformed",
    "Packet",
    "Ping",
    "Properties",
    "Property",
    "Publish",
    "Reason",
    "Suback",
    "Subscribe",
    "SubscribeItem",
    "Unsuback",
    "Unsubscribe",
    "Will",
    "decode",
    "encode",
    "next_frame",
]
