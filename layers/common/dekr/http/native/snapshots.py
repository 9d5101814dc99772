"""Snapshots in Dekr's own shape."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dekr.times import rfc3339_ns

_DAY: Final = (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"), ("volume", "v"), ("vwap", "vw"))


def dekr_snapshot(snapshot: Mapping[str, Any]) -> str:
    """The JSON of ``dekr.models.snapshots.Snapshot``. Where the upstream has zeros because nothing was traded yet, it has nulls.

    ``snapshot``: the ticker's v2 snapshot as the upstream sent it.
    """
    minute = snapshot.get("min") or {}
    started_ms = minute.get("t")
    updated_ns = snapshot.get("updated")
    answer = {
        "symbol": snapshot["ticker"],
        "day": _bar(snapshot.get("day")),
        "previous_day": _bar(snapshot.get("prevDay")),
        "last_minute": {**_bar(minute), "timestamp": rfc3339_ns(started_ms * 1_000_000) if started_ms else None},
        "change": snapshot.get("todaysChange"),
        "change_percent": snapshot.get("todaysChangePerc"),
        "timestamp": rfc3339_ns(updated_ns) if updated_ns else None,
    }
    return json.dumps(answer, separators=(",", ":"))


def _bar(bar: Mapping[str, Any] | None) -> dict[str, Any]:
    traded = bar if bar and bar.get("c") else {}
    return {name: traded.get(short) for name, short in _DAY}
