"""OGC SensorThings API 1.1 (18-088): resource paths and query options become SQL, one statement a level."""
