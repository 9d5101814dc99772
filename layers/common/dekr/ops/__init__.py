"""Operations: whether the service is healthy, what callers used, and what the cache saved."""
