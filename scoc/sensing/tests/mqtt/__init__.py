"""Tests of the MQTT listener: codec, engine over real sockets, devices, stores."""
