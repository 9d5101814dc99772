"""Finds a public key of the tokens' issuer: in this sandbox's memory, then in the store, then at the issuer itself.

A set of keys is fresh for ten minutes, so a key that was withdrawn is refused after that. A kid is called unknown only
against a set that was read less than a minute ago; an older set is read anew first, so a new key is known at the latest a
minute after its first use. All sandboxes together read once a minute (every 30 s while the issuer fails), whatever kids
the tokens name. While the issuer cannot be read, the last known keys are used for an hour; a kid that they lack is Unavailable.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from dekr.access.jwks import Algorithm, Kid, PublicKey, usable_keys
from dekr.access.limits import Limiter
from dekr.access.rate import Rate
from dekr.cache import keys
from dekr.errors import RateLimited, StoreDown, Unavailable, UpstreamInvalid
from dekr.passed_over import PassedOver
from dekr.store import Store, plain

FRESH_US: Final = 600_000_000
"""A key of a set that was read less than this ago is used without reading the set again."""

UNKNOWN_KID_US: Final = 60_000_000
"""A kid is called unknown only by a set that was read less than this ago."""

KEPT_US: Final = 3_600_000_000
"""A set is used for so long where it cannot be read again."""

RETRY_US: Final = 1_000_000
"""A sandbox that could not renew its set tries again no sooner than this."""

FETCH_RATE: Final = Rate.of(2, 1)
"""The limit on reads of an issuer by all sandboxes together; only one that fails is read again within a minute."""


class KeySet(BaseModel):
    """The public keys of an issuer by kid, and when they were read. The store keeps it as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_us: int
    keys: dict[Kid, PublicKey]


@dataclass(slots=True, eq=False)
class IssuerKeys:
    """The public keys that an issuer publishes at ``url``, cached here and in the store.

    ``fetch`` reads the document there and raises Unavailable or UpstreamInvalid. ``now_us`` is this machine's clock.
    ``passed_over`` collects failures to read keys, after which older ones may still be used.
    """

    url: str
    algorithm: Algorithm
    fetch: Callable[[], bytes]
    store: Store
    limiter: Limiter
    now_us: Callable[[], int]
    passed_over: PassedOver = field(default_factory=PassedOver)
    _set: KeySet = field(default=KeySet(read_us=-KEPT_US, keys={}), init=False)
    _paused_us: int = field(default=-RETRY_US, init=False)
    _name: str = field(init=False)

    def __post_init__(self) -> None:
        self._name = sha256(f"{self.algorithm} {self.url}".encode()).hexdigest()[:16]

    def find(self, kid: str) -> PublicKey | None:
        """Find the key of this name; None where the issuer has none. Raises Unavailable where neither is certain now."""
        if not self._is_decided_by_set(kid):
            self._renew(kid)
        key, age_us = self._set.keys.get(kid), self._age_us(self._set)
        if key is not None and age_us < KEPT_US:
            return key
        if key is None and age_us < UNKNOWN_KID_US:
            return None
        raise Unavailable(
            "Tokens cannot be checked right now: their issuer's keys cannot be read.",
            retry_after_s=RETRY_US / 1e6,
            code="token_keys_unavailable",
            fault="the set of keys at hand is too old",
        )

    @property
    def fresh_until_us(self) -> int:
        """The moment at which a token that these keys verified must be verified again."""
        return self._set.read_us + FRESH_US

    def _is_decided_by_set(self, kid: str) -> bool:
        """Whether the set at hand is new enough to find the kid, or to call it unknown."""
        age_us = self._age_us(self._set)
        return age_us < UNKNOWN_KID_US or (age_us < FRESH_US and kid in self._set.keys)

    def _renew(self, kid: str) -> None:
        now_us = self.now_us()
        if 0 <= now_us - self._paused_us < RETRY_US:
            return
        self._paused_us = now_us
        key = keys.issuer_keys(self.store.prefix, self._name)
        self._take_shared(key)
        if self._is_decided_by_set(kid):
            return
        try:
            self._charge_lookup()
            # The stamp is taken before the issuer is read: the age must not be understated.
            self._set = KeySet(read_us=self.now_us(), keys=usable_keys(self.fetch(), self.algorithm))
        except (RateLimited, Unavailable, UpstreamInvalid) as error:
            self.passed_over.note(error)
            return
        try:
            self.store.run(plain("SET", key, self._set.model_dump_json(), "PX", KEPT_US // 1000))
        except StoreDown as error:
            self.passed_over.note(error)

    def _take_shared(self, key: str) -> None:
        """Use the set in the store where it is newer and can be read."""
        with suppress(ValidationError):
            try:
                raw = self.store.run(plain("GET", key))[0]
            except StoreDown as error:
                self.passed_over.note(error)
                return
            shared = KeySet.model_validate_json(raw or "")
            if self._age_us(shared) < self._age_us(self._set):
                self._set = shared

    def _charge_lookup(self) -> None:
        """Count one read of the issuer among those of all sandboxes. Raises RateLimited."""
        payer = f"jwks:{self._name}"
        try:
            self.limiter.charge_lookup(payer, FETCH_RATE)
        except StoreDown as error:
            self.passed_over.note(error)
            self.limiter.charge_lookup_locally(payer, FETCH_RATE)

    def _age_us(self, keys: KeySet) -> int:
        """The age of a set. One that was read after now, because the clock has been set back, counts as too old to be used."""
        age_us = self.now_us() - keys.read_us
        return age_us if age_us >= 0 else KEPT_US
