"""Make the OpenAPI document and its HTML page from the routes.

``python -m local.openapi`` writes docs/openapi.json and the copies that the admin function serves; with ``--check`` it
fails if a committed file differs from what the routes say. What the edge does for every route (authentication, headers,
errors) is added here, so that no function pays for describing it.
"""
