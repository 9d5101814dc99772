"""The shapes of streams that are started over HTTP."""

from typing import Annotated, Literal

from pydantic import Field

from dekr.models.common import Moment, Shape

StreamId = Annotated[str, Field(description="The id of the stream.", examples=["6f1e0c9a52b34d7788a0c1d2"])]
Pairs = Annotated[
    list[str],
    Field(description="What the stream delivers, as pairs of a channel and a symbol.", examples=[["T.AAPL", "T.MSFT"]]),
]


class StartedStream(Shape):
    """A stream that begins when its client connects to ``url``, with no further message. The ticket in the URL can be used once,
    until ``expires_at``.
    """

    stream_id: StreamId
    status: Literal["started"]
    url: Annotated[str, Field(description="The WebSocket URL to connect to.")]
    expires_at: Moment


class Stream(Shape):
    """A stream of the caller's. ``waiting``: nobody has connected with its ticket yet. ``ended``: its connection is closed, nobody
    connected within a minute, or the caller ended it.

    ``expires_at``: the moment at which it ends by itself; null once it has ended. ``connected_since`` is null where it has never
    been connected.
    """

    stream_id: StreamId
    status: Literal["waiting", "connected", "ended"]
    pairs: Pairs
    expires_at: Moment | None
    connected_since: Moment | None


class EndedStream(Shape):
    """The stream that was ended; its connection is closed."""

    stream_id: StreamId
    status: Literal["ended"]
