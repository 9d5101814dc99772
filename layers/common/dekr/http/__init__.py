"""The HTTP edge of every function: who asks, what they may ask, and how answers and errors look."""

from dekr.http.edge import Edge

__all__ = ["Edge"]
