"""The simulated market: trading as a pure function of seed, ticker and time, reached without what came before.

Prices here are raw, in ten-thousandths of a dollar of the shares of their own day (``Span.scaled`` adjusts for a split).
"""

from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from dekr.sessions import TradingDay
from local.sandbox import drawn, noise
from local.sandbox.span import TRADES_A_SLOT, Span, merged
from local.sandbox.trading_days import MINUTE_US, SECOND_US, first_minute, trading_day
from local.sandbox.tree import Place, Tree, grouped
from local.sandbox.universe import LISTED, LISTED_SINCE

_SECONDS: Final = tuple(float(second) for second in range(61))
_WHOLE_DAY: Final = 1 << 30


class Standing(NamedTuple):
    """How a day of one ticker stands at a moment: all its trading so far, and the newest minute and second with trades
    (counted from Eastern midnight). ``minute``: as it is so far.
    """

    day: Span
    minute: tuple[int, Span]
    second: tuple[int, Span]


def standing(seed: int, ticker: str, day: date, now_us: int) -> Standing | None:
    """How a day stands. None: it has no trading yet, or none at all."""
    found = trading_day(day)
    if found is None or day < LISTED_SINCE or now_us < found.pre_open_us + SECOND_US:
        return None
    return _standing(seed, ticker, found, (min(now_us, found.post_close_us) - found.pre_open_us) // SECOND_US)


def day_span(seed: int, ticker: str, day: date, now_us: int) -> Span | None:
    """All trading of a day so far. None: there is none."""
    found = trading_day(day)
    if found is None or day < LISTED_SINCE:
        return None
    if now_us >= found.post_close_us:
        return drawn.whole(seed, ticker, found)
    stands = standing(seed, ticker, day, now_us)
    return stands.day if stands is not None else None


def minutes(seed: int, ticker: str, day: date, step: int, now_us: int) -> list[tuple[int, Span]]:
    """A day's trading so far in windows of ``step`` minutes, which begin at Eastern midnight.

    Each window with trades, by its first minute after midnight; ``slots`` counts minutes.
    """
    found = trading_day(day)
    if found is None or day < LISTED_SINCE:
        return []
    if now_us >= found.post_close_us:
        return list(_complete(seed, ticker, found, step))
    stands = standing(seed, ticker, day, now_us)
    if stands is None:
        return []
    running = first_minute(found) + (now_us - found.pre_open_us) // MINUTE_US
    pieces = drawn.tree(seed, ticker, found).pieces(step, running)
    return grouped(chain(pieces, [stands.minute] if stands.minute[0] == running else []), step)


def seconds(seed: int, ticker: str, day: date, step: int, now_us: int) -> list[tuple[int, Span]]:
    """The same in windows of ``step`` seconds; ``slots`` counts seconds."""
    found = trading_day(day)
    if found is None or day < LISTED_SINCE or now_us < found.pre_open_us:
        return []
    since = (min(now_us, found.post_close_us) - found.pre_open_us) // SECOND_US + first_minute(found) * 60
    tree = drawn.tree(seed, ticker, found)
    pieces = (
        (minute * 60 + first, span)
        for minute, whole in tree.pieces(1, -(-since // 60))
        for first, span in _minute_tree(tree, minute, whole).pieces(1, since - minute * 60)
    )
    return grouped(pieces, step)


def traded_minutes(seed: int, ticker: str, day: TradingDay) -> list[int]:
    """The minutes with trades of a whole day, counted from Eastern midnight, whether they are over or still to come."""
    return [] if day.date < LISTED_SINCE else [minute for minute, _ in _complete(seed, ticker, day, 1)]


@lru_cache(maxsize=4_096)
def seconds_of(seed: int, ticker: str, day: TradingDay, minute: int) -> tuple[tuple[int, Span], ...]:
    """The seconds with trades of one whole minute, counted from Eastern midnight, whether it is over or still to come."""
    if day.date < LISTED_SINCE:
        return ()
    tree = drawn.tree(seed, ticker, day)
    _, whole = tree.before(minute)
    pieces = _minute_tree(tree, minute, whole).pieces(1, 60) if whole is not None else ()
    return tuple((minute * 60 + second, span) for second, span in pieces)


@lru_cache(maxsize=LISTED)
def _standing(seed: int, ticker: str, day: TradingDay, since_s: int) -> Standing | None:
    tree, first = drawn.tree(seed, ticker, day), first_minute(day)
    running, second = divmod(since_s, 60)
    running += first
    places, whole = tree.before(running)
    spans = [place.span for place in places]
    if whole is not None and second:
        seconds_of = _minute_tree(tree, running, whole)
        parts, _ = seconds_of.before(second)
        if parts:
            so_far = merged([part.span for part in parts])._replace(slots=1)
            number, newest = seconds_of.newest(parts[-1])
            return Standing(merged([*spans, so_far]), (running, so_far), (running * 60 + number, newest))
    if not places:
        return None
    return Standing(merged(spans), *_newest(seed, ticker, day, places[-1]))


@lru_cache(maxsize=2 * LISTED)
def _newest(seed: int, ticker: str, day: TradingDay, place: Place) -> tuple[tuple[int, Span], tuple[int, Span]]:
    """The last minute with trades of a place, and the last second with trades of that minute."""
    tree = drawn.tree(seed, ticker, day)
    minute, span = tree.newest(place)
    seconds_of = _minute_tree(tree, minute, span)
    number, newest = seconds_of.newest(Place(0, 60, seconds_of.whole))
    return (minute, span), (minute * 60 + number, newest)


@lru_cache(maxsize=128)
def _complete(seed: int, ticker: str, day: TradingDay, step: int) -> tuple[tuple[int, Span], ...]:
    return tuple(grouped(drawn.tree(seed, ticker, day).pieces(step, _WHOLE_DAY), step))


def _minute_tree(tree: Tree, minute: int, span: Span) -> Tree:
    """The seconds of a minute."""
    key = noise.key(tree.key.hex(), minute)
    most = min(60, span.trades // TRADES_A_SLOT)
    slots = 1 + int(noise.units(key)[0] * most)
    return Tree(key, span._replace(slots=min(slots, most)), 0, _SECONDS, tree.grain)
