"""Space (时空信息): areas as shapes, the map's features, and which area a point lies in."""
