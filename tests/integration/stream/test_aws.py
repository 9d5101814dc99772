"""Posts to connections and invocations of functions, against an HTTP server that checks signatures with botocore."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import httpx
import pytest

from dekr.errors import Unavailable
from dekr.passed_over import PassedOver
from dekr.stream.aws import Connections, Invoker, SignedHttp, http_client
from dekr.stream.ports import Delivered
from tests.fakes.aws_http import ENVIRONMENT, FakeAws, fake_aws
from tests.fakes.connections import FakeConnections

ID = "L0SM9cOFvHcCIhw="


class AnyConnections(Protocol):
    def post(self, connection: str, text: str) -> Delivered: ...

    def close(self, connection: str) -> None: ...


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with fake_aws() as server:
        yield server


@pytest.fixture
def http() -> Iterator[SignedHttp]:
    with http_client() as client:
        yield SignedHttp(client, ENVIRONMENT)


@pytest.fixture
def passed_over() -> PassedOver:
    return PassedOver()


@pytest.fixture
def real(aws: FakeAws, http: SignedHttp, passed_over: PassedOver) -> Connections:
    return Connections(http, f"{aws.url}/stocks", passed_over)


@pytest.fixture(params=["fake", "real"])
def pair(request: pytest.FixtureRequest, aws: FakeAws, real: Connections) -> tuple[AnyConnections, FakeConnections]:
    """What posts, and the connections behind it: the fake behind HTTP, or the fake itself."""
    fake = aws.connections
    return (fake if request.param == "fake" else real), fake


def test_a_frame_reaches_its_connection_as_it_is(pair: tuple[AnyConnections, FakeConnections]) -> None:
    connections, behind = pair
    behind.open(ID)

    assert connections.post(ID, '[{"ev":"status","message":"\u20ac"}]') is Delivered.SENT
    assert behind.frames[ID] == ['[{"ev":"status","message":"\u20ac"}]']


def test_a_post_to_a_connection_that_there_is_not_says_so(pair: tuple[AnyConnections, FakeConnections]) -> None:
    connections, _ = pair

    assert connections.post(ID, "[]") is Delivered.GONE


def test_a_closed_connection_is_gone_and_may_be_closed_again(pair: tuple[AnyConnections, FakeConnections]) -> None:
    connections, behind = pair
    behind.open(ID)

    connections.close(ID)
    connections.close(ID)

    assert behind.closed == [ID]
    assert connections.post(ID, "[]") is Delivered.GONE


def test_a_connection_whose_buffer_is_full_is_slow(pair: tuple[AnyConnections, FakeConnections]) -> None:
    connections, behind = pair
    behind.open(ID)
    behind.next_outcomes[ID].append(Delivered.SLOW)

    assert connections.post(ID, "[]") is Delivered.SLOW
    assert connections.post(ID, "[1]") is Delivered.SENT
    assert behind.frames[ID] == ["[1]"]


def test_a_failure_of_the_gateway_is_tried_once_more(aws: FakeAws, real: Connections, passed_over: PassedOver) -> None:
    aws.connections.open(ID)
    aws.next_statuses = [500]
    assert real.post(ID, "[]") is Delivered.SENT

    aws.next_statuses = [500, 503]
    assert real.post(ID, "[]") is Delivered.UNKNOWN
    assert [str(failure) for failure in passed_over.take()] == ["post_failed: POST: status 503"]


def test_a_400_means_gone_and_a_403_is_noted(aws: FakeAws, real: Connections, passed_over: PassedOver) -> None:
    aws.next_statuses = [400]
    assert real.post(ID, "[]") is Delivered.GONE

    aws.next_statuses = [403]
    assert real.post(ID, "[]") is Delivered.UNKNOWN
    assert [str(failure) for failure in passed_over.take()] == ["post_failed: POST: status 403"]


def test_a_gateway_that_cannot_be_reached_is_noted(http: SignedHttp, passed_over: PassedOver) -> None:
    # Nothing listens on port 9 (discard) of this machine.
    connections = Connections(http, "http://127.0.0.1:9/stocks", passed_over)

    assert connections.post(ID, "[]") is Delivered.UNKNOWN
    connections.close(ID)
    assert [str(failure) for failure in passed_over.take()] == [
        "post_failed: POST: ConnectError",
        "post_failed: DELETE: ConnectError",
    ]


@pytest.mark.parametrize(
    ("function", "name", "qualifier"),
    [
        ("dekr-stream-relay", "dekr-stream-relay", ""),
        ("dekr-stream-relay:live", "dekr-stream-relay", "live"),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:dekr-stream-relay:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:dekr-stream-relay",
            "live",
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:dekr-stream-relay",
            "arn:aws:lambda:eu-west-1:123456789012:function:dekr-stream-relay",
            "",
        ),
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"])
def test_a_function_is_invoked_and_not_waited_for(
    aws: FakeAws, http: SignedHttp, function: str, name: str, qualifier: str, variable: str
) -> None:
    invoker = Invoker(replace(http, environment={**ENVIRONMENT, variable: aws.url}))

    invoker.invoke(function, {"wake": "c1"})

    invocation = aws.invocations[0]
    assert (invocation.function, invocation.qualifier) == (name, qualifier)
    assert (invocation.kind, invocation.event) == ("Event", {"wake": "c1"})


def test_the_variable_of_lambda_alone_goes_before_that_of_all_services(aws: FakeAws, http: SignedHttp) -> None:
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_LAMBDA": f"{aws.url}/"}

    Invoker(replace(http, environment=environment)).invoke("relay", {})

    assert aws.requests == ["POST /2015-03-31/functions/relay/invocations"]


def test_an_invocation_that_is_not_accepted_is_an_error(aws: FakeAws, http: SignedHttp) -> None:
    invoker = Invoker(replace(http, environment={**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url}))
    aws.next_statuses = [404]

    with pytest.raises(Unavailable) as caught:
        invoker.invoke("relay", {})

    assert (caught.value.code, caught.value.fault) == ("invoke_failed", "status 404")


def test_without_an_endpoint_of_its_own_lambda_is_in_the_region() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(202)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        Invoker(SignedHttp(client, ENVIRONMENT)).invoke("relay:live", {})

    assert seen == ["https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/relay/invocations?Qualifier=live"]
