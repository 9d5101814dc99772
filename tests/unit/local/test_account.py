"""Deploying to an account: it asks nothing, refuses early, tests what it deployed, and says what is left to do and what stays."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.account.commands import Account
from local.account.sections import CONFIG, ENVIRONMENTS, MAX_STACK_NAME, AccountError, section
from local.account.session import session_environment
from local.account.smoke import Socket, smoke, smoke_stream
from local.stack.folder import ROOT
from tests.template import template

TEXT = CONFIG.read_text()
URL, STREAM = "https://api.example.com", "wss://stream.example.com/stocks"
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())


def config(tmp_path: Path, old: str, new: str) -> Path:
    """samconfig.toml with one text in the place of another."""
    assert old in TEXT
    path = tmp_path / "samconfig.toml"
    path.write_text(TEXT.replace(old, new))
    return path


def serve(request: httpx.Request) -> httpx.Response:
    """A service with every route, to a caller without a key."""
    if request.url.path == "/openapi.json":
        return httpx.Response(200, json=DOCUMENT)
    if request.method == "POST" and request.headers.get("content-type") != "application/json":
        return httpx.Response(415)
    return httpx.Response(200 if request.url.path in {"/health", "/docs"} else 401, json={"code": "missing_api_key"})


def client(answer: Any = serve) -> httpx.Client:
    return httpx.Client(base_url=URL, transport=httpx.MockTransport(answer))


@dataclass
class Talk:
    """A connection to a stream that says these frames, one for each time it is asked."""

    url: str
    frames: Sequence[str] = ('[{"ev":"status","status":"connected"}]', '[{"ev":"status","status":"success"}]')
    sent: list[str] = field(default_factory=list)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, message: str) -> None:
        self.sent.append(message)

    def recv(self, timeout: float) -> str:
        assert timeout
        if not self.frames:
            raise TimeoutError
        first, *self.frames = self.frames
        return first


@dataclass
class Sam:
    """SAM and CloudFormation: stacks are made and deleted without asking."""

    status: int = 0
    calls: list[Sequence[str]] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def __call__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        assert environment["SAM_CLI_TELEMETRY"] == "0"
        self.calls.append(arguments)
        if self.status == 0 and arguments[0] == "deploy":
            secret = boto3.client("secretsmanager").create_secret(Name="polygon", SecretString="placeholder")["ARN"]
            tables = {"KeysTable": "keys", "StreamTable": "leases"}
            self.outputs[arguments[2]] = {"ApiUrl": URL, "StreamUrl": STREAM, "PolygonSecret": secret, **tables}
        return self.status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """CloudFormation's answer."""
        if StackName not in self.outputs:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs[StackName].items()]
        return {"Stacks": [{"Outputs": outputs}]}


@dataclass
class Session:
    """A boto3 session in the account of this SAM."""

    sam: Sam
    region_name: str = "us-east-1"

    def client(self, service: str) -> Any:
        """A client of a service."""
        make: Any = boto3.client
        return self.sam if service == "cloudformation" else make(service)


@pytest.fixture
def sam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sam]:
    """SAM in an empty account."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Sam()


def account(sam: Sam) -> Account:
    return Account(
        Session(sam), session_environment({}, "", ""), sam, lambda _: client(), lambda url: smoke_stream(url, Talk)
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_sets_parameters_that_there_are(environment: str) -> None:
    found = section(environment)
    assert found.stack == f"dekr-{environment}"
    assert found.parameters["Environment"] == environment
    assert set(found.parameters) <= set(template()["Parameters"])


def test_nothing_is_asked_and_there_is_no_environment_that_is_not_named() -> None:
    sections = tomllib.loads(TEXT)
    assert {name for name, each in sections.items() if isinstance(each, dict) and "deploy" in each} == {
        *ENVIRONMENTS,
        "local",
    }
    assert "confirm_changeset = true" not in TEXT
    assert "guided" not in TEXT


@pytest.mark.parametrize("environment", ["", "production", "local", "default"])
def test_an_environment_that_there_is_not_is_refused(environment: str) -> None:
    with pytest.raises(AccountError, match="ENV must be one of dev, staging, prod"):
        section(environment)


@pytest.mark.parametrize(
    "name", ["Dekr-dev", "dekr--dev", "dekr-", "1dekr", "dekr_dev", "", "d" * (MAX_STACK_NAME + 1)]
)
def test_a_stack_name_that_the_cache_cannot_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccountError, match="stack_name of dev"):
        section("dev", config(tmp_path, '"dekr-dev"', f'"{name}"'))


def test_the_longest_stack_name_leaves_room_for_every_name_that_is_made_of_it() -> None:
    """ElastiCache takes names of caches, users and groups of 40 characters."""
    text = json.dumps([template()["Resources"][name] for name in ("Cache", "CacheUser", "CacheUsers")])
    for sub in ("-vpc-${CacheId}", "-public", "-functions", "-users"):
        assert f"${{AWS::StackName}}{sub}" in text
        assert MAX_STACK_NAME + len(sub.replace("${CacheId}", "x" * 8)) <= 40


def test_other_subnets_give_the_cache_another_name(tmp_path: Path) -> None:
    def cache_id(subnets: str) -> str:
        old = "Environment=dev "
        return section("dev", config(tmp_path, old, f"{old}SubnetIds={subnets} SecurityGroupIds=sg-0 ")).parameters[
            "CacheId"
        ]

    assert cache_id("subnet-0a,subnet-0b") == cache_id("subnet-0b,subnet-0a")
    assert len({cache_id(subnets) for subnets in ("subnet-0a", "subnet-0a,subnet-0b", "subnet-0c")}) == 3


def test_a_deployment_asks_nothing_is_tested_and_says_what_is_next(
    sam: Sam, capsys: pytest.CaptureFixture[str]
) -> None:
    dev = section("dev")
    account(sam).deploy(dev)
    (call,) = sam.calls
    assert list(call[:5]) == ["deploy", "--stack-name", "dekr-dev", "--region", "us-east-1"]
    assert {"--no-confirm-changeset", "--no-fail-on-empty-changeset", "Environment=dev"} <= set(call)
    out = capsys.readouterr().out
    assert "dekr-dev answers at https://api.example.com: healthy" in out
    assert f"Its stream answers at {STREAM}" in out
    assert "make polygon-key ENV=dev" in out

    account(sam).set_polygon_key(dev, "the-key\n")
    secret = boto3.client("secretsmanager").list_secrets()["SecretList"][0]["ARN"]
    assert boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "the-key"
    assert "the-key" not in capsys.readouterr().out


def test_what_fails_is_one_sentence(sam: Sam) -> None:
    sam.status = 1
    with pytest.raises(AccountError, match="`sam deploy` failed"):
        account(sam).deploy(section("dev"))
    for command in (account(sam).test, account(sam).destroy):
        with pytest.raises(AccountError, match="no stack dekr-dev"):
            command(section("dev"))


def test_destroying_names_what_stays(sam: Sam, capsys: pytest.CaptureFixture[str]) -> None:
    account(sam).deploy(section("dev"))
    capsys.readouterr()
    account(sam).destroy(section("dev"))
    assert list(sam.calls[-1]) == ["delete", "--stack-name", "dekr-dev", "--region", "us-east-1", "--no-prompts"]
    said = capsys.readouterr().out
    assert "delete-table --table-name keys" in said
    assert "delete-table --table-name leases" in said


def test_an_empty_key_is_not_put_in_place_of_one(sam: Sam) -> None:
    account(sam).deploy(section("dev"))
    with pytest.raises(AccountError, match="No key"):
        account(sam).set_polygon_key(section("dev"), " \n")


def test_sam_goes_to_the_same_account_and_region() -> None:
    found = session_environment({"AWS_PROFILE": "mine", "HOME": "/"}, "work", "eu-central-1")
    assert (found["AWS_PROFILE"], found["AWS_REGION"], found["AWS_DEFAULT_REGION"]) == (
        "work",
        "eu-central-1",
        "eu-central-1",
    )
    assert session_environment({"AWS_PROFILE": "mine"}, "", "")["AWS_PROFILE"] == "mine"


def test_the_smoke_test_tries_every_route() -> None:
    tried: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert not {"x-api-key", "authorization"} & set(request.headers)
        tried.append((request.method, request.url.path))
        return serve(request)

    routes = sum(len(operations) for operations in DOCUMENT["paths"].values())
    assert smoke(client(answer)) == routes
    assert len(set(tried)) == routes
    assert ("GET", "/v2/aggs/ticker/1/range/1/1/1/1") in tried


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/quote/1", 404, r"GET /quote/\{symbol\} answers 404 instead of 401"),
        ("/quotes/batch", 500, "POST /quotes/batch answers 500 instead of 401"),
        ("/health", 503, "GET /health answers 503 instead of 200"),
        ("/openapi.json", 403, "GET /openapi.json answers 403"),
    ],
)
def test_the_smoke_test_names_what_is_wrong(path: str, status: int, says: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status) if request.url.path == path else serve(request)

    with pytest.raises(AccountError, match=says):
        smoke(client(answer))


def test_a_route_that_hangs_is_named() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/news":
            raise httpx.ReadTimeout("never")
        return serve(request)

    with pytest.raises(AccountError, match="GET /news answers ReadTimeout"):
        smoke(client(answer))


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([], "TimeoutError"),
        (['{"message":"Internal server error","connectionId":"a","requestId":"b"}'], "KeyError"),
        (["[]"], "IndexError"),
        (['[{"ev":"status","status":"error"}]'], "says 'error' instead of 'connected'"),
        (['[{"ev":"status","status":"connected"}]', "pong"], "JSONDecodeError"),
    ],
)
def test_a_stream_that_does_not_answer_as_it_should_is_named(frames: Sequence[str], says: str) -> None:
    with pytest.raises(AccountError, match=says):
        smoke_stream(STREAM, lambda url: Talk(url, frames))
