"""The keys of the tokens' issuer: this sandbox's memory, then the store, then the issuer itself.

A set of keys is fresh for ten minutes, so a key that was withdrawn is refused after that. A kid is called unknown only
against a set that was read less than a minute ago; an older set is read anew first, so a new key is known at the latest a
minute after its first use. All sandboxes together read once a minute (every 30 s while the issuer fails), whatever kids
they are shown. While the issuer cannot be read, the last known keys go on for an hour; what they cannot answer is Unavailable.
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
AGAIN_US: Final = 60_000_000
KEPT_US: Final = 3_600_000_000
PAUSE_US: Final = 1_000_000
"""A sandbox that could not renew its keys looks for others' no sooner than this."""

FETCHES: Final = Rate.of(2, 1)
"""Reads of all sandboxes together; only an issuer that fails is asked again before its keys are a minute old."""


class KeySet(BaseModel):
    """An issuer's keys and when they were read; this is what the store holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_us: int
    keys: dict[Kid, PublicKey]


@dataclass(slots=True)
class IssuerKeys:
    """The public keys that an issuer publishes at ``url``. ``fetch`` reads the document there; it raises Unavailable or
    UpstreamInvalid. ``passed_over`` collects failures to read keys, by which older ones may go on.
    """

    url: str
    algorithm: Algorithm
    fetch: Callable[[], bytes]
    store: Store
    limiter: Limiter
    now_us: Callable[[], int]
    passed_over: PassedOver = field(default_factory=PassedOver)
    _set: KeySet = field(default=KeySet(read_us=-KEPT_US, keys={}), init=False)
    _paused_us: int = field(default=-PAUSE_US, init=False)
    _name: str = field(init=False)

    def __post_init__(self) -> None:
        self._name = sha256(f"{self.algorithm} {self.url}".encode()).hexdigest()[:16]

    def find(self, kid: str) -> PublicKey | None:
        """The key of this name; None where the issuer has none. Raises Unavailable where that cannot be told now."""
        if not self._settles(kid):
            self._renew(kid)
        key, age_us = self._set.keys.get(kid), self._age_us(self._set)
        if key is not None and age_us < KEPT_US:
            return key
        if key is None and age_us < AGAIN_US:
            return None
        raise Unavailable(
            "Tokens cannot be checked right now: their issuer's keys cannot be read.",
            retry_after_s=PAUSE_US / 1e6,
            code="token_keys_unavailable",
        )

    @property
    def fresh_until_us(self) -> int:
        """When what these keys have verified must be verified again."""
        return self._set.read_us + FRESH_US

    def _settles(self, kid: str) -> bool:
        """Whether the set at hand is new enough to say what this kid is."""
        age_us = self._age_us(self._set)
        return age_us < AGAIN_US or (age_us < FRESH_US and kid in self._set.keys)

    def _renew(self, kid: str) -> None:
        now_us = self.now_us()
        if 0 <= now_us - self._paused_us < PAUSE_US:
            return
        self._paused_us = now_us
        key = keys.issuer_keys(self.store.prefix, self._name)
        self._look(key)
        if self._settles(kid):
            return
        try:
            self._charge_lookup()
            # The stamp is taken before the issuer is asked.
            self._set = KeySet(read_us=self.now_us(), keys=usable_keys(self.fetch(), self.algorithm))
        except (RateLimited, Unavailable, UpstreamInvalid) as error:
            self.passed_over.note(error)
            return
        try:
            self.store.run(plain("SET", key, self._set.model_dump_json(), "PX", KEPT_US // 1000))
        except StoreDown as error:
            self.passed_over.note(error)

    def _look(self, key: str) -> None:
        """Take the store's set where it is newer and one of ours."""
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
        """Count one read of all sandboxes together. Raises RateLimited."""
        payer = f"jwks:{self._name}"
        try:
            self.limiter.charge_lookup(payer, FETCHES)
        except StoreDown as error:
            self.passed_over.note(error)
            self.limiter.charge_lookup_locally(payer, FETCHES)

    def _age_us(self, keys: KeySet) -> int:
        """How old a set is; one that was read after now, by a clock that has been set back, is as old as can be."""
        age_us = self.now_us() - keys.read_us
        return age_us if age_us >= 0 else KEPT_US
