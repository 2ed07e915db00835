"""Helpers without models or settings: geometry, coordinate systems, identifiers, units, time, text."""
