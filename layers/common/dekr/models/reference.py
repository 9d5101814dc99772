"""The shapes of the market's sessions and days, and of found symbols."""

from typing import Literal

from dekr.models.common import Moment, Shape, Symbol

SessionName = Literal["pre", "regular", "post", "closed"]


class MarketStatus(Shape):
    """The present session of the US stock market.

    ``session`` began at ``since`` and lasts until ``next_change``, when ``next_session`` begins. ``unplanned`` is true where
    the data provider reports that the market is closed although the calendar has a session. ``source`` says what the answer is
    based on: the calendar alone, or the calendar and the data provider (called upstream). ``known`` is false outside the years of
    the calendar.
    """

    session: SessionName
    open: bool
    since: Moment | None
    next_change: Moment | None
    next_session: SessionName | None
    unplanned: bool
    known: bool
    source: Literal["calendar", "calendar and upstream"]
    time: Moment


class CalendarDay(Shape):
    """A day of the US stock market. The times of its sessions are null on a closed day. ``name`` is that of the holiday, where the
    data provider has one. ``unplanned`` is true for a closure that the data provider announced and the calendar does not have.
    """

    date: str
    status: Literal["open", "early_close", "closed"]
    name: str | None
    pre_open: Moment | None
    open: Moment | None
    close: Moment | None
    post_close: Moment | None
    unplanned: bool


class Listing(Shape):
    """A symbol that a search found."""

    symbol: Symbol
    name: str | None
    type: str | None
    exchange: str | None
    currency: str | None
    active: bool | None
