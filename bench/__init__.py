"""Benchmarks. Each prints a table, names what it compares with, and gives its figures to bench/results.json."""
