"""The gate to the upstream: may this fetch be made now? Single flight, entitlement, breaker and budget in one decision."""
