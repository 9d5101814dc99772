"""The front door alone: what of a request reaches the emulated API, and what of its answer the client."""

import asyncio
import gzip
from collections.abc import Callable

import httpx
import pytest

from local.stack.front_door import FrontDoor

Backend = Callable[[httpx.Request], httpx.Response]


def response_of(
    backend: Backend, target: bytes = b"/quote/AAPL", headers: list[tuple[str, str]] | None = None
) -> httpx.Response:
    """The front door's answer to a GET, with ``backend`` as the emulated API."""

    async def exchange() -> httpx.Response:
        inner = httpx.AsyncClient(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(backend))
        door = httpx.ASGITransport(FrontDoor(inner, b"/_aws/execute-api/0a1b2c3d/$default"), client=("127.0.0.1", 9))
        path, _, query = target.partition(b"?")
        url = httpx.URL("http://127.0.0.1:8000", raw_path=path + (b"?" + query if query else b""))
        async with inner, httpx.AsyncClient(transport=door) as client:
            return await client.send(httpx.Request("GET", url, headers=headers))

    return asyncio.run(exchange())


def reply(status: int, content: bytes, headers: list[tuple[str, str]] | None = None) -> httpx.Response:
    """A backend's answer as it arrives: not read yet."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


def echo(seen: list[httpx.Request]) -> Backend:
    """A backend that keeps its requests."""

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply(200, b"{}")

    return answer


@pytest.mark.parametrize("target", [b"/quote/A%2e%2e%2Fb", b"/health", b"/quote/AAPL?a=%20b+c&a=2&tier="])
def test_path_and_query_go_on_as_they_came_below_the_path_of_the_api(target: bytes) -> None:
    seen: list[httpx.Request] = []

    response_of(echo(seen), target)

    assert seen[0].extensions["target"] == b"/_aws/execute-api/0a1b2c3d/$default" + target


def test_headers_go_on_as_aws_hands_them_over() -> None:
    seen: list[httpx.Request] = []
    sent = [
        ("X-Two", "1"),
        ("X-Two", "2"),
        ("X-Forwarded-For", "192.0.2.9"),
        ("Connection", "close"),
        ("Host", "a.example"),
    ]

    response_of(echo(seen), headers=sent)

    headers = seen[0].headers
    assert headers["x-two"] == "1,2"
    assert headers["host"] == "a.example"
    assert headers["x-forwarded-for"] == "192.0.2.9, 127.0.0.1"
    assert (headers["x-forwarded-port"], headers["x-forwarded-proto"]) == ("8000", "http")
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert headers["content-length"] == "0"
    assert "connection" not in headers


def test_compressed_body_status_and_repeated_headers_come_back_untouched() -> None:
    body = gzip.compress(b"[]")
    headers = [("content-encoding", "gzip"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-request-id", "7")]

    answer = response_of(lambda _: reply(404, body, headers))

    assert answer.status_code == 404
    assert answer.content == b"[]"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["x-request-id"] == "7"


def test_function_that_fails_is_aws_internal_server_error() -> None:
    answer = response_of(lambda _: reply(502, b'{"errorMessage": "boom", "errorType": "Runtime.HandlerError"}'))

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_502_of_the_service_itself_stays() -> None:
    answer = response_of(lambda _: reply(502, b'{"code": "upstream_invalid", "status": 502}'))

    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_invalid")


def test_function_that_takes_too_long_is_aws_service_unavailable() -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    answer = response_of(late)

    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
