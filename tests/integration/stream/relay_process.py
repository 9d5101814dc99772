"""``python -m tests.integration.stream.relay_process``: one run of the relay as a process of its own."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dekr.config import Settings
from dekr.relay_wiring import Invocation, RelayServices
from dekr.store import Store, plain
from dekr.stream.relay.pace import Pace
from dekr.stream.shift.lease import LIFE_MS, Held, Holder
from dekr.wiring import store_of
from tests.fakes.directory import FakeDirectory, key_record

LEASE = "test:lease"
PACE = Pace(tick_s=0.05)
AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "fake/secret", "AWS_REGION": "us-east-1"}


@dataclass
class StoreLease:
    """A lease for tests that several processes share: a key of the store."""

    store: Store
    holder: Holder
    epoch: int = 0
    _holds: bool = field(default=False, init=False)

    def read(self) -> Held | None:
        (kept,) = self.store.run(plain("GET", LEASE))
        if kept is None:
            return None
        owner, request, version, ends_ms, epoch, expires_ms = json.loads(kept)
        return Held(Holder(owner, request, version, ends_ms), epoch, expires_ms)

    def take(self) -> Held | None:
        (epoch,) = self.store.run(plain("INCR", "test:epoch"))
        if self._write(epoch, "NX"):
            self.epoch = epoch
            return None
        return self.read()

    def renew(self) -> bool:
        held = self.read()
        if held is None or held.epoch != self.epoch:
            return False
        return self._write(self.epoch, "XX")

    def held(self) -> bool:
        # A slow machine may renew it late.
        return self._holds

    def release(self) -> None:
        held = self.read()
        if held and held.epoch == self.epoch:
            self.store.run(plain("DEL", LEASE))

    def _write(self, epoch: int, condition: str) -> bool:
        expires_ms = time.time_ns() // 1_000_000 + LIFE_MS
        holder = self.holder
        kept = json.dumps([holder.owner, holder.request, holder.version, holder.ends_ms, epoch, expires_ms])
        (written,) = self.store.run(plain("SET", LEASE, kept, condition))
        if written:
            self._holds = True
        return bool(written)


def relay_services(
    store_url: str,
    upstream_url: str,
    endpoint: str,
    report: Callable[[Mapping[str, Any]], None] = lambda _: None,
    **more: Any,
) -> RelayServices:
    """A relay's services between a store, an upstream and connections of the test. Key ``k1`` is ann's."""
    settings = Settings.read(
        {
            "REDIS_URL": store_url,
            "KEYS_TABLE": "keys",
            "POLYGON_SECRET_ARN": "arn:fake",
            "CURSOR_SECRET": "a fake secret of many characters",
            "POLYGON_STREAM_URL": upstream_url,
            "STREAM_ENDPOINT": endpoint,
            "CLOCK_OFFSET_US": str(more.pop("clock_offset_us", 0)),
        }
    )
    directory = FakeDirectory()
    directory.put(key_record("k1", "ann", 7))
    store = partial(store_of, settings, patient=True)
    return RelayServices(
        settings,
        store,
        more.pop("directory", lambda: directory),
        lambda: "the-key",
        more.pop("lease", lambda holder: StoreLease(store(), holder)),
        AWS,
        report,
        pace=PACE,
        **more,
    )


def main() -> None:
    """Run, and write how it ended. SIGTERM stops it."""
    store_url, upstream_url, endpoint, left_s = sys.argv[1:]
    services = relay_services(store_url, upstream_url, endpoint, signals=[signal.SIGTERM])
    report = asyncio.run(services.run(Invocation("r", "1", float(left_s)), scheduled=False))
    print(json.dumps([report.outcome, report.cause, report.epoch]), flush=True)  # noqa: T201 - its result


if __name__ == "__main__":
    main()
