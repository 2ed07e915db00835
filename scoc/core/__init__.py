"""What every module stands on: people and places, the one door for change, the log of facts, time, access."""
