"""Dekr's market data: bars and quotes by tier, from one cache in front of one upstream."""
