"""Polygon's dialect: each module adds the routes of one kind of data to the edge of the function that serves it."""
