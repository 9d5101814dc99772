"""Answers that are cached and passed on as the upstream sent them."""
