"""HTTP to the upstream: the requests sent, the reading of each answer, and that nothing shows the key."""

import gzip
import logging
import socket
import traceback
from collections.abc import Callable, Iterator

import httpx
import pytest

from dekr.errors import DekrError, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamUnreachable
from dekr.polygon.connect import connect
from dekr.polygon.failures import Broken, Cut, KeyRefused, NotEntitled, Rejected, Throttled
from dekr.polygon.transport import KEY_AGAIN_S, LARGEST_BYTES, Reply
from tests.fakes.polygon_transport import KEY, ScriptedUpstream, Step

NOT_FOUND = {"status": "NOT_FOUND", "request_id": "r", "message": "Data not found."}
NOT_AUTHORIZED = {"status": "NOT_AUTHORIZED", "request_id": "r", "message": "You are not entitled to this data."}


def get(upstream: ScriptedUpstream, url: str = "/v2/x", seconds: float = 20.0, max_s: float = 5.0) -> Reply:
    return upstream.transport.get(url, None, upstream.deadline(seconds), max_s)


def get_one(step: Step) -> Reply:
    return get(ScriptedUpstream([step]))


class Body(httpx.SyncByteStream):
    """A body in parts; a step between them may fail or take time."""

    def __init__(self, *parts: bytes | Callable[[], bytes]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            yield part if isinstance(part, bytes) else part()


def breaks(error: Exception) -> Callable[[], bytes]:
    def part() -> bytes:
        raise error

    return part


def test_the_key_travels_in_the_header_alone() -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    upstream.transport.get("/v2/x", {"sort": "asc"}, upstream.deadline(), 5.0)
    (request,) = upstream.requests
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert str(request.url) == "https://upstream.test/v2/x?sort=asc"
    assert "gzip" in request.headers["Accept-Encoding"]


def test_the_key_is_read_on_the_first_call_and_kept() -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})] * 2)
    get(upstream)
    get(upstream)
    assert {request.headers["Authorization"] for request in upstream.requests} == {f"Bearer {KEY}"}


def test_an_answer_comes_with_the_upstreams_own_time() -> None:
    reply = get_one(httpx.Response(200, json={"a": 1}, headers={"Date": "Fri, 20 Nov 2026 15:00:00 GMT"}))
    assert reply == Reply({"a": 1}, 1_795_186_800_000_000)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Nov 2026 15:00:00 GMT"])
def test_a_date_that_is_none_is_not_used(date: str) -> None:
    assert get_one(httpx.Response(200, json={}, headers={"Date": date})).date_us is None


def test_a_compressed_answer_is_read() -> None:
    headers = {"Content-Encoding": "gzip"}
    assert get_one(httpx.Response(200, content=gzip.compress(b'{"a": 1}'), headers=headers)).body == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.Response(401, json={"status": "ERROR", "error": "Unknown API Key"}), KeyRefused),
        (httpx.Response(403, json=NOT_AUTHORIZED), NotEntitled),
        (httpx.Response(403, text="<html>Access denied</html>"), Broken),
        (httpx.Response(404, json=NOT_FOUND), UnknownSymbol),
        (httpx.Response(404, text="404 page not found"), Rejected),
        (httpx.Response(429, json={"status": "ERROR", "error": "You've exceeded the maximum"}), Throttled),
        (httpx.Response(500, text="<html>Internal Server Error</html>"), Broken),
        (httpx.Response(502), Broken),
        (httpx.Response(503, stream=Body(b"not gzip"), headers={"Content-Encoding": "gzip"}), Broken),
        (httpx.Response(504), Broken),
        (httpx.Response(400, json={"status": "ERROR", "error": "odd"}), Rejected),
        (httpx.Response(422), Rejected),
        (httpx.Response(204), Rejected),
        (httpx.Response(302, headers={"Location": "https://upstream.test/v2/y"}), Rejected),
        (httpx.Response(200, text=""), UpstreamInvalid),
        (httpx.Response(200, text="<html>hello</html>"), UpstreamInvalid),
        (httpx.Response(200, text='{"status":"OK","results":[{"t":1'), UpstreamInvalid),
        (httpx.Response(200, text='{"a":NaN}'), UpstreamInvalid),
        (httpx.Response(200, text='{"a":-Infinity}'), UpstreamInvalid),
        (httpx.Response(200, content=b'{"a":"\xff"}'), UpstreamInvalid),
        (httpx.Response(200, content=b"[" * 200_000), UpstreamInvalid),
        (httpx.Response(200, stream=Body(b"not gzip"), headers={"Content-Encoding": "gzip"}), UpstreamInvalid),
        (httpx.Response(200, stream=Body(b'{"a"', breaks(httpx.RemoteProtocolError("cut")))), Cut),
        (httpx.Response(200, stream=Body(b'{"a"', breaks(httpx.ReadError("reset")))), Cut),
        (httpx.Response(200, stream=Body(b'{"a"', breaks(httpx.ReadTimeout("late")))), Broken),
        (httpx.Response(404, stream=Body(b'{"a"', breaks(httpx.RemoteProtocolError("cut")))), Broken),
        (httpx.ConnectTimeout("late"), UpstreamUnreachable),
        (httpx.ReadTimeout("late"), Broken),
        (httpx.PoolTimeout("late"), UpstreamUnreachable),
        (httpx.ConnectError("refused"), UpstreamUnreachable),
        (httpx.RemoteProtocolError("disconnected"), Broken),
    ],
)
def test_each_failure_has_its_own_class(answer: httpx.Response | Exception, failure: type[Exception]) -> None:
    with pytest.raises(failure) as caught:
        get_one(answer)
    assert type(caught.value) is failure


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("", 0.0), ("soon", 0.0), ("\u00b2", 0.0), ("99999", 0.0)],
)
def test_retry_after_is_taken_where_it_is_sane(header: str, seconds: float) -> None:
    with pytest.raises(Throttled) as caught:
        get_one(httpx.Response(429, headers={b"Retry-After": header.encode("latin-1")}))
    assert caught.value.retry_after_s == seconds


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    part = bytes(8 * 1024 * 1024)
    body = Body(*[part] * (LARGEST_BYTES // len(part)), b"x", breaks(AssertionError("read on")))
    with pytest.raises(UpstreamInvalid):
        get_one(httpx.Response(200, stream=body))


def test_a_body_that_trickles_past_its_time_is_given_up() -> None:
    upstream = ScriptedUpstream()

    def slowly() -> bytes:
        upstream.time.now_s += 0.6
        return b"."

    upstream.steps = [httpx.Response(200, stream=Body(*[slowly] * 3, breaks(AssertionError("read on"))))]
    with pytest.raises(Broken):
        get(upstream, seconds=1.5)


@pytest.mark.parametrize(("left_s", "connect", "read"), [(20.0, 1.0, 5.0), (3.0, 1.0, 3.0), (0.4, 0.4, 0.4)])
def test_waits_are_bounded_by_the_attempt_and_the_deadline(left_s: float, connect: float, read: float) -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    get(upstream, seconds=left_s, max_s=5.0)
    waits = upstream.requests[0].extensions["timeout"]
    assert (waits.get("connect"), waits.get("read")) == (pytest.approx(connect), pytest.approx(read))


def test_the_time_for_connecting_is_not_there_for_reading() -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    get(upstream, seconds=1.2)
    waits = upstream.requests[0].extensions["timeout"]
    upstream.time.now_s += 0.9
    assert waits.get("read") == pytest.approx(0.3)
    upstream.time.now_s += 5
    assert 0 < waits.get("read") < 0.01


@pytest.mark.parametrize("host", ["api.massive.com", "api.polygon.io"])
@pytest.mark.parametrize("path", ["/v2/aggs/x?cursor=YWJj%3D&b=2&a=1", "//elsewhere.test/v2/x"])
def test_a_next_url_on_another_host_of_the_vendors_is_followed_on_our_own(host: str, path: str) -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    get(upstream, f"https://{host}{path}")
    assert str(upstream.requests[0].url) == f"https://upstream.test{path}"


def test_a_next_url_on_our_host_is_followed_as_it_is() -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    url = "https://upstream.test/v2/aggs/x?cursor=YWJj%3D&b=2&a=1"
    get(upstream, url)
    assert str(upstream.requests[0].url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/v2/x",
        "http://upstream.test/v2/x",
        "https://upstream.test:8443/v2/x",
        "https://upstream.test.elsewhere.test/v2/x",
        "https://user:pass@upstream.test/v2/x",
        "https://upstream.test@elsewhere.test/v2/x",
        "//elsewhere.test/v2/x",
        "http://api.massive.com/v2/x",
        "https://api.massive.com:8443/v2/x",
        "https://user:pass@api.massive.com/v2/x",
        "https://api.massive.com@elsewhere.test/v2/x",
        "https://socket.massive.com/v2/x",
        "v2/x",
        "https://[/v2/x",
        "https://upstream.test/\x00",
        "file:///etc/hostname",
    ],
)
def test_no_other_address_is_followed(url: str) -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})])
    with pytest.raises(UpstreamInvalid):
        get(upstream, url)
    assert upstream.requests == []


def test_a_rotated_key_is_read_again_after_a_refusal() -> None:
    refused = httpx.Response(401)
    upstream = ScriptedUpstream([httpx.Response(200, json={}), refused, httpx.Response(200, json={})], ["old", "new"])
    get(upstream)
    upstream.time.now_s += KEY_AGAIN_S + 1
    with pytest.raises(KeyRefused):
        get(upstream)
    get(upstream)
    assert [request.headers["Authorization"] for request in upstream.requests] == [
        "Bearer old",
        "Bearer old",
        "Bearer new",
    ]


def test_a_key_that_stays_refused_is_not_read_at_every_call() -> None:
    upstream = ScriptedUpstream([httpx.Response(401)] * 5, ["one", "two"])
    upstream.time.now_s += KEY_AGAIN_S + 1
    for _ in range(5):
        with pytest.raises(KeyRefused):
            get(upstream)
    assert {request.headers["Authorization"] for request in upstream.requests} == {"Bearer one"}


@pytest.mark.parametrize("key", ["", "two words", "line\nfeed", "\u00fcber", "bell\x07"])
def test_what_no_header_can_carry_is_not_sent_as_a_key(key: str) -> None:
    upstream = ScriptedUpstream([httpx.Response(200, json={})], [key])
    with pytest.raises(KeyRefused):
        get(upstream)
    assert upstream.requests == []


def _text_of(error: BaseException) -> str:
    """Return the text of an error and of all its causes."""
    parts = ["".join(traceback.format_exception(error))]
    while True:
        parts += [str(error), repr(error), repr(error.args)]
        following = error.__cause__ or error.__context__
        if following is None:
            return "\n".join(parts)
        error = following


@pytest.mark.parametrize(
    "step",
    [
        httpx.Response(200, json={}),
        httpx.Response(401),
        httpx.Response(403, json=NOT_AUTHORIZED),
        httpx.Response(404),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://elsewhere.test/"}),
        httpx.Response(200, text=f'{{"echo": "{KEY}"'),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
    ],
)
def test_the_key_is_never_shown(step: Step, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    upstream = ScriptedUpstream([step])
    shown = ""
    try:
        get(upstream)
    except (DekrError, NotEntitled) as error:
        shown = _text_of(error)
    shown += repr(upstream.transport) + repr(upstream.client) + str(upstream.requests[0].url) + caplog.text
    shown += repr(upstream.requests[0]) + repr(upstream.requests[0].headers)
    assert KEY not in shown


def test_a_key_that_cannot_be_sent_is_not_shown_either(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect("http://127.0.0.1:9", lambda: f"{KEY}\n", lambda: 0)
    with pytest.raises(UpstreamDown) as caught:
        client.transport.get("/v2/x", None, ScriptedUpstream().deadline(), 1.0)
    assert KEY not in _text_of(caught.value) + caplog.text + repr(client)


def test_a_real_connection_that_fails_shows_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        client = connect(f"http://127.0.0.1:{deaf.getsockname()[1]}", lambda: KEY, lambda: 0)
        with pytest.raises(UpstreamUnreachable) as caught:
            client.transport.get("/v2/x", None, ScriptedUpstream().deadline(), 1.0)
    assert caught.value.fault == "ConnectError"
    assert KEY not in _text_of(caught.value) + caplog.text + repr(client)


def test_a_host_that_has_no_address_is_named_as_that() -> None:
    # RFC 6761: no name under "invalid" ever has an address.
    client = connect("http://upstream.invalid", lambda: KEY, lambda: 0)
    with pytest.raises(UpstreamUnreachable) as caught:
        client.transport.get("/v2/x", None, ScriptedUpstream().deadline(), 20.0)
    assert caught.value.fault in ("ConnectError: no address (DNS)", "ConnectTimeout")
