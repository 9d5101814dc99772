"""Demand: which tickers are asked for, how often, and which ones other modules expect to be wanted."""
