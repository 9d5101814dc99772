"""Queries of both dialects: pages and their cursors, ranges of time, and parameters."""
