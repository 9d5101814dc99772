"""The events of one ticker in one second of the tape, as the JSON text of the vendor's stream.

Fields as https://massive.com/docs/websocket/stocks shows them; all times are milliseconds. A pure function of the seed, the ticker
and the second, but for the work that is saved while seconds are asked for in order.
"""

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox import market, noise
from local.sandbox.last import TAPE_DELAY_NS, sequence_number, trade_id
from local.sandbox.quotes import Quote, Trade, last_trade, quote_in, trade_in
from local.sandbox.span import Span, merged
from local.sandbox.trading_days import SECOND_US, first_minute
from local.sandbox.universe import TICKER_COUNT
from local.sandbox.wire import number

TRADES: Final = "T"
QUOTES: Final = "Q"
SECONDS: Final = "A"
MINUTES: Final = "AM"
BANDS: Final = "LULD"
CHANNELS: Final = (TRADES, QUOTES, SECONDS, MINUTES, BANDS)
"""All channels, as the vendor names them."""

LATE_FRACTION: Final = 0.03
"""Of so many aggregates one trade is reported late: they are sent without it, and again when it has come."""

LATE_S: Final = 4
"""The seconds after which a late trade comes. The aggregate that is sent then is the one that REST has."""

_BAND: Final = 20
"""Price bands lie this part of the price above and below it."""

_NS_A_MS: Final = 1_000_000
_MINUTE_S: Final = 60


class Event(NamedTuple):
    """An event: when in its second it happens (microseconds from its start), its pair such as ``T.AAPL``, and its JSON text."""

    offset_us: int
    pair: str
    text: str


class TickerEvents:
    """The events of one ticker. Seconds may be asked for in any order; in order of time they cost least."""

    def __init__(self, seed: int, ticker: str) -> None:
        self._seed = seed
        self._ticker = ticker
        self._late = noise.key(seed, ticker, "late")
        self._newest: Trade | None = None
        self._next_us = 0

    def of_second(self, day: TradingDay, second_us: int, channels: Collection[str]) -> Iterator[Event]:
        """Yield the events on these channels in the second of ``day`` that begins at ``second_us``, in no order."""
        second = (second_us - sessions.eastern_midnight_us(day.date)) // SECOND_US
        spans = self._spans(day, second // _MINUTE_S)
        span = spans.get(second)
        trade = trade_in(self._seed, self._ticker, second_us, span) if span is not None else None
        newest = self._advance(second_us, trade)
        if trade is not None and TRADES in channels:
            yield Event(trade.at_ns // 1000 - second_us, f"T.{self._ticker}", trade_text(self._ticker, trade))
        if newest is None:
            return
        if QUOTES in channels:
            quote = quote_in(self._seed, self._ticker, day, second_us, newest)
            yield Event(quote.at_ns // 1000 - second_us, f"Q.{self._ticker}", quote_text(self._ticker, quote))
        if SECONDS in channels:
            yield from self._seconds(day, second)
        if MINUTES in channels:
            yield from self._minutes(day, second)
        if BANDS in channels and second % _MINUTE_S == 0 and day.open_us <= second_us < day.close_us:
            yield Event(0, f"LULD.{self._ticker}", bands_text(self._ticker, newest.price, second_us))

    def _advance(self, second_us: int, trade: Trade | None) -> Trade | None:
        """Return the newest trade at the end of a second. ``trade`` is the one in it, if there is one."""
        if trade is not None:
            self._newest = trade
        elif self._next_us != second_us:
            self._newest = last_trade(self._seed, self._ticker, second_us)
        self._next_us = second_us + SECOND_US
        return self._newest

    def _spans(self, day: TradingDay, minute: int) -> dict[int, Span]:
        return _spans(self._seed, self._ticker, day, minute)

    def _seconds(self, day: TradingDay, second: int) -> Iterator[Event]:
        """Yield the aggregate of a second at its end, and the one that a late trade changes now."""
        for late, start in ((False, second), (True, second - LATE_S)):
            span = self._spans(day, start // _MINUTE_S).get(start)
            if span is not None:
                yield from self._aggregate(SECONDS, day, (start, start + 1), span, late=late)

    def _minutes(self, day: TradingDay, second: int) -> Iterator[Event]:
        """Yield the aggregate of a minute at its end, and the one that a late trade changes now."""
        for late, end in ((False, second + 1), (True, second + 1 - LATE_S)):
            if end % _MINUTE_S == 0:
                spans = self._spans(day, end // _MINUTE_S - 1)
                if spans:
                    whole = merged(list(spans.values()))
                    yield from self._aggregate(MINUTES, day, (end - _MINUTE_S, end), whole, late=late)

    def _aggregate(
        self, channel: str, day: TradingDay, bounds: tuple[int, int], span: Span, *, late: bool
    ) -> Iterator[Event]:
        """Yield an aggregate as it is sent at first or, ``late``, as it is sent again, if it is."""
        start, end = bounds
        again = noise.fractions(self._late, start * _MINUTE_S + end - start)[0] < LATE_FRACTION
        if late and not again:
            return
        so_far = market.accumulated(self._seed, self._ticker, day, end)
        if so_far is None:
            return
        if again and not late:
            missing = _one_trade(span)
            span, so_far = _without(span, missing), _without(so_far, missing)
        midnight_ms = sessions.eastern_midnight_us(day.date) // 1000
        opened = official_open(self._seed, self._ticker, day)
        after_open = midnight_ms + end * 1000 > day.open_us // 1000
        text = aggregate_text(
            channel,
            self._ticker,
            span,
            so_far,
            opened if after_open else None,
            (midnight_ms + start * 1000, midnight_ms + end * 1000),
        )
        yield Event(SECOND_US, f"{channel}.{self._ticker}", text)


def trade_text(ticker: str, trade: Trade) -> str:
    """Return the event T of a trade."""
    at_ns = trade.at_ns
    return (
        f'{{"ev":"T","sym":"{ticker}","x":4,"i":"{trade_id(at_ns)}","z":3,"p":{number(trade.price)},"s":{trade.size},'
        f'"c":[12,37],"t":{at_ns // _NS_A_MS},"q":{sequence_number(at_ns)},"trfi":202,'
        f'"trft":{(at_ns - TAPE_DELAY_NS // 2) // _NS_A_MS},"ds":"{trade.size}"}}'
    )


def quote_text(ticker: str, quote: Quote) -> str:
    """Return the event Q of a quote."""
    return (
        f'{{"ev":"Q","sym":"{ticker}","bx":12,"bp":{number(quote.bid)},"bs":{quote.bid_size},"ax":11,'
        f'"ap":{number(quote.ask)},"as":{quote.ask_size},"c":1,"i":[604],"t":{quote.at_ns // _NS_A_MS},'
        f'"q":{sequence_number(quote.at_ns)},"z":3}}'
    )


def aggregate_text(
    channel: str, ticker: str, span: Span, so_far: Span, opened: int | None, bounds_ms: tuple[int, int]
) -> str:
    """Return the event A or AM of the trading in ``span``.

    ``so_far`` is the day's trading up to its end; ``opened`` the price of the day's open (None: before it, where the vendor's field
    is 0); ``bounds_ms`` its start and its end.
    """
    return (
        f'{{"ev":"{channel}","sym":"{ticker}","v":{span.volume},"av":{so_far.volume},'
        f'"op":{number(opened) if opened is not None else 0},"vw":{_average(span)},"o":{number(span.open)},'
        f'"c":{number(span.close)},"h":{number(span.high)},"l":{number(span.low)},"a":{_average(so_far)},'
        f'"z":{span.volume // span.trades},"s":{bounds_ms[0]},"e":{bounds_ms[1]}}}'
    )


def bands_text(ticker: str, price: int, at_us: int) -> str:
    """Return the event LULD: the bands around a price. It names its ticker ``T``, as the vendor's does."""
    reach = price // _BAND
    return (
        f'{{"ev":"LULD","T":"{ticker}","h":{number(price + reach)},"l":{number(price - reach)},"i":[0],"z":3,'
        f'"t":{at_us // 1000},"q":{sequence_number(at_us * 1000)}}}'
    )


@lru_cache(maxsize=4 * TICKER_COUNT)
def official_open(seed: int, ticker: str, day: TradingDay) -> int | None:
    """Return the price of a day's first trade in the regular session, or None if there is none."""
    return market.first_price(seed, ticker, day)


@lru_cache(maxsize=2 * TICKER_COUNT)
def _spans(seed: int, ticker: str, day: TradingDay, minute: int) -> dict[int, Span]:
    return dict(market.seconds_of(seed, ticker, day, minute)) if minute >= first_minute(day) else {}


def _average(span: Span) -> float:
    return number((2 * span.turnover + span.volume) // (2 * span.volume))


def _one_trade(span: Span) -> tuple[int, int]:
    """Return the shares and the turnover of one trade of a span. A span always has several."""
    shares = span.volume // span.trades
    return shares, shares * (span.turnover // span.volume)


def _without(span: Span, missing: tuple[int, int]) -> Span:
    """Return a span as it is while one of its trades is not known yet."""
    shares, turnover = missing
    return span._replace(volume=span.volume - shares, trades=span.trades - 1, turnover=span.turnover - turnover)
