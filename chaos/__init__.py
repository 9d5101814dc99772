"""A seeded program of faults against the real service, and checks of the service's promises (``make chaos SEED=7``)."""
