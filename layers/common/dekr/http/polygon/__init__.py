"""Polygon's own routes: each module adds those of one kind of data to the edge of the function that serves it."""
