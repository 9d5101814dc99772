"""A plain client of a local cloud's stream."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dekr.access.directory import DynamoKeyDirectory
from dekr.access.keys import NewKey
from dekr.access.principal import Role
from dekr.tiers import Tier
from local.keys import LOCAL, Target, issue
from local.stack.cloud import Cloud
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S

type Item = dict[str, Any]


@dataclass(slots=True, eq=False)
class Talk:
    """A connection, and all that it has received. ``position``: the newest ``_c``."""

    socket: ClientConnection
    items: list[Item] = field(default_factory=list)
    position: str = ""
    closed: int | None = None

    def say(self, action: str, params: str, **more: object) -> None:
        self.socket.send(json.dumps({"action": action, "params": params, **more}))

    def until(self, enough: Callable[[], object]) -> None:
        """Read until this holds. Whatever is waited for comes, or the test ends as a hang."""
        while not enough():
            frame: list[Item] = json.loads(self.socket.recv(timeout=HANG_S))
            self.items += frame
            self.position = frame[-1].get("_c", self.position)

    def to_the_end(self) -> None:
        """Read until the connection is closed, and keep its code."""
        try:
            self.until(lambda: False)
        except ConnectionClosed as end:
            self.closed = end.rcvd.code if end.rcvd else None

    def numbers(self, pair: str) -> list[int]:
        """The numbers of a pair's events, as they came."""
        return [item["_n"] for item in self.items if pair_of(item) == pair]

    def told(self, word: str) -> list[str]:
        """The messages of the statuses with this word."""
        return [item["message"] for item in self.items if item.get("status") == word]


def pair_of(item: Item) -> str:
    """The pair of an event; empty for a status."""
    return "" if item["ev"] == "status" else f"{item['ev']}.{item.get('sym', item.get('T'))}"


@contextmanager
def talking(cloud: LocalCloud, key: str) -> Iterator[Talk]:
    """Connect, and sign in with a key."""
    with connect(cloud.said["ws"], open_timeout=HANG_S, close_timeout=HANG_S, proxy=None) as socket:
        talk = Talk(socket)
        talk.say("auth", key)
        talk.until(lambda: talk.told("auth_success"))
        yield talk


def cut(cloud: LocalCloud) -> None:
    """Cut all connections, as a network does."""
    door = f"http://{cloud.said['ws'].split('/')[2]}"
    httpx.post(f"{door}/_control/cut", timeout=HANG_S, trust_env=False).raise_for_status()


def keys_of(cloud: LocalCloud) -> DynamoKeyDirectory:
    """The API keys of a local cloud."""
    return DynamoKeyDirectory(Cloud(cloud.said["aws"]).client("dynamodb"), cloud.said["outputs"]["KeysTable"])


def new_user(cloud: LocalCloud, tier: int) -> NewKey:
    """The key of a user whom nobody else is."""
    user = f"user-{secrets.token_hex(4)}"
    return issue(Target(keys_of(cloud), LOCAL), user, Tier(tier), Role.USER, datetime.now(UTC))
