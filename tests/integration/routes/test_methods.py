"""Methods and addresses: HEAD wherever GET is, 405 with Allow, a slash at the end, the root, Polygon's routes not served here."""

import json

import pytest

from dekr.access.principal import Role
from dekr.http.edge.request import POLYGON_PATHS
from local.openapi.document import TITLE
from local.openapi.examples import load
from local.openapi.routes import Route, read
from tests.integration.routes.test_conditional import READS
from tests.markets import Market
from tests.world import Context, event

EXAMPLES = load()
ROUTES = read(TITLE, "0")[0]
GETS = [route for route in ROUTES if route.method == "GET"]


@pytest.mark.parametrize("path", [*READS, "/health", "/docs", "/openapi.json", "/usage"])
def test_head_is_answered_as_get_without_the_body(night: Market, path: str) -> None:
    key = night.world.key()
    night.world.get(path, key)
    for headers in ({}, {"accept-encoding": "gzip"}):
        got = night.world.get(path, key, headers=headers)
        head = night.world.send("HEAD", path, key, headers=headers)
        assert (head.status, head.text) == (200, "")
        assert {**head.headers, "RateLimit": ""} == {**got.headers, "RateLimit": ""}


def test_a_body_that_is_not_sent_is_no_base64(night: Market) -> None:
    answer = night.world.handler("admin")(event("/docs", {"accept-encoding": "gzip"}, "HEAD"), Context())
    assert (answer["body"], answer["isBase64Encoded"], answer["headers"]["Content-Encoding"]) == ("", False, "gzip")


def test_head_of_what_the_caller_has_is_304_and_of_an_error_the_error(night: Market) -> None:
    key = night.world.key()
    tag = night.world.get("/quote/AAPL", key).headers["ETag"]
    assert night.world.send("HEAD", "/quote/AAPL", key, headers={"if-none-match": tag}).status == 304
    for path, status in (("/quote/QQQQQ", 404), ("/quote/123", 422), ("/elsewhere", 404)):
        answer = night.world.send("HEAD", path, key)
        assert (answer.status, answer.text) == (status, "")
    assert night.world.send("HEAD", "/quote/AAPL").status == 401


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_other_methods_are_405_with_allow_and_need_neither_key_nor_body(night: Market, route: Route) -> None:
    path = EXAMPLES[route.key].request.partition("?")[0]
    methods = {each.method for each in ROUTES if each.path == route.path}
    expected = ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
        answer = night.world.send(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, expected)
        if path.startswith(POLYGON_PATHS):
            assert (answer.json["status"], set(answer.json)) == ("ERROR", {"status", "request_id", "error"})
        else:
            assert (answer.json["code"], answer.headers["Content-Type"]) == (
                "method_not_allowed",
                "application/problem+json",
            )
    options = night.world.send("OPTIONS", path)
    assert (options.status, options.text, options.headers["Allow"]) == (204, "", expected)
    assert night.calls == 0


@pytest.mark.parametrize("route", GETS, ids=lambda route: route.key)
def test_a_slash_at_the_end_is_the_same_address(night: Market, route: Route) -> None:
    key, path = night.world.key(role=Role.ADMIN), EXAMPLES[route.key].request
    address, mark, query = path.partition("?")
    answer = night.world.get(f"{address}/{mark}{query}", key)
    if route.function != "admin":  # an HTTP API hands such an address to the function that takes what no route does
        assert (answer.status, answer.headers["Location"]) == (308, path)
    else:
        assert answer.status == 200
    sent = event(path, {"x-api-key": key}) | {"rawPath": f"{address}/"}
    assert night.world.handler(route.function)(sent, Context())["statusCode"] == night.world.get(path, key).status


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/docs"),
        ("/quote/AAPL/", "/quote/AAPL"),
        ("/news/?symbol=AAPL&limit=5", "/news?symbol=AAPL&limit=5"),
        ("/v2/reference/news//", "/v2/reference/news"),
        ("//other.example/", "/other.example"),
        ("/%5C%5Cother.example/", "/%5C%5Cother.example"),
        ("/a%3Fb%23c%20d/", "/a%3Fb%23c%20d"),
    ],
)
def test_an_address_that_is_another_leads_there_at_this_host(night: Market, path: str, location: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        answer = night.world.send(method, path)
        assert (answer.status, answer.headers["Location"], answer.text) == (308, location, "")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("beginning", POLYGON_PATHS)
def test_a_route_of_polygons_that_is_not_served_says_so_in_its_shape(night: Market, beginning: str) -> None:
    answer = night.world.get(f"{beginning}reference/none", night.world.key())
    assert answer.status == 404
    assert set(answer.json) == {"status", "request_id", "error"}
    assert (answer.json["status"], answer.json["error"].startswith("Not served")) == ("ERROR", True)
    assert answer.headers["Content-Type"] == "application/json"


def test_an_address_of_nobodys_is_not_found(night: Market) -> None:
    answer = night.world.get("/quotes/AAPL", night.world.key())
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert json.loads(answer.text)["title"] == "Not found"
