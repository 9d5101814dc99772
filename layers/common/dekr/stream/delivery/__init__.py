"""From a connection's outbox to its socket: what is sent when, in which frames, and at which rate."""
