"""Quotes, trades and snapshots, and the upstream calls that refresh many tickers at once."""
