"""The bounds of the listener: nothing that a client can make grow grows without one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener takes; announced to clients of 5.0 in CONNACK where the standard has a word for it."""

    packet_bytes: int = 1_048_576
    """Longest packet that is taken; a longer one is cut off at its header."""
    connections: int = 20_000
    connects_per_second: int = 500
    """More than these are sent away: a storm after a power cut must not starve those who are in."""
    connect_seconds: float = 10.0
    """Within so long the whole CONNECT must be there, else a port scanner holds sockets."""
    connect_bytes: int = 65_536
    """Longest packet before a client is known."""
    keep_alive_seconds: int = 60
    """The longest keep-alive in 5.0, where the server decides: dead connections are found within 90 seconds."""
    receive_maximum: int = 100
    """Publications of one client that may wait for their acknowledgement; in 3.1.1 its socket is not read beyond."""
    topic_aliases: int = 32
    """Aliases in each direction of one connection."""
    subscriptions: int = 200
    """Of one session."""
    sessions_per_principal: int = 8
    """Sessions under different client identifiers with the same credential."""
    sessions: int = 50_000
    session_seconds: int = 7 * 86_400
    """Longest that a session is kept without its client."""
    inflight: int = 100
    """Messages of one client that are sent and not acknowledged by it."""
    queued: int = 1_000
    """Messages of QoS 1 and 2 that wait for one client; a client that is there and does not take them is cut off."""
    queued_bytes: int = 8_388_608
    buffer_bytes: int = 1_048_576
    """Above so much unsent data of one connection, messages of QoS 0 to it are shed."""
    stalled_seconds: float = 30.0
    """A connection that takes nothing for so long is cut off."""
    pending: int = 20_000
    """Publications of all clients that wait for their storing; beyond, sockets are not read, then QoS 0 is dropped."""
    pending_bytes: int = 67_108_864
    retained: int = 10_000
    retained_bytes: int = 67_108_864
    wills: int = 20_000
    """Wills that wait for their delay."""
    stop_seconds: float = 5.0
    """So long a stop waits for what is being stored, and for clients to go."""
    farewell_seconds: float = 1.0
    """So long a socket stays after DISCONNECT: closed at once, a reset may overtake the reason code."""
