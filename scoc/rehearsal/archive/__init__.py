"""Air archives of the past: two schemas read as readings of the city's stations, each doubtful value counted."""
