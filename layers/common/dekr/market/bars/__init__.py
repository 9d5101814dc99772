"""Bars of price and volume (OHLCV), cached as canonical segments of the time axis."""
