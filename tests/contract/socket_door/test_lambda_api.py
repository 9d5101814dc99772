"""Events reach a function behind the Lambda API by its alias, and its failures are failures."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from local.stack.sockets.integrations import FunctionFailedError, LambdaApi

EVENT = {"requestContext": {"routeKey": "$connect"}}


def answer(response: httpx.Response | httpx.HTTPError, seen: list[httpx.Request]) -> Any:
    """What the function answers where the Lambda API responds so."""

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(response, httpx.HTTPError):
            raise response
        return response

    async def invoke() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
            return await LambdaApi(client, "http://127.0.0.1:4566", "greeter:live")(EVENT)

    return asyncio.run(invoke())


def test_the_alias_is_invoked_with_the_event() -> None:
    seen: list[httpx.Request] = []

    assert answer(httpx.Response(200, json={"statusCode": 200}), seen) == {"statusCode": 200}

    assert str(seen[0].url) == "http://127.0.0.1:4566/2015-03-31/functions/greeter/invocations?Qualifier=live"
    assert json.loads(seen[0].content) == EVENT


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, json={"errorMessage": "broken"}, headers={"x-amz-function-error": "Unhandled"}),
        httpx.Response(404, json={"message": "Function not found"}),
        httpx.Response(429),
        httpx.ConnectError("refused"),
    ],
)
def test_a_failure_is_one(response: httpx.Response | httpx.HTTPError) -> None:
    with pytest.raises(FunctionFailedError):
        answer(response, [])
