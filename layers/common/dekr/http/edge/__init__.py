"""The edge of every function: events to requests, answers and errors to responses, one log line for each request."""
