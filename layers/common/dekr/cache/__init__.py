"""The tier cache: one shared entry per datum, stamped with its fetch start; the reader's tier decides, never the writer's."""
