"""Preloading on a schedule: quotes before the open, history at night, and the audit that says which of it was read."""
