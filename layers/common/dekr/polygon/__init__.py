"""The upstream: Polygon.io, which is called Massive since October 2025."""
