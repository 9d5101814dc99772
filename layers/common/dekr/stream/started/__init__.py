"""Streams that are started over HTTP: their records, their tickets, and what may be wished."""
