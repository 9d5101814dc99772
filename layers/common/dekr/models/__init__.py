"""The shapes of the answers of Dekr's own routes, by kind of data.

Their docstrings are the descriptions in the OpenAPI document.
"""
