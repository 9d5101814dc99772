"""The service that dekr is compared with: quotes and bars behind FastAPI, written the way most teams would write it."""
