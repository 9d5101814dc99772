"""The sandbox Polygon: a deterministic simulated market that speaks the vendor's REST wire, with faults on request."""
