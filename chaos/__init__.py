"""A seeded program of faults against the real service, and the checks of what it promises (``make chaos SEED=7``)."""
