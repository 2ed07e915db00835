"""What builds, checks and ships SCOC; nothing here runs in a city."""
