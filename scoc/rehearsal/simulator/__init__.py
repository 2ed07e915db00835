"""The city lives: weather, devices, citizens and staff, all drawn from a seed, through the real actions."""
