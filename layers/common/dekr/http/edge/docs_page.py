"""The routes of the documentation, whose files ``python -m local.openapi`` makes."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from aws_lambda_powertools.event_handler import Response

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import open_of

_CACHED: Final = {"Cache-Control": "public, max-age=300"}


@cache
def document(path: Path) -> tuple[str, dict[str, str]]:
    """The OpenAPI document in this file, and its headers."""
    return path.read_text(), _CACHED


@cache
def page(path: Path) -> tuple[str, dict[str, str]]:
    """The page in this file, and its headers. Its policy lets a browser load and run nothing; only its own style applies."""
    text = path.read_text()
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digests = " ".join(f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in styles)
    policy = f"default-src 'none'; style-src {digests}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return text, {
        **_CACHED,
        "Content-Security-Policy": policy,
        "Content-Type": "text/html; charset=utf-8",
        "Referrer-Policy": "no-referrer",
    }


def documentation_routes(edge: Edge, folder: Path) -> None:
    """Register ``GET /docs`` and ``GET /openapi.json``, which serve the files in a function's folder."""

    @edge.get("/docs", responses=open_of("text/html"))
    def docs() -> Response[str]:
        """A page that shows every route."""
        text, headers = page(folder / "docs.html")
        return edge.answer(text, headers=headers)

    @edge.get("/openapi.json", responses=open_of("application/json"))
    def openapi() -> Response[str]:
        """The OpenAPI document of every route."""
        text, headers = document(folder / "openapi.json")
        return edge.answer(text, headers=headers)
