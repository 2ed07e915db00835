"""Settings, addresses and the ASGI application; no logic."""
