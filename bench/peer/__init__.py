"""The peer: a service for quotes and bars behind FastAPI, written as most teams would, with which dekr is compared."""
