"""Hand-made histories: a good one, and the parts of bad ones. Seconds count from the beginning of the run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chaos.history import Answer, Call, FaultInterval, FetchResult, Handout, History, Sample, Value
from chaos.timeline import ClockChange, Kind, Timeline

BEGUN_US = 1_000_000_000_000_000
OFFSET_US = 5_000_000_000_000
AAPL = Value("quote", "AAPL", "1 10.1 10.2")


def at(seconds: float) -> int:
    """Return a moment of the run in microseconds of this machine's clock."""
    return BEGUN_US + int(seconds * 1_000_000)


def shown(seconds: float) -> int:
    """Return a moment of the run in microseconds of the service's clock, as it was before any change."""
    return at(seconds) + OFFSET_US


def history(*changes: tuple[float, float, Kind], **parts: Any) -> History:
    """Return a history with these changes of the clock: (when, by how many seconds, kind). ``parts`` are fields of
    History.
    """
    made = [ClockChange(at(-10), at(-10), OFFSET_US, "start")]
    for when, seconds, kind in changes:
        made.append(ClockChange(at(when), at(when), made[-1].offset_us + int(seconds * 1_000_000), kind))
    return History(Timeline(made), per_minute=10, stale_s=3_600, **parts)


def answer(start: float, **more: Any) -> Answer:
    """Return an answer to a request that began at ``start`` and took 5 ms: AAPL's quote, at tier 7."""
    good = Answer("0.1", at(start), at(start + 0.005), "quote", 7, 6_000, 200, age_s=0, values=(AAPL,))
    return replace(good, **more)


def handout(arrived: float, value: Value = AAPL) -> Handout:
    """Return the handout of a value for a call that arrived at ``arrived``."""
    return Handout(value, at(arrived))


def call(arrived: float, token: str, took: float = 0.1, granted: float | None = None, **more: Any) -> Call:
    """Return an upstream call for AAPL's quote under a lease of 5 s."""
    granted_us = shown(arrived - 0.01 if granted is None else granted)
    made = Call(
        "0.1", at(arrived), at(arrived + took), "/v2/last/nbbo/AAPL", "quote:AAPL", token, granted_us, 5_000, False
    )
    return replace(made, **more)


def fetched(end: float, token: str) -> FetchResult:
    """Return the end of a fetch that got a good answer."""
    return FetchResult("0.1", token, at(end), good=True)


def samples(*stamps: tuple[float, float]) -> list[Sample]:
    """Return samples of one entry: (when it was read, its stamp), both in seconds."""
    return [Sample("dekr:{AAPL}:quote", at(when), at(when + 0.01), shown(stamp)) for when, stamp in stamps]


def loss(first: float, last: float) -> FaultInterval:
    """Return a fault in which the store's data is lost."""
    return FaultInterval("store", "data flushed", at(first), at(last), loss=True)


def stop(first: float, last: float, worker: str = "0.1") -> FaultInterval:
    """Return a fault in which a worker is suspended."""
    return FaultInterval("process", "holder stopped", at(first), at(last), worker=worker)


def calls(moments: Sequence[float], **more: Any) -> list[Call]:
    """Return calls of one holder each, on one datum each."""
    return [call(moment, f"t{moment}", datum=f"quote:T{moment}", **more) for moment in moments]
