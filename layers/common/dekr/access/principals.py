"""Finds the principal that a credential proves. A token is verified (``dekr.access.tokens``); an API key is looked up in this
sandbox's memory, then in the store, then in DynamoDB.

A revoked key is refused 60 s after it was read from DynamoDB at the latest: a record is kept with the moment at which that read
started, in memory and in the store, and not used 60 s later. Unknown ids are remembered in the same way. What is kept holds the
digest of a key, never its text.

Only a look-up that reaches DynamoDB is charged to the caller's address, before it does, and not that of a key that was good within
the last day: who tries out keys must not lock out the others behind the same address, and each key is read once a minute at most.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from dekr.access.credentials import is_token
from dekr.access.directory import ACTIVE, KeyDirectory, KeyRecord
from dekr.access.keys import parse_key
from dekr.access.limits import Limiter
from dekr.access.principal import USER_RULE, Principal, Role, is_user
from dekr.access.rate import Rate
from dekr.cache import keys
from dekr.errors import InvalidInput, RoleRequired, StoreDown, Unauthenticated
from dekr.passed_over import PassedOver
from dekr.store import Store, plain
from dekr.tiers import Tier

BELIEVED_US: Final = 60_000_000
"""A record is used for so long after its read from DynamoDB started."""

KNOWN_MS: Final = 24 * 3600 * 1000
"""A key that was good is remembered as such for so long. That proves nobody: it only spares its address the charge."""

MAX_RECORDS: Final = 10_000

KEYS_OF_AN_ADDRESS: Final = Rate.of(300, 60)
USERS_OF_AN_ADDRESS: Final = Rate.of(6_000, 1_000)
"""The limits on look-ups that one address causes. Users are named by another Dekr module, which shows a valid key first, so their
limit only bounds a mistake of it."""

type _Proof = tuple[str, str]
"""The store's key under which a good key's digest is kept, and the digest of the key that was shown."""

_NO_DIGEST: Final = "0" * 64


class _Lookup(BaseModel):
    """The result of a look-up in DynamoDB: a key's record or a user's tier, or neither where there is none; and when it began."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_us: int
    record: KeyRecord | None = None
    tier: Tier | None = None

    def proves(self, digest: str) -> bool:
        """Whether a key of this digest is good by it."""
        record = self.record
        return record is not None and record.status == ACTIVE and compare_digest(digest, record.hash)


def refuse_tokens(_: str) -> Principal:
    """Raise Unauthenticated: the check of tokens where no issuer is configured."""
    raise Unauthenticated("This service takes no tokens; send an API key.", code="invalid_token")


@dataclass(slots=True, eq=False)
class Principals:
    """Finds principals. ``directory`` makes the directory on the first look-up that needs it, so that hits never load it.
    ``verify`` finds the principal of a token and raises Unauthenticated for one that proves none. ``passed_over`` collects
    failures of the store that a look-up goes on without.
    """

    store: Store
    directory: Callable[[], KeyDirectory]
    limiter: Limiter
    now_us: Callable[[], int]
    verify: Callable[[str], Principal] = refuse_tokens
    passed_over: PassedOver = field(default_factory=PassedOver)
    _lookups: OrderedDict[str, _Lookup] = field(default_factory=OrderedDict, init=False)
    _proven: dict[bytes, tuple[str, _Lookup, Principal]] = field(default_factory=dict, init=False)
    """By the digest of a key: the look-up that proved it, with the name of that look-up, and its principal."""

    def resolve(self, credential: str, address: str) -> Principal:
        """Find the principal of an API key or a token. ``address`` pays for look-ups.

        Raises Unauthenticated, RateLimited (too many look-ups), Unavailable.
        """
        if is_token(credential):
            return self.verify(credential)
        digest = _memory_digest(credential)
        proven = self._proven.get(digest)
        if proven is not None:
            name, lookup, principal = proven
            # A look-up proves the same key for as long as it is kept and believed.
            if self._lookups.get(name) is lookup and self._is_believed(lookup):
                self._lookups.move_to_end(name)
                return principal
        return self._prove(credential, digest, address)

    def _prove(self, credential: str, digest: bytes, address: str) -> Principal:
        key = parse_key(credential)
        name = keys.key_principal(self.store.prefix, key.id)
        lookup = self._find(
            name,
            lambda: _Lookup(read_us=self.now_us(), record=self.directory().find(key.id)),
            f"{address}:keys",
            KEYS_OF_AN_ADDRESS,
            (keys.known_key(self.store.prefix, key.id), key.digest),
        )
        record = lookup.record
        # An unknown id takes the same work as a known one, so that the time does not tell them apart.
        same = compare_digest(key.digest, record.hash if record else _NO_DIGEST)
        if record is None or not same:
            raise Unauthenticated("There is no such API key.")
        if record.status != ACTIVE:
            raise Unauthenticated("This API key has been revoked.", code="revoked_api_key")
        principal = Principal(record.user, record.tier, record.role, record.id)
        self._proven[digest] = name, lookup, principal
        if len(self._proven) > MAX_RECORDS:
            del self._proven[next(iter(self._proven))]
        return principal

    def acting_for(self, principal: Principal, user: str | None, address: str) -> Principal:
        """Return the principal whose tier and limits count: another user where a service's key names one (X-Dekr-User).

        Raises RoleRequired for other keys, InvalidInput for a user without an active key, RateLimited, Unavailable.
        """
        if user is None or user == principal.user_id:
            return principal
        if principal.role is not Role.SERVICE:
            raise RoleRequired("Only a key with the role service may name another user in X-Dekr-User.")
        if not is_user(user):
            raise InvalidInput("X-Dekr-User", USER_RULE)
        tier = self._find(
            keys.user_principal(self.store.prefix, user),
            lambda: _Lookup(read_us=self.now_us(), tier=self.directory().tier_of(user)),
            f"{address}:users",
            USERS_OF_AN_ADDRESS,
        ).tier
        if tier is None:
            raise InvalidInput("X-Dekr-User", "must be a user with an active API key", code="unknown_user")
        return Principal(user, tier, principal.role, principal.key_id)

    def _find(
        self, name: str, read: Callable[[], _Lookup], payer: str, rate: Rate, proof: _Proof | None = None
    ) -> _Lookup:
        lookup = self._lookups.get(name)
        if lookup is None or not self._is_believed(lookup):
            lookup = self._lookups[name] = self._look_up(name, read, payer, rate, proof)
            if len(self._lookups) > MAX_RECORDS:
                self._lookups.popitem(last=False)
        self._lookups.move_to_end(name)
        return lookup

    def _look_up(self, name: str, read: Callable[[], _Lookup], payer: str, rate: Rate, proof: _Proof | None) -> _Lookup:
        try:
            shared, known = self._shared(name, proof)
            if shared is not None:
                return shared
            if not known:
                self.limiter.charge_lookup(payer, rate)
        except StoreDown as error:
            self.passed_over.note(error)
            earlier = self._lookups.get(name)
            if not (proof and earlier and earlier.proves(proof[1])):
                self.limiter.charge_lookup_locally(payer, rate)
            return read()
        lookup = read()
        left_ms = (lookup.read_us + BELIEVED_US - self.now_us()) // 1000
        if left_ms > 0:
            writes = [plain("SET", name, lookup.model_dump_json(), "PX", left_ms)]
            if proof and lookup.proves(proof[1]):
                writes.append(plain("SET", *proof, "PX", KNOWN_MS))
            try:
                self.store.run(*writes)
            except StoreDown as error:
                self.passed_over.note(error)
        return lookup

    def _shared(self, name: str, proof: _Proof | None) -> tuple[_Lookup | None, bool]:
        """Read the look-up that another sandbox left in the store (None where it is too old or cannot be read), and whether the key
        that was shown is known to have been good.
        """
        raw, *known = self.store.run(plain("GET", name), *([plain("GET", proof[0])] if proof else []))
        was_good = proof is not None and known == [proof[1].encode()]
        try:
            lookup = None if raw is None else _Lookup.model_validate_json(raw)
        except ValidationError:
            lookup = None
        return lookup if lookup and self._is_believed(lookup) else None, was_good

    def _is_believed(self, lookup: _Lookup) -> bool:
        return 0 <= self.now_us() - lookup.read_us < BELIEVED_US


def _memory_digest(credential: str) -> bytes:
    """The digest under which a key is kept in memory. Python's own BLAKE2 takes a third of the time of OpenSSL's SHA-256."""
    return blake2b(credential.encode(errors="surrogatepass"), digest_size=32).digest()
