"""A key directory in memory; it passes the same contract tests as DynamoDB's."""

from dekr.access.directory import ACTIVE, KeyRecord
from dekr.tiers import Tier


class FakeDirectory:
    """``reads`` counts the look-ups."""

    def __init__(self) -> None:
        self.records: dict[str, KeyRecord] = {}
        self.reads = 0

    def find(self, key_id: str) -> KeyRecord | None:
        self.reads += 1
        return self.records.get(key_id)

    def tier_of(self, user: str) -> Tier | None:
        self.reads += 1
        tiers = [r.tier for r in self.records.values() if r.user == user and r.status == ACTIVE]
        return max(tiers, default=None)

    def put(self, record: KeyRecord) -> None:
        self.records[record.id] = record

    def revoke(self, key_id: str) -> None:
        self.records[key_id] = self.records[key_id].model_copy(update={"status": "revoked"})
