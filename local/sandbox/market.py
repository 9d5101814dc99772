"""The simulated market: trading as a pure function of seed, ticker and time, computed without replaying what came
before. After a day's close some of it is corrected (``corrections``).

Prices are raw, in ten-thousandths of a dollar per share of their own day (``Span.scaled`` adjusts them for a split).
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from dekr.sessions import TradingDay
from local.sandbox import corrections, day_model, noise
from local.sandbox.corrections import Correction
from local.sandbox.span import MIN_TRADES_PER_SLOT, Span, merged
from local.sandbox.trading_days import MINUTE_US, SECOND_US, first_minute, trading_day
from local.sandbox.tree import PlacedSpan, Tree, grouped
from local.sandbox.universe import LISTED_SINCE, TICKER_COUNT

_SECONDS: Final = tuple(float(second) for second in range(61))
_WHOLE_DAY: Final = 1 << 30


class DayProgress(NamedTuple):
    """The trading of one ticker on one day up to a moment.

    ``day``: all of it; ``minute`` and ``second``: the newest minute and the newest second with trades, each as its
    number since Eastern midnight and its trading so far.
    """

    day: Span
    minute: tuple[int, Span]
    second: tuple[int, Span]


def day_progress(seed: int, ticker: str, day: date, now_us: int) -> DayProgress | None:
    """Return a day's trading up to ``now_us``, or None if there is none (yet)."""
    trading = trading_day(day)
    if trading is None or day < LISTED_SINCE or now_us < trading.pre_open_us + SECOND_US:
        return None
    since_s = (min(now_us, trading.post_close_us) - trading.pre_open_us) // SECOND_US
    progress = _day_progress(seed, ticker, trading, since_s)
    correction = _correction(seed, ticker, trading, now_us)
    if progress is None or correction is None:
        return progress
    number, minute = progress.minute
    if number == correction.minute:
        minute = correction.counted_in(minute)
    return DayProgress(correction.counted_in(progress.day), (number, minute), progress.second)


def day_span(seed: int, ticker: str, day: date, now_us: int) -> Span | None:
    """Return all trading of a day up to ``now_us`` as one span, or None if there is none."""
    trading = trading_day(day)
    if trading is None or day < LISTED_SINCE:
        return None
    if now_us >= trading.post_close_us:
        correction = _correction(seed, ticker, trading, now_us)
        whole = day_model.full_span(seed, ticker, trading)
        return whole if correction is None else correction.counted_in(whole)
    progress = day_progress(seed, ticker, day, now_us)
    return progress.day if progress is not None else None


def minutes(seed: int, ticker: str, day: date, step: int, now_us: int) -> list[tuple[int, Span]]:
    """Return a day's trading up to ``now_us`` in windows of ``step`` minutes that begin at Eastern midnight.

    Each window with trades comes as (its first minute since midnight, its trading), in order of time; ``Span.slots``
    counts minutes.
    """
    trading = trading_day(day)
    if trading is None or day < LISTED_SINCE:
        return []
    correction = _correction(seed, ticker, trading, now_us)
    if now_us >= trading.post_close_us:
        return _corrected(_complete_windows(seed, ticker, trading, step), correction)
    progress = day_progress(seed, ticker, day, now_us)
    if progress is None:
        return []
    running = first_minute(trading) + (now_us - trading.pre_open_us) // MINUTE_US
    pieces = day_model.minute_tree(seed, ticker, trading).pieces(step, running)
    windows = grouped(chain(pieces, [progress.minute] if progress.minute[0] == running else []), step)
    return _corrected(windows, correction)


def seconds(seed: int, ticker: str, day: date, step: int, now_us: int) -> list[tuple[int, Span]]:
    """Return a day's trading up to ``now_us`` in windows of ``step`` seconds that begin at Eastern midnight.

    Each window with trades comes as (its first second since midnight, its trading), in order of time; ``Span.slots``
    counts seconds.
    """
    trading = trading_day(day)
    if trading is None or day < LISTED_SINCE or now_us < trading.pre_open_us:
        return []
    since = (min(now_us, trading.post_close_us) - trading.pre_open_us) // SECOND_US + first_minute(trading) * 60
    tree = day_model.minute_tree(seed, ticker, trading)
    pieces = (
        (minute * 60 + first, span)
        for minute, whole in tree.pieces(1, -(-since // 60))
        for first, span in _second_tree(tree, minute, whole).pieces(1, since - minute * 60)
    )
    return _corrected(grouped(pieces, step), _correction(seed, ticker, trading, now_us), 60)


def traded_minutes(seed: int, ticker: str, day: TradingDay) -> list[int]:
    """Return the minutes with trades of a whole day, counted from Eastern midnight, including those still to come."""
    return [] if day.date < LISTED_SINCE else [minute for minute, _ in _complete_windows(seed, ticker, day, 1)]


@lru_cache(maxsize=4_096)
def seconds_of(seed: int, ticker: str, day: TradingDay, minute: int) -> tuple[tuple[int, Span], ...]:
    """Return the seconds with trades of one whole minute, including those still to come.

    Each is (its number since Eastern midnight, its trading), in order of time.
    """
    if day.date < LISTED_SINCE:
        return ()
    tree = day_model.minute_tree(seed, ticker, day)
    _, whole = tree.before(minute)
    pieces = _second_tree(tree, minute, whole).pieces(1, 60) if whole is not None else ()
    return tuple((minute * 60 + second, span) for second, span in pieces)


def accumulated(seed: int, ticker: str, day: TradingDay, second: int) -> Span | None:
    """Return all trading of a day before a second (counted from Eastern midnight), or None if there is none. Nothing is counted
    that is taken back after the close.
    """
    since_s = second - first_minute(day) * 60
    progress = _day_progress(seed, ticker, day, since_s) if day.date >= LISTED_SINCE and since_s > 0 else None
    return progress.day if progress is not None else None


def first_price(seed: int, ticker: str, day: TradingDay) -> int | None:
    """Return the price of a day's first trade in its regular session, or None if there is none."""
    opens, closes = ((us - day.pre_open_us) // MINUTE_US + first_minute(day) for us in (day.open_us, day.close_us))
    pieces = day_model.minute_tree(seed, ticker, day).pieces(1, closes) if day.date >= LISTED_SINCE else ()
    return next((span.open for minute, span in pieces if minute >= opens), None)


@lru_cache(maxsize=TICKER_COUNT)
def _day_progress(seed: int, ticker: str, day: TradingDay, since_s: int) -> DayProgress | None:
    tree, first = day_model.minute_tree(seed, ticker, day), first_minute(day)
    running, second = divmod(since_s, 60)
    running += first
    parts, whole = tree.before(running)
    spans = [part.span for part in parts]
    if whole is not None and second:
        second_tree = _second_tree(tree, running, whole)
        pieces, _ = second_tree.before(second)
        if pieces:
            so_far = merged([piece.span for piece in pieces])._replace(slots=1)
            number, newest = second_tree.newest(pieces[-1])
            return DayProgress(merged([*spans, so_far]), (running, so_far), (running * 60 + number, newest))
    if not parts:
        return None
    return DayProgress(merged(spans), *_newest(seed, ticker, day, parts[-1]))


@lru_cache(maxsize=2 * TICKER_COUNT)
def _newest(seed: int, ticker: str, day: TradingDay, part: PlacedSpan) -> tuple[tuple[int, Span], tuple[int, Span]]:
    """Return the last minute with trades inside a part of a day's tree, and the last second with trades of that minute."""
    tree = day_model.minute_tree(seed, ticker, day)
    minute, span = tree.newest(part)
    second_tree = _second_tree(tree, minute, span)
    number, newest = second_tree.newest(PlacedSpan(0, 60, second_tree.whole))
    return (minute, span), (minute * 60 + number, newest)


def _correction(seed: int, ticker: str, day: TradingDay, now_us: int) -> Correction | None:
    """Return what a day's last minute before the close counts too much at a moment, or None."""
    hours = corrections.hours_left(day, now_us)
    closing = _closing_minute(seed, ticker, day) if hours else None
    return corrections.correction(*closing, hours) if closing else None


@lru_cache(maxsize=2 * TICKER_COUNT)
def _closing_minute(seed: int, ticker: str, day: TradingDay) -> tuple[int, Span] | None:
    """Return the last minute with trades before a day's close, or None if there is none."""
    tree = day_model.minute_tree(seed, ticker, day)
    parts, _ = tree.before(first_minute(day) + (day.close_us - day.pre_open_us) // MINUTE_US)
    return tree.newest(parts[-1]) if parts else None


def _corrected(
    windows: Sequence[tuple[int, Span]], correction: Correction | None, units: int = 1
) -> list[tuple[int, Span]]:
    """Return windows with a correction counted in the one of its minute, or the minute's last. A minute has so many ``units``."""
    corrected = list(windows)
    if correction is not None:
        end = (correction.minute + 1) * units
        place = max(place for place, (first, _) in enumerate(corrected) if first < end)
        first, span = corrected[place]
        corrected[place] = first, correction.counted_in(span)
    return corrected


@lru_cache(maxsize=128)
def _complete_windows(seed: int, ticker: str, day: TradingDay, step: int) -> tuple[tuple[int, Span], ...]:
    return tuple(grouped(day_model.minute_tree(seed, ticker, day).pieces(step, _WHOLE_DAY), step))


def _second_tree(tree: Tree, minute: int, span: Span) -> Tree:
    """Return the tree that splits one minute into its seconds."""
    key = noise.key(tree.key.hex(), minute)
    max_slots = min(60, span.trades // MIN_TRADES_PER_SLOT)
    slots = 1 + int(noise.fractions(key)[0] * max_slots)
    return Tree(key, span._replace(slots=min(slots, max_slots)), 0, _SECONDS, tree.tick_size)
