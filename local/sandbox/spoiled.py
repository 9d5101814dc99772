"""Answers that are wrong on request: their status is 200, and what is inside them cannot be used."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from local.sandbox.universe import KNOWN

AHEAD_US: Final = 3_600 * 1_000_000
_TIMES: Final = (
    "t",
    "y",
    "f",
    "updated",
    "last_updated",
    "sip_timestamp",
    "participant_timestamp",
    "trf_timestamp",
    "timestamp",
)
_TICKERS: Final = ("T", "ticker")
_CONTENT: Final = ("results", "tickers", "next_url")
_COUNTS: Final = ("queryCount", "resultsCount", "count")
_NS_FROM: Final = 10**17


def wrong_ticker(answer: Any) -> Any:
    """The same answer, about another ticker."""
    return _changed(answer, _TICKERS, lambda ticker: KNOWN[1] if ticker == KNOWN[0] else KNOWN[0], str)


def future(answer: Any, now_us: int) -> Any:
    """The same answer with its times moved so that the newest one lies an hour after now."""
    newest_us = max(map(_microseconds, _times(answer)), default=now_us)
    ahead_us = now_us + AHEAD_US - newest_us

    def moved(time: int) -> int:
        return time + (ahead_us * 1000 if time > _NS_FROM else ahead_us // 1000) if time else time

    return _changed(answer, _TIMES, moved, int)


def empty(answer: Any) -> Any:
    """The same envelope with nothing in it."""
    if not isinstance(answer, dict):
        return []
    kept = {name: value for name, value in answer.items() if name not in _CONTENT and not isinstance(value, dict)}
    return kept | {name: 0 for name in _COUNTS if name in kept}


def malformed(body: bytes) -> bytes:
    """JSON that breaks off with the wrong bracket."""
    return body[:-1] + b",]}"


def _microseconds(time: int) -> int:
    """A time of the wire, which has ns and ms."""
    return time // 1000 if time > _NS_FROM else time * 1000


def _times(answer: Any) -> Iterator[int]:
    if isinstance(answer, list):
        for item in answer:
            yield from _times(item)
    elif isinstance(answer, dict):
        for name, value in answer.items():
            if name in _TIMES and isinstance(value, int) and value:
                yield value
            else:
                yield from _times(value)


def _changed(answer: Any, names: tuple[str, ...], change: Callable[[Any], Any], kind: type) -> Any:
    if isinstance(answer, list):
        return [_changed(item, names, change, kind) for item in answer]
    if isinstance(answer, dict):
        return {
            name: change(value) if name in names and isinstance(value, kind) else _changed(value, names, change, kind)
            for name, value in answer.items()
        }
    return answer
