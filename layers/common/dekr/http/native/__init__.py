"""Dekr's own dialect: the queries of its routes, and the shapes of their answers."""
