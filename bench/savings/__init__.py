"""Count the upstream calls that the service saves on a day of requests, and check its promise of freshness (see
``__main__``).
"""
