"""API Gateway's WebSocket data plane, for the local cloud and for tests: its events, its limits and what can go wrong with it.

MiniStack's own runs the invocations of all connections one after the other, has no limits and takes posts to connections that
are gone, so what works with it can fail on AWS.
"""
