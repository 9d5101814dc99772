"""The local cloud: the deployment's own template.yaml on an emulated AWS, with a Redis and the sandbox Polygon.

``python -m local.stack up`` starts it in the background, ``down`` ends it, ``run`` keeps it in the foreground.
Everything that a stack writes to disk is under DEKR_LOCAL_DIR (default ``.local``), so stacks in two directories can
run side by side.
"""
