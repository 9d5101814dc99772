"""API Gateway's connections: how long one lives, the address of posts to it, and the meaning of the answers to these.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from typing import Final
from urllib.parse import quote

from dekr.stream.ports import Delivered

LIFE_OF_A_CONNECTION_MS: Final = 2 * 3_600_000
"""API Gateway closes every connection two hours after it was opened."""

POST_HEADERS: Final = {"Content-Type": "application/json"}

SERVER_ERROR: Final = 500
"""From this status on a request is worth sending again."""

_GONE: Final = frozenset({400, 410})
_TOO_MANY: Final = 429


def connection_url(endpoint: str, connection: str) -> str:
    """The URL of a connection, as it is signed. ``endpoint``: the URL, with the stage, under which ``/@connections`` are."""
    return f"{endpoint.rstrip('/')}/%40connections/{quote(connection, safe='')}"


def outcome_of(status: int) -> Delivered:
    """The meaning of an answer's status, for one post seen alone: a 429 is then the connection's own."""
    if 200 <= status < 300:  # noqa: PLR2004 - the statuses of success
        return Delivered.SENT
    if status in _GONE:
        return Delivered.GONE
    return Delivered.SLOW if status == _TOO_MANY else Delivered.UNKNOWN
