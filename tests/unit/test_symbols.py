import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dekr.errors import InvalidInput
from dekr.symbols import Ticker

# Every form of the tape's convention (nasdaqtrader.com, "Ticker Symbol Convention"), and tickers as the upstream has them.
TICKERS = [
    "A",
    "AAPL",
    "GOOGL",
    "BRK.A",
    "BRK.B",
    "BF.B",
    "AKO.A",
    "MKC.V",
    "AAC.U",
    "ACHR.WS",
    "ABRpD",
    "BACpL",
    "PSApO",
    "ZVZZT",
    "NTEST.A",
    "ATEST.TEST",
    "XYZp",
    "XYZpA",
    "XYZ.A",
    "XYZp.WD",
    "XYZ.WD",
    "XYZ.WS",
    "XYZ.WS.A",
    "XYZ.CL",
    "XYZ.A.CL",
    "XYZp.CL",
    "XYZpA.CL",
    "XYZpAw",
    "XYZ.EC",
    "XYZ.PP",
    "XYZ.CV.CL",
    "XYZ.A.CV",
    "XYZpA.CV",
    "XYZpA.WD",
    "GDVr",
    "GABr.WD",
    "XYZ.U",
    "SOLVw",
    "XYZrw",
    "XYZpw",
    "XYZ.Aw",
    "XYZ.WSw",
]

NOT_TICKERS = [
    "",
    " ",
    ".",
    "..",
    "../x",
    "A..B",
    "A%2e%2e",
    "A.",
    ".A",
    "A" * 12,
    "A" * 40,
    "BRK.ABCDE",
    "AA PL",
    " AAPL",
    "AAPL ",
    "AAPL\n",
    "AAPL\r\n",
    "aapl\n",
    "AAPL\r\nX-Evil: 1",
    "AAPL\0",
    "{AAPL}",
    "A{B}",
    "*",
    "A*",
    "A?B",
    "A/B",
    "BRK/B",
    "BRK-B",
    "A:B",
    "A,B",
    "AAPL1",
    "123",
    "aAPL",
    "Aapl",
    "AAPl",
    "AAPLx",
    "AAPLpl",
    "BACpLL",
    "BACPl",
    "brk.B",
    "BRK.b",
    "\uff21\uff21\uff30\uff2c",  # full-width AAPL
    "\uff41\uff41\uff50\uff4c",  # full-width aapl
    "\u0131bm",  # a dotless i, whose capital is the ASCII I
    "\u017fpy",  # a long s, whose capital is the ASCII S
    "\u0410\u0410PL",  # Cyrillic A
    "\u00c9DF",
    "AA\u200bPL",
    "O:AAPL251219C00200000",
    "X:BTCUSD",
    "C:EURUSD",
    "I:SPX",
]


@pytest.mark.parametrize("text", TICKERS)
def test_tickers_are_taken_as_they_are(text: str) -> None:
    assert Ticker.parse(text).text == text


@pytest.mark.parametrize(("raw", "text"), [("aapl", "AAPL"), ("brk.b", "BRK.B"), ("bacpl", "BACPL"), ("a", "A")])
def test_small_letters_alone_are_put_in_capitals(raw: str, text: str) -> None:
    assert Ticker.parse(raw).text == text


@pytest.mark.parametrize("raw", NOT_TICKERS)
def test_what_is_not_a_ticker_is_refused_with_the_rule(raw: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Ticker.parse(raw)

    assert (refused.value.status, refused.value.code, refused.value.field) == (422, "invalid_symbol", "symbol")
    assert refused.value.detail.startswith("symbol: must be the ticker of a US stock")
    assert "stocks only" in refused.value.detail


def test_the_refusal_names_the_field_and_never_repeats_the_input() -> None:
    with pytest.raises(InvalidInput) as refused:
        Ticker.parse("\x1b[31mEVIL\r\n", "symbols")

    assert refused.value.field == "symbols"
    assert refused.value.detail.startswith("symbols: ")
    assert refused.value.detail.isprintable()
    assert "EVIL" not in refused.value.detail


@given(st.text() | st.text("ABZabpprwz..{}/%:\n \u0131\uff21\u017f", max_size=13))
@example("\u0131bm")
@example("AAPL\n")
def test_what_is_accepted_is_safe_in_a_path_and_in_a_key(raw: str) -> None:
    try:
        text = Ticker.parse(raw).text
    except InvalidInput:
        return
    assert set(text) <= set(string.ascii_letters + ".")
    assert len(text) <= 11
    assert text[0] in string.ascii_uppercase
    assert ".." not in text
    assert text in (raw, raw.upper())
    assert Ticker.parse(text).text == text
