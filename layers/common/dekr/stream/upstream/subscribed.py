"""The subscriptions of one connection to the upstream, and the messages that bring them nearer to what is wanted.

The upstream answers a subscription with a status for each pair (https://massive.com/docs/websocket/quickstart); its refusal,
``error`` with "not authorized", may not name the pair. Plans include whole channels, so a message names pairs of one channel and
the next one waits for its answer: a refusal without a name is then one of all that is not yet answered.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from dekr.stream.ports import FeedRefused
from dekr.stream.statuses import Status

MAX_PAIRS: Final = 200
"""The largest number of pairs in one message to the upstream: some 3 KB."""

_SUBSCRIBED: Final = "subscribed to: "
_PAIR: Final = re.compile(r"\b(?:T|Q|A|AM|LULD)\.(?:\*|[A-Za-z][A-Za-z.]*)")


class FeedSubscriptions:
    """The subscriptions of one connection. Its ``wanted`` may change at any time."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = frozenset(wanted)
        self._held: set[str] = set()
        self._refused: set[str] = set()
        self._awaited: dict[str, None] = {}
        """Sent and not answered yet, in the order of the message."""

    @property
    def awaiting(self) -> bool:
        """Whether a message is not answered yet."""
        return bool(self._awaited)

    @property
    def settled(self) -> bool:
        """Whether all that is wanted is acknowledged or refused."""
        return not self._awaited and self._wanted <= self._held | self._refused

    def want(self, wanted: Collection[str]) -> None:
        """Set what is wanted. A pair that was refused is requested anew once it was not wanted in between."""
        self._wanted = frozenset(wanted)
        self._refused &= self._wanted

    def next_message(self) -> str | None:
        """The next message to send; None where nothing is to be sent before the upstream answers or something else is wanted."""
        if surplus := self._held - self._wanted - self._awaited.keys():
            dropped = sorted(surplus)[:MAX_PAIRS]
            self._held.difference_update(dropped)
            return _message("unsubscribe", dropped)
        missing = self._wanted - self._held - self._refused
        if self._awaited or not missing:
            return None
        ordered = sorted(missing)
        channel = _channel(ordered[0])
        added = [pair for pair in ordered if _channel(pair) == channel][:MAX_PAIRS]
        self._held.update(added)
        self._awaited = dict.fromkeys(added)
        return _message("subscribe", added)

    def hear(self, statuses: Collection[Mapping[str, Any]]) -> tuple[int, list[FeedRefused]]:
        """Take the statuses of one frame in: the number of acknowledgements among them, and what they refuse."""
        acknowledged = 0
        unnamed = ""
        refusals: list[FeedRefused] = []
        for each in statuses:
            text = str(each.get("message", ""))
            match each.get("status"):
                case Status.SUCCESS if text.startswith(_SUBSCRIBED):
                    for pair in text[len(_SUBSCRIBED) :].split(","):
                        self._awaited.pop(pair.strip(), None)
                    acknowledged += 1
                case Status.ERROR:
                    named = [pair for pair in _PAIR.findall(text) if pair in self._held]
                    if named:
                        refusals.append(self._refuse(named, text))
                    else:
                        unnamed = text or "not authorized"
        # Only when the frame's acknowledgements are known is it clear what a refusal without a name is about.
        if unnamed and self._awaited:
            refusals.append(self._refuse(list(self._awaited), unnamed))
        return acknowledged, refusals

    def give_up(self) -> None:
        """Wait no longer for the answer to the last message: what is not refused by now is taken for subscribed."""
        self._awaited.clear()

    def _refuse(self, pairs: Collection[str], message: str) -> FeedRefused:
        self._held.difference_update(pairs)
        self._refused.update(self._wanted.intersection(pairs))
        for pair in pairs:
            self._awaited.pop(pair, None)
        return FeedRefused(frozenset(pairs), message)


def _channel(pair: str) -> str:
    return pair.partition(".")[0]


def _message(action: str, pairs: Collection[str]) -> str:
    return json.dumps({"action": action, "params": ",".join(pairs)}, separators=(",", ":"))
