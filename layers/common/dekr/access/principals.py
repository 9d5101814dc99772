"""From a credential to a principal: this sandbox's memory, then the store, then DynamoDB.

A revoked key is refused 60 s after the DynamoDB read at the latest, all copies counted: every copy carries the moment at
which that read started, and none is believed 60 s later. Unknown ids are remembered the same way. Copies hold the digest
of a key, never its text.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from dekr.access.directory import ACTIVE, KeyDirectory, KeyRecord
from dekr.access.keys import parse_key
from dekr.access.limits import Limiter
from dekr.access.principal import Principal, Role
from dekr.errors import InvalidInput, RoleRequired, StoreDown, Unauthenticated
from dekr.store import Store, plain
from dekr.tiers import Tier

BELIEVED_US: Final = 60_000_000
MOST_COPIES: Final = 10_000
_NO_DIGEST: Final = "0" * 64


class _Copy(BaseModel):
    """What a copy holds of a look-up: the record, or the tier of a user, or that there is none; and when it was read."""

    read_us: int
    record: KeyRecord | None = None
    tier: Tier | None = None


@dataclass(slots=True)
class Principals:
    """Knows callers. ``directory`` is asked for on the first look-up that no copy answers."""

    store: Store
    directory: Callable[[], KeyDirectory]
    limiter: Limiter
    now_us: Callable[[], int]
    _copies: OrderedDict[str, _Copy] = field(default_factory=OrderedDict)

    def resolve(self, credential: str, address: str) -> Principal:
        """The principal behind an API key. Raises Unauthenticated, RateLimited (too many look-ups), Unavailable."""
        key = parse_key(credential)
        copy = self._copy(
            f"{{key:{key.id}}}", address, lambda: _Copy(read_us=self.now_us(), record=self.directory().find(key.id))
        )
        record = copy.record
        # Unknown ids cost the same work as known ones.
        same = compare_digest(key.digest, record.hash if record else _NO_DIGEST)
        if record is None or not same:
            raise Unauthenticated("There is no such API key.")
        if record.status != ACTIVE:
            raise Unauthenticated("This API key has been revoked.", code="revoked_api_key")
        return Principal(record.user, record.tier, record.role, record.id)

    def acting_for(self, principal: Principal, user: str | None, address: str) -> Principal:
        """The principal whose tier and limits count: another user, where a service key names one (X-Dekr-User)."""
        if user is None or user == principal.user_id:
            return principal
        if principal.role is not Role.SERVICE:
            raise RoleRequired("Only a key with the role service may name another user in X-Dekr-User.")
        name = f"{{user:{quote(user, safe='')}}}"
        tier = self._copy(name, address, lambda: _Copy(read_us=self.now_us(), tier=self.directory().tier_of(user))).tier
        if tier is None:
            raise InvalidInput("X-Dekr-User", "must be a user with an active API key", code="unknown_user")
        return Principal(user, tier, principal.role, principal.key_id)

    def _copy(self, name: str, address: str, read: Callable[[], _Copy]) -> _Copy:
        copy = self._copies.get(name)
        if copy is not None and self._believed(copy):
            self._copies.move_to_end(name)
            return copy
        copy = self._shared(name, address) or self._read(name, read)
        self._copies[name] = copy
        self._copies.move_to_end(name)
        while len(self._copies) > MOST_COPIES:
            self._copies.popitem(last=False)
        return copy

    def _shared(self, name: str, address: str) -> _Copy | None:
        """The store's copy; the address pays for the look-up in the same round trip."""
        try:
            paid, raw = self.store.run(
                self.limiter.address_command(address), plain("GET", f"{self.store.prefix}{name}:principal")
            )
        except StoreDown:
            return None
        self.limiter.check_address(paid)
        if raw is None:
            return None
        try:
            copy = _Copy.model_validate_json(raw)
        except ValidationError:
            return None
        return copy if self._believed(copy) else None

    def _read(self, name: str, read: Callable[[], _Copy]) -> _Copy:
        copy = read()
        left_ms = (copy.read_us + BELIEVED_US - self.now_us()) // 1000
        if left_ms > 0:
            text = json.dumps(copy.model_dump(mode="json"), separators=(",", ":"))
            try:
                self.store.run(plain("SET", f"{self.store.prefix}{name}:principal", text, "PX", left_ms))
            except StoreDown:
                return copy
        return copy

    def _believed(self, copy: _Copy) -> bool:
        return 0 <= self.now_us() - copy.read_us < BELIEVED_US
