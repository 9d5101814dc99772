"""A relay is started by an asynchronous invocation, and nobody who subscribes fails because it could not be."""

import httpx

from dekr.passed_over import PassedOver
from dekr.stream.aws import Invoker, SignedHttp
from dekr.stream.waker import RelayWaker
from tests.fakes.aws_http import ENVIRONMENT, fake_aws
from tests.patience import HANG_S


def test_the_relay_is_invoked_and_a_failure_passed_over() -> None:
    with fake_aws() as aws, httpx.Client(timeout=HANG_S) as client:
        environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url}
        passed_over = PassedOver()
        waker = RelayWaker(Invoker(SignedHttp(client, environment)), "dekr-stream-relay:live", passed_over)
        waker.wake()
        (found,) = aws.invocations
        assert (found.function, found.qualifier, found.kind) == ("dekr-stream-relay", "live", "Event")
        assert not passed_over
        aws.next_statuses = [403]
        waker.wake()
        assert [failure.code for failure in passed_over.take()] == ["invoke_failed"]
