"""The registry of the stream: who is connected, who listens to what, and the log of what changes."""

from dekr.stream.registry.registry import Registry
from dekr.stream.registry.replies import Admitted, Changed, Counts, Due, DueReason, Heard

__all__ = ["Admitted", "Changed", "Counts", "Due", "DueReason", "Heard", "Registry"]
