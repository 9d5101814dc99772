"""The page that people read, as a browser gets it."""

import gzip
import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from local.openapi.page import curl, operations
from local.openapi.routes import ROOT
from tests.markets import Market
from tests.world import Answer

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())


class Reader(HTMLParser):
    """A parser that keeps tags, links, ids and text. ``open``: the tags that are not closed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.styled: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)
        for name, value in attrs:
            match name:
                case "id":
                    self.ids.append(value or "")
                case "href" if tag == "a":
                    self.links.append(value or "")
                case "href" | "src" | "srcset" | "action":
                    self.loads.append(value or "")
                case "style":
                    self.styled.append(value or "")
                case _ if name.startswith("on"):
                    self.tags.add("script")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def answer(market: Market) -> Answer:
    return market.world.get("/docs")


@pytest.fixture(scope="module")
def read(answer: Answer) -> Reader:
    reader = Reader()
    reader.feed(answer.text)
    reader.close()
    return reader


def test_anybody_may_read_the_page_and_the_document(market: Market, answer: Answer) -> None:
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    document = market.world.get("/openapi.json")
    assert (document.status, document.headers["Content-Type"]) == (200, "application/json")
    assert document.json == DOCUMENT


def test_the_page_loads_nothing_runs_nothing_and_its_tags_are_closed(read: Reader) -> None:
    assert not read.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert read.loads == []
    assert read.styled == [], "the policy lets no style but the page's own one apply"
    assert read.open == []


def test_the_policy_allows_just_the_pages_own_style(answer: Answer) -> None:
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert "@import" not in style
    assert "url(" not in style


def test_every_route_is_on_the_page_with_its_parameters_statuses_and_a_curl(read: Reader) -> None:
    text = "".join(read.text)
    for method, path, operation in operations(DOCUMENT):
        assert f"{method} {path}" in text
        assert operation["operationId"] in read.ids
        assert curl(method, path, operation) in text
        for parameter in operation.get("parameters", []):
            assert parameter["name"] in text


def test_links_lead_to_parts_of_the_page_and_every_part_has_one_name(read: Reader) -> None:
    assert len(read.ids) == len(set(read.ids))
    inner = {link.removeprefix("#") for link in read.links if link.startswith("#")}
    assert inner <= set(read.ids)
    assert {link for link in read.links if not link.startswith("#")} == {"openapi.json"}


def test_the_page_is_small_on_the_wire(answer: Answer) -> None:
    assert len(gzip.compress(answer.text.encode())) < 64_000
