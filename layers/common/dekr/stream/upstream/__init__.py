"""The one socket to the upstream."""
