"""Builders of every key in the store and every name of a lease.

A key is ``<prefix>{<slot>}:<name>``. The text in braces decides the hash slot on a cluster, so it is equal in all keys that one
script touches:

    {AAPL}:quote              an entry of a ticker: its datum, and for bars the series and the segment
    {market}:splits           an entry that belongs to no ticker
    {upstream}:lease:...      the gate's: leases, the logs of calls, the pause, one hash for each endpoint family
    {demand}:...              the record of demand
    {u:<user>}:use            a caller's limits and counts
    {u:<user>}:preferred      the symbols that are preferred for a user
    {a:<address>}:use         look-ups of credentials that an address caused
    {key:<id>}:principal      an API key's record, {user:<name>}:principal a user's tier
    {key:<id>}:known          the digest of an API key that was good
    {jwks:<name>}:keys        the public keys of a token issuer
    {stream}:...              the stream's: connections, the log of their changes, the relay's state
    {s0}:log ... {s7}:m       a shard of the stream's events, and the numbers of its pairs
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Final
from urllib.parse import quote, urlencode

MARKET_SLOT: Final = "market"
"""The slot of entries that belong to no ticker."""

_ENTRY: Final = re.compile(rb"\{(?P<slot>[^}:]+)\}:(?P<kind>[a-z]+)")
_CALLER: Final = re.compile(rb"\{u:[^}]+\}:use")
_NO_ENTRIES: Final = (b"upstream", b"demand", b"stream")


class Datum(StrEnum):
    """A kind of data in the cache, by the name of its entries in keys. Bars and answers that are passed on have longer names."""

    QUOTE = "quote"
    TRADE = "trade"
    SNAPSHOT = "snapshot"
    """A v2 snapshot as the upstream sent it. In the slot of the market: the snapshot of all tickers, compressed."""
    UNIVERSAL = "universal"
    """A v3 snapshot as the upstream sent it."""
    MONTHS = "months"
    """The first and the last month of a ticker's history."""
    SPLITS = "splits"
    """The recent splits of all tickers."""
    FINISHED_DAY = "history"
    """The last trading day that was added to the day bars of all tickers."""
    NEWS_LIST = "news:newest"
    """A ticker's newest articles."""
    NEWS_FEED = "news:feed"
    """The state that the last fetch of all tickers' news has reached."""


class Lease(StrEnum):
    """The names of leases on fetches for the whole market."""

    MARKET_QUOTES = "market:quotes"
    """The refresh of all tickers' quotes and trades."""
    BEST_QUOTES = "many:market"
    """The warmer's refresh of the quotes that are most in demand."""
    MARKET_SNAPSHOT = "market:snapshot"
    """The fetch of the snapshot of all tickers."""
    FINISHED_DAY = "market:history"
    """The addition of a finished trading day to the day bars of all tickers."""
    SPLITS = "market:splits"
    """The fetch of the recent splits of all tickers."""
    NEWS_FEED = "market:news"
    """The fetch of the news of all tickers."""


class DemandPart(StrEnum):
    """The parts of the record of demand."""

    TICKERS = "tickers"
    PACE = "pace"
    STAMPS = "stamps"
    PREFERRED = "preferred"
    LACKING = "lacking"
    PRELOADED = "preloaded"


def entry(prefix: str, slot: str, name: str) -> str:
    """The key of an entry: ``slot`` is a ticker or MARKET_SLOT, ``name`` a Datum or a longer name."""
    return f"{prefix}{{{slot}}}:{name}"


def segment(series: str, first_day: str) -> str:
    """The name of a segment of bars: its series (``bars:1:minute:adj``) and its first day (ISO 8601)."""
    return f"{series}:{first_day}"


def plan_history(timespan: str) -> str:
    """The name of what is known of the plan's history of bars of this unit."""
    return f"plan:{timespan}"


def unfinished(series: str, first_day: str) -> str:
    """The name of the bars of a segment that a fetch has not brought in full."""
    return f"{series}:{first_day}:unfinished"


def history(series: str) -> str:
    """The name, in leases, of all segments of a series but the one that still grows."""
    return f"{series}:history"


def passed_on(name: str, parameters: "Sequence[tuple[str, str]]") -> str:
    """The name of an answer that is passed on: the endpoint's, and a digest of the query's parameters, in whatever order."""
    if not parameters:
        return name
    return f"{name}:{_digest(urlencode(sorted(parameters)))}"


def lease_of(name: str, tickers: Sequence[str]) -> str:
    """The name of the lease of these tickers' fetch: all who need the same tickers wait for the same fetch."""
    return f"{name}:{tickers[0]}" if len(tickers) == 1 else f"{name}:{_digest(','.join(sorted(tickers)))}"


def calls(prefix: str, user: str = "") -> str:
    """The key of the log of upstream calls: of all calls, or of those that were made for a user."""
    log = f"{prefix}{{upstream}}:calls"
    return f"{log}:{quote(user, safe='')}" if user else log


def family(prefix: str, name: str) -> str:
    """The key of an endpoint family's breaker and entitlement."""
    return f"{prefix}{{upstream}}:family:{name}"


def decision(prefix: str, lease: str, user: str, families: Sequence[str], covered_by: str | None) -> list[str]:
    """The keys that the gate's decision reads: the lease, the lease of another fetch (``covered_by``; again the first where none is
    named), the log of all calls, the user's (again that of all where there is no user), the pause, and the families.
    """
    slot = f"{prefix}{{upstream}}:"
    leases = f"{slot}lease:{lease}", f"{slot}lease:{covered_by or lease}"
    logs = calls(prefix), calls(prefix, user)
    return [*leases, *logs, f"{slot}pause", *(f"{slot}family:{name}" for name in families)]


def settlement(prefix: str, lease: str, families: Sequence[str]) -> list[str]:
    """The keys that the end of a fetch touches: the lease, the pause, and the families that were called."""
    slot = f"{prefix}{{upstream}}:"
    return [f"{slot}lease:{lease}", f"{slot}pause", *(f"{slot}family:{name}" for name in families)]


def write_check(prefix: str) -> str:
    """The key that is written to see whether the store takes writes."""
    return f"{prefix}{{upstream}}:written"


def budget_share(prefix: str, name: str) -> str:
    """The key of the log of calls of a caller who may use only a part of the upstream budget."""
    return f"{prefix}{{upstream}}:share:{name}"


def demand(prefix: str, parts: Sequence[DemandPart]) -> list[str]:
    """The keys of these parts of the record of demand."""
    return [f"{prefix}{{demand}}:{part}" for part in parts]


def caller(prefix: str, user: str) -> str:
    """The key of a user's limits and counts. Percent-encoding keeps braces, spaces and line breaks of a name out of it."""
    return f"{prefix}{{u:{quote(user, safe='')}}}:use"


def preferred_symbols(prefix: str, user: str) -> str:
    """The key of the symbols that are preferred for a user."""
    return f"{prefix}{{u:{quote(user, safe='')}}}:preferred"


def address(prefix: str, payer: str) -> str:
    """The key of the limits of look-ups of credentials: ``payer`` is an address and the purpose."""
    return f"{prefix}{{a:{quote(payer, safe='')}}}:use"


def key_principal(prefix: str, key_id: str) -> str:
    """The key of the shared copy of an API key's record."""
    return f"{prefix}{{key:{key_id}}}:principal"


def known_key(prefix: str, key_id: str) -> str:
    """The key of the digest of an API key that was good when it was last looked up."""
    return f"{prefix}{{key:{key_id}}}:known"


def user_principal(prefix: str, user: str) -> str:
    """The key of the shared copy of a user's tier."""
    return f"{prefix}{{user:{quote(user, safe='')}}}:principal"


def issuer_keys(prefix: str, name: str) -> str:
    """The key of the shared copy of a token issuer's public keys."""
    return f"{prefix}{{jwks:{name}}}:keys"


def all_keys(prefix: str) -> str:
    """The pattern of all keys of this service, as SCAN takes it."""
    return f"{prefix}*"


def slot_of(key: str) -> str:
    """The slot of a key, which stands in its braces: for an entry its ticker."""
    return key[key.index("{") + 1 : key.index("}")]


def kind_of(key: bytes, prefix: str) -> str | None:
    """The kind of an entry, with which its name begins (``quote``, ``bars``, ``news`` ...); None for a key of anything else."""
    found = _ENTRY.match(key, len(prefix))
    return None if found is None or found["slot"] in _NO_ENTRIES else found["kind"].decode()


def is_caller(key: bytes, prefix: str) -> bool:
    """Whether the key is that of a user's limits and counts."""
    return _CALLER.fullmatch(key, len(prefix)) is not None


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()


def stream(prefix: str, name: str) -> str:
    """A key of the stream's registry and of its relay: all in one slot, so that one script can touch any of them."""
    return f"{prefix}{{stream}}:{name}"


def stream_shard(prefix: str, shard: int, name: str) -> str:
    """A key of one shard of the stream's events: ``log`` or ``m``."""
    return f"{prefix}{{s{shard}}}:{name}"
