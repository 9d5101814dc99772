"""Secrets Manager is asked once, and for a second at most."""

import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from dekr import secret
from dekr.errors import Unavailable, UpstreamDown
from dekr.polygon.connect import secret as polygon_key


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials of nobody, and a client of the test's own."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    secret._provider.cache_clear()
    yield
    secret._provider.cache_clear()


@mock_aws
def test_every_read_sees_the_present_text() -> None:
    client = boto3.client("secretsmanager")
    arn = client.create_secret(Name="key", SecretString="first")["ARN"]
    assert secret.read_secret(arn) == "first"
    client.put_secret_value(SecretId=arn, SecretString="second\n")
    assert secret.read_secret(arn) == "second\n"
    assert polygon_key(arn)() == "second"


@mock_aws
def test_one_that_is_not_there_says_so_without_its_name() -> None:
    with pytest.raises(Unavailable) as caught:
        secret.read_secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:none")
    assert caught.value.fault == "Secrets Manager: ResourceNotFoundException"
    with pytest.raises(UpstreamDown) as refused:
        polygon_key("none")()
    assert (refused.value.code, refused.value.fault) == ("upstream_key_missing", caught.value.fault)


def test_one_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts and never answers: without a limit of its own the client would wait for minutes."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(Unavailable) as caught:
            secret.read_secret("none")
    assert caught.value.fault == "Secrets Manager: ReadTimeoutError"
    sent: Any = secret._provider().client.meta.config
    assert sent.connect_timeout + sent.read_timeout == 1.0
    assert sent.retries["total_max_attempts"] == 1
