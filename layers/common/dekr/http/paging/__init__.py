"""What the queries of both dialects share: pages and their cursors, ranges of time, and parameters."""
