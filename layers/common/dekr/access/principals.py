"""From a credential to a principal. A token is verified (``dekr.access.tokens``); a key is looked up: in this sandbox's
memory, then in the store, then in DynamoDB.

A revoked key is refused 60 s after the DynamoDB read at the latest, all copies counted: every copy carries the moment at
which that read started, and none is believed 60 s later. Unknown ids are remembered the same way. Copies hold the digest
of a key, never its text.

Only a look-up that no copy answers is charged to the caller's address, before DynamoDB is asked: a module that runs in
many sandboxes behind one address must not pay for keys that are known.
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
MAX_COPIES: Final = 10_000

KEYS_OF_AN_ADDRESS: Final = Rate.of(300, 60)
USERS_OF_AN_ADDRESS: Final = Rate.of(6_000, 1_000)
"""Users are named by another Dekr module, which shows a good key first: this only bounds a mistake of it."""

_NO_DIGEST: Final = "0" * 64


class _Copy(BaseModel):
    """What a copy holds of a look-up: the record, or the tier of a user, or that there is none; and when it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_us: int
    record: KeyRecord | None = None
    tier: Tier | None = None


def no_tokens(_: str) -> Principal:
    """What verifies tokens where no issuer is configured. Raises Unauthenticated."""
    raise Unauthenticated("This service takes no tokens; send an API key.", code="invalid_token")


@dataclass(slots=True)
class Principals:
    """Finds the principal behind a credential. ``directory`` makes the key directory on the first look-up that no copy answers;
    ``verify`` finds the principal behind a token; ``passed_over`` collects failures of the store that a look-up goes on without.
    """

    store: Store
    directory: Callable[[], KeyDirectory]
    limiter: Limiter
    now_us: Callable[[], int]
    verify: Callable[[str], Principal] = no_tokens
    passed_over: PassedOver = field(default_factory=PassedOver)
    _copies: OrderedDict[str, _Copy] = field(default_factory=OrderedDict, init=False)
    _proven: dict[bytes, tuple[str, _Copy, Principal]] = field(default_factory=dict, init=False)

    def resolve(self, credential: str, address: str) -> Principal:
        """The principal behind an API key or a token. Raises Unauthenticated, RateLimited (too many look-ups), Unavailable."""
        if is_token(credential):
            return self.verify(credential)
        shown = _mark(credential)
        proven = self._proven.get(shown)
        if proven is not None:
            name, copy, principal = proven
            # What proved a key once does so for as long as that copy is kept and believed.
            if self._copies.get(name) is copy and self._believed(copy):
                self._copies.move_to_end(name)
                return principal
        return self._prove(credential, shown, address)

    def _prove(self, credential: str, shown: bytes, address: str) -> Principal:
        key = parse_key(credential)
        name = keys.key_principal(self.store.prefix, key.id)
        copy = self._copy(
            name,
            lambda: _Copy(read_us=self.now_us(), record=self.directory().find(key.id)),
            f"{address}:keys",
            KEYS_OF_AN_ADDRESS,
        )
        record = copy.record
        # Unknown ids cost the same work as known ones.
        same = compare_digest(key.digest, record.hash if record else _NO_DIGEST)
        if record is None or not same:
            raise Unauthenticated("There is no such API key.")
        if record.status != ACTIVE:
            raise Unauthenticated("This API key has been revoked.", code="revoked_api_key")
        principal = Principal(record.user, record.tier, record.role, record.id)
        self._proven[shown] = name, copy, principal
        if len(self._proven) > MAX_COPIES:
            del self._proven[next(iter(self._proven))]
        return principal

    def acting_for(self, principal: Principal, user: str | None, address: str) -> Principal:
        """The principal whose tier and limits count: another user, where a service key names one (X-Dekr-User).

        Raises RoleRequired for other keys, InvalidInput for a user without an active key, RateLimited, Unavailable.
        """
        if user is None or user == principal.user_id:
            return principal
        if principal.role is not Role.SERVICE:
            raise RoleRequired("Only a key with the role service may name another user in X-Dekr-User.")
        if not is_user(user):
            raise InvalidInput("X-Dekr-User", USER_RULE)
        tier = self._copy(
            keys.user_principal(self.store.prefix, user),
            lambda: _Copy(read_us=self.now_us(), tier=self.directory().tier_of(user)),
            f"{address}:users",
            USERS_OF_AN_ADDRESS,
        ).tier
        if tier is None:
            raise InvalidInput("X-Dekr-User", "must be a user with an active API key", code="unknown_user")
        return Principal(user, tier, principal.role, principal.key_id)

    def _copy(self, name: str, read: Callable[[], _Copy], payer: str, rate: Rate) -> _Copy:
        copy = self._copies.get(name)
        if copy is None or not self._believed(copy):
            copy = self._copies[name] = self._look_up(name, read, payer, rate)
            if len(self._copies) > MAX_COPIES:
                self._copies.popitem(last=False)
        self._copies.move_to_end(name)
        return copy

    def _look_up(self, name: str, read: Callable[[], _Copy], payer: str, rate: Rate) -> _Copy:
        try:
            copy = self._shared(name)
            if copy is not None:
                return copy
            self.limiter.charge_lookup(payer, rate)
        except StoreDown as error:
            self.passed_over.note(error)
            self.limiter.charge_lookup_locally(payer, rate)
            return read()
        copy = read()
        left_ms = (copy.read_us + BELIEVED_US - self.now_us()) // 1000
        if left_ms > 0:
            try:
                self.store.run(plain("SET", name, copy.model_dump_json(), "PX", left_ms))
            except StoreDown as error:
                self.passed_over.note(error)
        return copy

    def _shared(self, key: str) -> _Copy | None:
        """The store's copy, unless it is too old or not one of ours."""
        raw = self.store.run(plain("GET", key))[0]
        if raw is None:
            return None
        try:
            copy = _Copy.model_validate_json(raw)
        except ValidationError:
            return None
        return copy if self._believed(copy) else None

    def _believed(self, copy: _Copy) -> bool:
        return 0 <= self.now_us() - copy.read_us < BELIEVED_US


def _mark(credential: str) -> bytes:
    """What stands for a key in memory. BLAKE2 is Python's own and takes a third of the time of OpenSSL's SHA-256 here."""
    return blake2b(credential.encode(errors="surrogatepass"), digest_size=32).digest()
