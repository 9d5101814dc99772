"""Benchmarks: each prints a table, says what it compares with, and gives its figures to bench/results.json."""
