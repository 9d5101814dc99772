"""Bars, kept as canonical segments of the time axis."""
