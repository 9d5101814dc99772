"""The events of the ticker TEST, which follow the clock and not the sessions."""

from collections.abc import Collection, Iterator

from dekr import sessions
from local.sandbox import always_on
from local.sandbox.always_on import TICKER
from local.sandbox.stream.events import (
    MINUTES,
    QUOTES,
    SECONDS,
    TRADES,
    Event,
    aggregate_text,
    quote_text,
    trade_text,
)
from local.sandbox.trading_days import MINUTE_US, SECOND_US


def of_second(second_us: int, channels: Collection[str]) -> Iterator[Event]:
    """Yield the events of TEST on these channels in the second that begins at ``second_us``, in no order."""
    trade, quote = always_on.trade_in(second_us), always_on.quote_in(second_us)
    if TRADES in channels:
        yield Event(trade.at_ns // 1000 - second_us, f"T.{TICKER}", trade_text(TICKER, trade))
    if QUOTES in channels:
        yield Event(quote.at_ns // 1000 - second_us, f"Q.{TICKER}", quote_text(TICKER, quote))
    end_us = second_us + SECOND_US
    if SECONDS in channels:
        yield _aggregate(SECONDS, second_us, end_us)
    if MINUTES in channels and end_us % MINUTE_US == 0:
        yield _aggregate(MINUTES, end_us - MINUTE_US, end_us)


def _aggregate(channel: str, start_us: int, end_us: int) -> Event:
    midnight_us = sessions.eastern_midnight_us(sessions.eastern_date(start_us))
    text = aggregate_text(
        channel,
        TICKER,
        always_on.spans_between(start_us, end_us),
        always_on.spans_between(midnight_us, end_us),
        always_on.second_span(midnight_us).open,
        (start_us // 1000, end_us // 1000),
    )
    return Event(SECOND_US, f"{channel}.{TICKER}", text)
