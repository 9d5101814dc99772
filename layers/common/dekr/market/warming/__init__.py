"""Preloading on a schedule: quotes before the open, history at night, and whether it paid."""
