"""The MQTT listener of the hub: 3.1.1 and 5.0, over TCP, TLS and WebSockets, in the web process.

`codec` knows the packets and no sockets; `connections`, `sessions`, `router` and `broker` are the protocol engine,
which knows no devices; `policy` is the seam between the two, and `devices` the policy of the city's devices.
"""
