"""Rehearsal: demo, simulator, replay and loaders of outside data; acts across all modules."""
