"""The OpenAPI document and its page, made from the routes.

``python -m local.openapi`` writes docs/openapi.json and what the admin function serves of it; with ``--check`` it fails
where a committed file is not what the routes say. What the edge does for every route (who may ask, headers, errors) is added
here, so that no function pays for the description of it.
"""
