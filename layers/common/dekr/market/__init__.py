"""The services: each kind of data has a room, and all read through the same path, the tier cache in front of the upstream."""
