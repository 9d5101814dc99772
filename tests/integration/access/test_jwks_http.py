"""Reading an issuer's keys over HTTP, from a server on this machine."""

import gzip
import socket

import pytest

from dekr.access.jwks_http import MAX_BYTES, fetch_jwks
from dekr.errors import UpstreamDown, UpstreamInvalid
from tests.fakes.issuer import served

DOCUMENT = b'{"keys":[]}'


def test_the_document_comes_as_it_was_sent() -> None:
    with served((200, {"Content-Type": "application/jwk-set+json"}, DOCUMENT)) as address:
        assert fetch_jwks(address.url) == DOCUMENT
    assert address.requested == ["/jwks.json"]


def test_a_redirect_is_not_followed() -> None:
    with served((200, {}, DOCUMENT)) as elsewhere:
        for status in (301, 302, 307, 308):
            with (
                served((status, {"Location": elsewhere.url}, b"")) as address,
                pytest.raises(UpstreamInvalid, match=str(status)),
            ):
                fetch_jwks(address.url)
    assert elsewhere.requested == []


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 429, 500, 503])
def test_any_other_status_is_refused(status: int) -> None:
    body = b"" if status == 204 else DOCUMENT
    with served((status, {}, body)) as address, pytest.raises(UpstreamInvalid, match=str(status)):
        fetch_jwks(address.url)


def test_a_document_of_any_size_is_not_read_to_its_end() -> None:
    with served((200, {}, b" " * MAX_BYTES)) as address:
        assert len(fetch_jwks(address.url)) == MAX_BYTES
    with served((200, {}, b" " * 50_000_000)) as address, pytest.raises(UpstreamInvalid):
        fetch_jwks(address.url)


def test_what_was_compressed_without_need_stays_compressed() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with served((200, {"Content-Encoding": "gzip"}, bomb)) as address:
        assert fetch_jwks(address.url) == bomb


def test_an_answer_that_breaks_off_is_none() -> None:
    with (
        served((200, {"Content-Length": "100", "Connection": "close"}, DOCUMENT)) as address,
        pytest.raises(UpstreamDown),
    ):
        fetch_jwks(address.url)


def test_an_answer_that_never_ends_is_left() -> None:
    clock = iter((0.0, 1.0, 2.5))
    with served((200, {}, b" " * 200_000)) as address, pytest.raises(UpstreamDown):
        fetch_jwks(address.url, lambda: next(clock))


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UpstreamDown):
            fetch_jwks(f"http://127.0.0.1:{taken.getsockname()[1]}/jwks.json")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with served((200, {}, b"proxy")) as proxy, served((200, {}, DOCUMENT)) as address:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert fetch_jwks(address.url) == DOCUMENT
    assert proxy.requested == []
