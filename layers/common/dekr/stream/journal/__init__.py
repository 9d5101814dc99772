"""The journal of the relay: what it has to know, in the store, when it goes on after another one."""

from dekr.stream.journal.journal import StoreJournal
from dekr.stream.journal.shards import SHARDS, shard_of

__all__ = ["SHARDS", "StoreJournal", "shard_of"]
