"""The local cloud: the same template.yaml on an emulated AWS, with a Redis and the sandbox Polygon.

``python -m local.stack up`` starts it in the background, ``down`` ends it, ``run`` keeps it in the foreground. All that a
stack leaves on disk is under DEKR_LOCAL_DIR (default ``.local``), so two of them run side by side from two directories.
"""
