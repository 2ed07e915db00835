"""Vital signs (城市体征): definitions, values, thresholds, composite health index."""
