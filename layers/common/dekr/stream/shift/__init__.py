"""One relay's shift, from the lease to its end: who may be the relay, what it runs on, and whom it sends away."""
