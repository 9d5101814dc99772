"""POST /stream/start, GET and DELETE /stream/{id}, POST /stream/{id}/symbols: streams that need no message of their client."""

from dekr.http import Edge, Response
from dekr.http.edge.openapi import json_of
from dekr.http.native.streams import (
    Amendment,
    ChangeBody,
    StartBody,
    StreamIdPath,
    ended_json,
    started_json,
    stream_json,
    wish_of,
)
from dekr.models.streams import EndedStream, StartedStream, Stream

edge = Edge("stream")


@edge.post("/stream/start", responses=json_of(StartedStream))
def start(body: StartBody) -> Response[str]:
    """Start a stream: connect to the `url` that it answers within a minute, and events come with no further message.

    For tiers with streams. The URL holds a ticket that can be used once, so it needs no key. The symbols are the caller's preferred
    ones where none are named, those whose preference lasts longest first, as many as the tier has.
    """
    caller, most = edge.principal, edge.principal.tier.policy.stream_symbols
    wish = wish_of(body, lambda: edge.services.preferences.of_user(caller.user_id, most), caller.tier)
    edge.charge("stream")
    return edge.answer(started_json(edge.services.streams.start(caller, wish)))


@edge.get("/stream/<id>", responses=json_of(Stream))
def find(id: StreamIdPath) -> Response[str]:  # noqa: A002 - the name in the address
    """The state of a stream and what it delivers. One that has ended is kept for ten minutes."""
    edge.charge("stream")
    return edge.answer(stream_json(edge.services.streams.find(edge.principal, id)))


@edge.delete("/stream/<id>", responses=json_of(EndedStream))
def end(id: StreamIdPath) -> Response[str]:  # noqa: A002 - the name in the address
    """End a stream and close its connection. Its ticket is worth nothing any more."""
    edge.charge("stream")
    edge.services.streams.end(edge.principal, id, edge.received_ms)
    return edge.answer(ended_json(id))


@edge.post("/stream/<id>/symbols", responses=json_of(Stream))
def change(id: StreamIdPath, body: ChangeBody) -> Response[str]:  # noqa: A002 - the name in the address
    """Add symbols to a stream and take others from it, in all of its channels, while it waits or is connected."""
    amendment = Amendment.of(body)
    edge.charge("stream")
    view = edge.services.streams.change(edge.principal, id, amendment.add, amendment.remove, edge.received_ms)
    return edge.answer(stream_json(view))


handler = edge.handler
