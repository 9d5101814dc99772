"""Live streaming: who listens to what (registry), the conversation with a client, and the relay that delivers.

Its pairs, cursors, statuses and ports are what the rooms agree on.
"""
