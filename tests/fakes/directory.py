"""A key directory in memory; it passes the same contract tests as DynamoDB's."""

import os
from collections.abc import Collection

from dekr.access.directory import ACTIVE, KeyRecord
from dekr.access.keys import NewKey, new_key
from dekr.access.principal import Role
from dekr.tiers import Tier


class FakeDirectory:
    """A key directory in memory. ``reads`` counts the look-ups."""

    def __init__(self) -> None:
        self.records: dict[str, KeyRecord] = {}
        self.reads = 0

    def find(self, key_id: str) -> KeyRecord | None:
        self.reads += 1
        return self.records.get(key_id)

    def find_many(self, key_ids: Collection[str]) -> dict[str, KeyRecord]:
        self.reads += 1
        return {key_id: self.records[key_id] for key_id in key_ids if key_id in self.records}

    def tier_of(self, user: str) -> Tier | None:
        self.reads += 1
        tiers = [r.tier for r in self.records.values() if r.user == user and r.status == ACTIVE]
        return max(tiers, default=None)

    def issue(self, user: str = "demo", tier: int = 5, role: Role = Role.USER, key: NewKey | None = None) -> NewKey:
        """Add the record of a key, new where none is given."""
        key = key or new_key("test", os.urandom)
        self.put(
            KeyRecord(
                id=key.id,
                hash=key.digest,
                user=user,
                tier=Tier(tier),
                role=role,
                status=ACTIVE,
                created="2026-11-20T15:00:00+00:00",
            )
        )
        return key

    def put(self, record: KeyRecord) -> None:
        self.records[record.id] = record

    def revoke(self, key_id: str) -> None:
        self.records[key_id] = self.records[key_id].model_copy(update={"status": "revoked"})


def key_record(key_id: str, user: str, tier: int) -> KeyRecord:
    """The record of an active key."""
    return KeyRecord(
        id=key_id,
        hash="ab" * 32,
        user=user,
        tier=Tier(tier),
        role=Role.USER,
        status="active",
        created="2026-11-20T15:00:00+00:00",
    )
