"""Access: who a caller is, and how many requests they may make."""
