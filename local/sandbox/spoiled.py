"""Answers corrupted on request: they have status 200, but their content, or an item of it, cannot be used."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from local.sandbox.universe import WELL_KNOWN

AHEAD_US: Final = 3_600 * 1_000_000
"""The fault "future" moves the newest time this far beyond now, in microseconds."""

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
_MIN_NS: Final = 10**17
"""Times above this are nanoseconds, others are milliseconds."""


def wrong_ticker(answer: Any) -> Any:
    """Return the answer with every ticker replaced by a different one."""
    return _changed(answer, _TICKERS, lambda ticker: WELL_KNOWN[1] if ticker == WELL_KNOWN[0] else WELL_KNOWN[0], str)


def future(answer: Any, now_us: int) -> Any:
    """Return the answer with all its times moved so that the newest one lies an hour after ``now_us``."""
    newest_us = max(map(_microseconds, _times(answer)), default=now_us)
    ahead_us = now_us + AHEAD_US - newest_us

    def moved(time: int) -> int:
        return time + (ahead_us * 1000 if time > _MIN_NS else ahead_us // 1000) if time else time

    return _changed(answer, _TIMES, moved, int)


def empty(answer: Any) -> Any:
    """Return the answer's envelope without its content."""
    if not isinstance(answer, dict):
        return []
    envelope = {name: value for name, value in answer.items() if name not in _CONTENT and not isinstance(value, dict)}
    return envelope | {name: 0 for name in _COUNTS if name in envelope}


def broken_item(answer: Any) -> Any:
    """Return the answer with the middle item of its list broken: it keeps its ticker, all its other texts are numbers, and
    whatever is no text is one. The vendor documents no such thing; its users report single items of another shape.
    """

    def change(items: list[Any]) -> list[Any]:
        middle = len(items) // 2
        return [_broken(item) if place == middle else item for place, item in enumerate(items)]

    return _with_list(answer, change)


def doubled_item(answer: Any) -> Any:
    """Return the answer with the middle item of its list twice, one after the other."""
    return _with_list(answer, lambda items: [*items[: len(items) // 2 + 1], *items[len(items) // 2 :]])


def malformed(body: bytes) -> bytes:
    """Return the body as invalid JSON, with a wrong bracket at its end."""
    return body[:-1] + b",]}"


def _with_list(answer: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """Return the answer with its list changed; as it is where it has none."""
    if isinstance(answer, list):
        return change(answer)
    lists = {name: change(answer[name]) for name in ("results", "tickers") if isinstance(answer.get(name), list)}
    return {**answer, **lists}


def _broken(item: Any) -> Any:
    return {
        name: value if name in _TICKERS else 0 if isinstance(value, str) else "broken" for name, value in item.items()
    }


def _microseconds(time: int) -> int:
    """Convert a time of the vendor's answers, in nanoseconds or milliseconds, to microseconds."""
    return time // 1000 if time > _MIN_NS else time * 1000


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
