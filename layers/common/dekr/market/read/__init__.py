"""The read path that every service shares: the cache, else one fetch for all who wait, else what may be served stale."""
