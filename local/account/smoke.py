"""The smoke test of a deployed stack: it is healthy, and every route that it documents leads to a function of it.

No route is called with a key, so it costs no upstream call and changes nothing.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx

from local.account.sections import AccountError


def smoke(http: httpx.Client) -> int:
    """Test the service behind a client with its address. Return the number of routes.
    The client decides how long an answer may take.

    Raises AccountError, which names every route that does not answer as it should.
    """
    document = _documented(http)
    wrong = list(_wrong_routes(http, document))
    if wrong:
        raise AccountError("The service is deployed, but does not answer as it should: " + "; ".join(wrong) + ".")
    return sum(len(operations) for operations in document["paths"].values())


def _documented(http: httpx.Client) -> Any:
    status, answer = _answer(http, "GET", "/openapi.json")
    if status != HTTPStatus.OK or answer is None:
        raise AccountError(f"The service is deployed, but GET /openapi.json answers {status}.")
    return answer.json()


def _wrong_routes(http: httpx.Client, document: Any) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needs_key = operation.get("security", document.get("security")) != []
            expected = HTTPStatus.UNAUTHORIZED if needs_key else HTTPStatus.OK
            body = "[]" if "requestBody" in operation else None
            status, _ = _answer(http, method.upper(), re.sub(r"\{\w+\}", "1", path), body)
            if status != expected:
                yield f"{method.upper()} {path} answers {status} instead of {expected.value}"


def _answer(
    http: httpx.Client, method: str, path: str, body: str | None = None
) -> tuple[int | str, httpx.Response | None]:
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        answer = http.request(method, path, content=body, headers=headers)
    except httpx.TransportError as error:
        return type(error).__name__, None
    return answer.status_code, answer
