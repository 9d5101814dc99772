"""Technical indicators, computed from cached bars."""
