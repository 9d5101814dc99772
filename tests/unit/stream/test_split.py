"""Frames of the upstream are split into events as they were sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.stream.relay.split import Piece, numbered, split

TRADE = '{"ev":"T","sym":"MSFT","x":4,"i":"12345","z":3,"p":114.125,"s":100,"c":[0,12],"t":1536036818784,"q":3681328}'
QUOTE = (
    '{"ev":"Q","sym":"BRK.B","bx":4,"bp":114.10,"bs":100,"ax":7,"ap":1e2,"as":160,"c":0,"i":[604],"t":1,"q":5,"z":3}'
)
BANDS = '{"ev":"LULD","T":"MSFT","h":218.12,"l":-0.5,"i":[17],"z":3,"t":1601318039223013600,"q":59}'

TEXT = st.text() | st.sampled_from(["},{", '"},{"ev":"T', "\\", "]", "[", ",", "\n", "\u2028"])
SCALAR = TEXT | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
VALUE = SCALAR | st.recursive(
    st.lists(SCALAR, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(TEXT.filter(lambda name: name not in {"ev", "sym", "T"}), VALUE, max_size=6)
SYMBOLS = st.sampled_from(["AAPL", "BRK.B", "BACpL", "TEST"])


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    channel = draw(st.sampled_from(["T", "Q", "A", "AM", "LULD"]))
    symbol = draw(SYMBOLS)
    first = {"ev": channel, "T" if channel == "LULD" else "sym": symbol}
    fields = draw(FIELDS)
    return {**first, **fields} if draw(st.integers(0, 9)) else {**fields, **first}


def pair_of(event: dict[str, Any]) -> str:
    return f"{event['ev']}.{event['T' if event['ev'] == 'LULD' else 'sym']}"


@given(
    st.lists(events(), max_size=6),
    st.sampled_from([(",", ":"), (", ", ": "), (",", ": ")]),
    st.booleans(),
)
def test_events_are_those_that_json_reads(
    sent: list[dict[str, Any]],
    separators: tuple[str, str],
    ascii_only: bool,
) -> None:
    frame = json.dumps(sent, separators=separators, ensure_ascii=ascii_only)
    reasons: list[str] = []
    pieces = split(frame, reasons.append)
    assert [json.loads(piece.raw) for piece in pieces] == json.loads(frame)
    assert [piece.pair for piece in pieces] == [pair_of(event) for event in sent]
    assert reasons == []
    for piece in pieces:
        assert "\n" not in piece.raw
        piece.raw.encode()


def mutations(text: str) -> st.SearchStrategy[str]:
    """The text with one character taken out, put in or replaced."""
    return st.builds(
        lambda at, length, put: text[:at] + put + text[at + length :],
        st.integers(0, len(text)),
        st.integers(0, 2),
        st.sampled_from(
            ["", ",", '"', "{", "}", "[", "]", "\\", "0", "-", ".", "e", " ", "\n", "NaN", "Infinity", "é"]
        ),
    )


@given(mutations(f"[{TRADE},{QUOTE},{BANDS}]"))
def test_a_damaged_frame_yields_nothing_that_json_would_not_read(frame: str) -> None:
    reasons: list[str] = []
    pieces = split(frame, reasons.append)
    try:
        items = json.loads(frame)
    except ValueError:
        assert pieces == []
        assert reasons == ["not JSON"]
        return
    read = [json.loads(piece.raw) for piece in pieces]
    if "NaN" not in frame and "Infinity" not in frame:
        assert len(read) + len(reasons) == (len(items) if isinstance(items, list) else 1)
        assert all(event in items for event in read)


def never(reason: str) -> None:
    """Take a reason where nothing is to be left out."""
    pytest.fail(reason)


def test_flat_events_are_passed_on_as_they_were_sent() -> None:
    # Read and written anew, 114.10 would be 114.1, and 1e2 would be 100.0.
    assert split(f"[{TRADE},{QUOTE},{BANDS}]", never) == [
        Piece("T.MSFT", TRADE),
        Piece("Q.BRK.B", QUOTE),
        Piece("LULD.MSFT", BANDS),
    ]


@pytest.mark.parametrize(
    ("frame", "kept", "reasons"),
    [
        ("[]", [], []),
        ("", [], ["not JSON"]),
        ("[" * 100_000, [], ["not JSON"]),
        (TRADE, [], ["not an array"]),
        ('"T"', [], ["not an array"]),
        (f"[{TRADE}", [], ["not JSON"]),
        (f"[{TRADE}]]", [], ["not JSON"]),
        (f"[{TRADE}{TRADE}]", [], ["not JSON"]),
        (f"[{TRADE},]", [], ["not JSON"]),
        (f'[{{"ev":"status","status":"success","message":"x"}},{TRADE}]', ["T.MSFT"], ["not an event"]),
        (f"[1,null,[],{TRADE}]", ["T.MSFT"], ["not an event"] * 3),
        ('[{"ev":"T"}]', [], ["not an event"]),
        ('[{"ev":["T"],"sym":"A"}]', [], ["not an event"]),
        ('[{"ev":"T","sym":7}]', [], ["not an event"]),
        ('[{"ev":"T","sym":"A B"}]', [], ["not an event"]),
        ('[{"ev":"T","sym":"A\\nB"}]', [], ["not an event"]),
        ('[{"ev":"T","T":"AAPL"}]', [], ["not an event"]),
        ('[{"ev":"LULD","sym":"AAPL"}]', [], ["not an event"]),
        ('[{"ev":"T","sym":"A","p":NaN}]', [], ["not JSON"]),
        ('[{"ev":"T","sym":"A","p":1e999}]', ["T.A"], []),
        ('[{"ev":"T","sym":"A","p":1e999,"x":"\\u00e9"}]', [], ["not to be written as JSON"]),
        (' [ {"p": 1, "ev": "T", "sym": "A"} ] ', ["T.A"], []),
    ],
)
def test_what_is_no_event_is_dropped_and_counted(frame: str, kept: list[str], reasons: list[str]) -> None:
    found: list[str] = []
    assert [piece.pair for piece in split(frame, found.append)] == kept
    assert found == reasons


@given(st.lists(events(), min_size=1, max_size=3), st.integers(1, 2**53))
def test_a_number_is_the_last_field(sent: list[dict[str, Any]], number: int) -> None:
    for piece in split(json.dumps(sent, separators=(",", ":")), never):
        event = json.loads(numbered(piece.raw, number))
        assert list(event)[-1] == "_n"
        assert event == {**json.loads(piece.raw), "_n": number}
