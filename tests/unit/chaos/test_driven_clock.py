"""The proxy replaces the placeholder in a command by the clock's offset."""

from chaos.driven_clock import PLACEHOLDER, with_offset

MARK = str(PLACEHOLDER).encode()


def test_the_offset_takes_the_placeholders_place_and_width() -> None:
    sent = b"$16\r\n%b\r\n$1\r\n7\r\n" % MARK
    passed, kept = with_offset(sent, -62_367_478_602)
    assert (passed, kept) == (b"$16\r\n-000062367478602\r\n$1\r\n7\r\n", b"")
    assert len(MARK) == 16


def test_a_placeholder_that_is_cut_in_two_is_kept_until_the_rest_comes() -> None:
    first, kept = with_offset(b"ab" + MARK[:7], 5)
    assert (first, kept) == (b"ab", MARK[:7])
    assert with_offset(kept + MARK[7:] + b"cd", 5) == (b"0000000000000005cd", b"")
    assert with_offset(b"ab77", 5)[0] + with_offset(b"ab77", 5)[1] == b"ab77"
