"""Preloading on a schedule: quotes before the open, history at night and in the pre-market, and the audit that says which of it
was read.
"""
