"""The services: quotes and bars, each the tier cache in front of the upstream."""
