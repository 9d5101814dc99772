"""The local cloud, and tools for working on the project."""
