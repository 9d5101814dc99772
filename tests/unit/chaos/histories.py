"""Histories made by hand: a good one, and the parts of bad ones. Seconds are those since the run began."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chaos.history import Answer, Call, Fetched, Handout, History, Sample, Trouble, Value
from chaos.timeline import Kind, Move, Timeline

BEGUN_US = 1_000_000_000_000_000
OFFSET_US = 5_000_000_000_000
AAPL = Value("quote", "AAPL", "1 10.1 10.2")


def at(seconds: float) -> int:
    """A moment of the run on this machine's clock."""
    return BEGUN_US + int(seconds * 1_000_000)


def shown(seconds: float) -> int:
    """The same on the service's clock, before it was moved."""
    return at(seconds) + OFFSET_US


def history(*moves: tuple[float, float, Kind], **parts: Any) -> History:
    """A history with moves of the clock: when, by how many seconds, of which kind."""
    made = [Move(at(-10), at(-10), OFFSET_US, "start")]
    for when, seconds, kind in moves:
        made.append(Move(at(when), at(when), made[-1].offset_us + int(seconds * 1_000_000), kind))
    return History(Timeline(made), per_minute=10, stale_s=3_600, **parts)


def answer(start: float, **more: Any) -> Answer:
    """A reader's answer of 5 ms: AAPL's quote, at tier 7."""
    given = Answer("0.1", at(start), at(start + 0.005), "quote", 7, 6_000, 200, age_s=0, values=(AAPL,))
    return replace(given, **more)


def handout(arrived: float, value: Value = AAPL) -> Handout:
    """What the upstream handed out for a call that arrived then."""
    return Handout(value, at(arrived))


def call(arrived: float, token: str, took: float = 0.1, granted: float | None = None, **more: Any) -> Call:
    """A call for AAPL's quote under a lease of 5 s."""
    granted_us = shown(arrived - 0.01 if granted is None else granted)
    made = Call(
        "0.1", at(arrived), at(arrived + took), "/v2/last/nbbo/AAPL", "quote:AAPL", token, granted_us, 5_000, False
    )
    return replace(made, **more)


def fetched(end: float, token: str) -> Fetched:
    """Its holder got a good answer."""
    return Fetched("0.1", token, at(end), good=True)


def samples(*stamps: tuple[float, float]) -> list[Sample]:
    """An entry as it stood in the store at some moments: its stamp, in seconds of the service's clock."""
    return [Sample("dekr:{AAPL}:quote", at(when), at(when + 0.01), shown(stamp)) for when, stamp in stamps]


def loss(first: float, last: float) -> Trouble:
    """The store's data is lost."""
    return Trouble("store", "data flushed", at(first), at(last), loss=True)


def stop(first: float, last: float, worker: str = "0.1") -> Trouble:
    """A worker is stopped."""
    return Trouble("process", "holder stopped", at(first), at(last), worker=worker)


def calls(moments: Sequence[float], **more: Any) -> list[Call]:
    """Calls of one holder each."""
    return [call(moment, f"t{moment}", datum=f"quote:T{moment}", **more) for moment in moments]
