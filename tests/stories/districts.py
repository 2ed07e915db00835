"""Who collects where in Binhai."""

DISTRICTS = {"990102": "hw", "990103": "lj", "990104": "dy", "990105": "qy", "990106": "lg"}


def collector_of(area: str) -> str:
    """The first collector of an area's district."""
    return f"collector.{DISTRICTS[area[:6]]}1"
