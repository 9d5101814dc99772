"""Faults between API Gateway, the service and a client, by switch."""

from dataclasses import dataclass, field
from enum import Enum


class Post(Enum):
    """A fault of a post to a connection."""

    FULL = "full"
    """429: the buffer of this connection is full. Nothing is delivered."""
    THROTTLED = "throttled"
    """429: the account's rate is used up. Nothing is delivered."""
    GONE_BUT_DELIVERED = "gone but delivered"
    """410, but the client has it (https://github.com/aws/aws-sdk-js/issues/3773)."""
    SILENT_BUT_DELIVERED = "silent but delivered"
    """No answer ever, but the client has it."""
    SILENT = "silent"
    """No answer ever, and nothing is delivered."""
    FAILED = "failed"
    """500. Nothing is delivered."""
    LOST = "lost"
    """200, but nothing is delivered."""


@dataclass(slots=True)
class Faults:
    """Switches, which tests set while the door is open.

    ``posts``: faults by connection. ``next_posts``: faults of the next posts, to whichever connection; they come first.
    ``throttled``: every post is refused with the account's 429. ``lose_disconnects``: $disconnect reaches no function.
    """

    posts: dict[str, Post] = field(default_factory=dict)
    next_posts: list[Post] = field(default_factory=list)
    throttled: bool = False
    lose_disconnects: bool = False

    def of_post(self, connection: str) -> Post | None:
        """The fault of a post to this connection, or None."""
        if self.next_posts:
            return self.next_posts.pop(0)
        return Post.THROTTLED if self.throttled else self.posts.get(connection)
