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
from scoc.sensing.mqtt.codec.properties import NONE, P, Properties
from scoc.sensing.mqtt.codec.reasons import V5, Malformed, Reason

__all__ = [
    "NONE",
    "V5",
    "Acknowledgement",
    "Auth",
    "Connack",
    "Connect",
    "Disconnect",
    "Frame",
    "Kind",
    "Malformed",
    "P",
    "Packet",
    "Ping",
    "Properties",
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
