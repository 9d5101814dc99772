"""Demand: which tickers are requested, how often, and which ones other Dekr modules expect to be requested."""
