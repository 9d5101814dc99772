"""Answers that are passed on as the upstream sent them: pages of quotes, trades, news and tickers, the previous day's bar,
the market's state, the whole market's snapshot.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, keep_us
from dekr.errors import UnknownSymbol
from dekr.gate.permit import Permit
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, Requirement

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dekr.polygon.client import PolygonClient

LEASE_MS: Final = 12_000


@dataclass(frozen=True, slots=True)
class UpstreamQuery:
    """One request of the upstream.

    ``slot`` and ``datum`` name its place in the cache, ``family`` its endpoint's, ``model`` loads the answer's
    shape, a class of ``dekr.polygon.wire``, on a miss. ``parameters`` are sent in a fixed order, so that equal questions are one.
    ``settled_us``: the moment after which nothing more is added to the answer (None: it can always grow). ``keep_us``: for
    how long the store keeps it at most. ``is_list``: whether it holds ``results``.
    """

    slot: str
    datum: str
    family: str
    path: str
    model: "Callable[[], type[BaseModel]]"
    data: DataClass
    parameters: Mapping[str, str]
    settled_us: int | None = None
    keep_us: int | None = None
    is_list: bool = True

    @property
    def name(self) -> str:
        """The answer's name in keys: the datum, and a digest of what was asked."""
        return keys.passed_on(self.datum, list(self.parameters.items()))


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The service of such answers. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, question: UpstreamQuery) -> Any:  # noqa: ANN401 - parsed JSON
        """The answer as sent, without its request_id; for a ``next_url`` its cursor. It must not be changed.

        Raises UnknownSymbol for what the upstream does not know.
        """
        entry = self._entry(context, question)
        found = entry.view(_as_it_is)
        if found is None:
            raise UnknownSymbol(f"The data provider knows nothing of {question.slot}.")
        context.delayed = found["delayed"]
        return found["sent"]

    def _entry(self, context: ReadContext, question: UpstreamQuery) -> Entry:
        key = self.reader.cache.key(question.slot, question.name)
        fetch = Fetch(
            f"{question.slot}:{question.name}",
            (question.family,),
            LEASE_MS,
            lambda permit, *_: [self._fetch(question, key, permit)],
        )
        requirement = Requirement(key, question.data, question.settled_us, tail=question.settled_us is None)
        return self.reader.read(context, (requirement,), fetch)[key]

    def _fetch(self, question: UpstreamQuery, key: str, permit: Permit) -> Write:
        try:
            sent, delayed = self.client().answer(
                question.family, question.path, question.parameters, permit, question.model()
            )
        except UnknownSymbol:
            return Write.negative(key, permit.stamp_us)
        payload = json.dumps({"delayed": delayed, "sent": sent}, separators=(",", ":")).encode()
        # An empty list is believed for a short time only.
        if question.is_list and not sent.get("results"):
            return Write.negative(key, permit.stamp_us, payload)
        keep = keep_us(permit.stamp_us, question.data, self.reader.stale_us)
        if question.keep_us is not None:
            keep = min(keep, question.keep_us)
        return Write(key, Entry(permit.stamp_us, Kind.VALUE, payload), keep)


def _as_it_is(data: Any) -> Any:  # noqa: ANN401 - parsed JSON
    return data
