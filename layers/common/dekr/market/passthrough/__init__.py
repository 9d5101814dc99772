"""Answers that are passed on as the upstream sent them."""
