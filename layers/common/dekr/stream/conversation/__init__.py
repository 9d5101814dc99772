"""The conversation with a client: each message and event of a connection, until a subscription stands in the registry."""
