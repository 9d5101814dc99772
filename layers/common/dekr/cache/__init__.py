"""The tier cache: one shared entry for each datum, stamped with the start of its fetch. The tier of a reader decides on it."""
