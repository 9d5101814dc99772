"""The command that makes, revokes and lists keys, on a simulated DynamoDB."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from dekr.access.directory import DynamoKeyDirectory
from dekr.access.keys import parse_key
from dekr.access.limits import Limiter
from dekr.access.principal import Principal, Role
from dekr.access.principals import Principals
from dekr.errors import Unauthenticated
from dekr.store.link import Link
from dekr.tiers import Tier
from local.keys import NoStackError, Target, deployed_target, local_target, main
from tests.integration.access.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def run(keys: DynamoKeyDirectory, *arguments: str) -> int:
    return main(arguments, lambda *_: Target(keys, "local"), NOW)


def test_a_key_stands_alone_on_standard_output_and_works(
    dynamo_keys: DynamoKeyDirectory, link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dynamo_keys, "create", "--tier", "5", "--user", "demo") == 0
    out, about = capsys.readouterr()
    key_id = parse_key(out.removesuffix("\n")).id
    assert about == f"id {key_id}: user demo, tier 5 (DARK_POOL_INSIDER)\n"
    now_us = 1_795_186_800_000_000
    principals = Principals(link, lambda: dynamo_keys, Limiter(link, lambda: now_us), lambda: now_us)
    principal = principals.resolve(out.strip(), "198.51.100.7")
    assert principal == Principal("demo", Tier.DARK_POOL_INSIDER, Role.USER, key_id)


def test_a_key_that_was_revoked_is_refused_after_a_minute(
    dynamo_keys: DynamoKeyDirectory, link: Link, capsys: pytest.CaptureFixture[str]
) -> None:
    run(dynamo_keys, "create", "--tier", "1", "--user", "demo", "--role", "service")
    text = capsys.readouterr().out.strip()
    now = {"us": 1_795_186_800_000_000}
    principals = Principals(link, lambda: dynamo_keys, Limiter(link, lambda: now["us"]), lambda: now["us"])
    assert principals.resolve(text, "198.51.100.7").role is Role.SERVICE
    assert run(dynamo_keys, "revoke", "--id", parse_key(text).id) == 0
    now["us"] += 60_000_000
    with pytest.raises(Unauthenticated) as refused:
        principals.resolve(text, "198.51.100.7")
    assert refused.value.code == "revoked_api_key"


def test_the_list_shows_a_users_keys_without_their_secrets(
    dynamo_keys: DynamoKeyDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    run(dynamo_keys, "create", "--tier", "1", "--user", "demo")
    run(dynamo_keys, "create", "--tier", "7", "--user", "other", "--role", "admin")
    text = capsys.readouterr().out.split()[0]
    assert run(dynamo_keys, "list", "--user", "demo") == 0
    out = capsys.readouterr().out
    assert out == f"{parse_key(text).id}  tier 1  user     active   2026-11-20T15:00:00+00:00\n"


def test_somebody_without_keys_is_said_to_have_none(
    dynamo_keys: DynamoKeyDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dynamo_keys, "list", "--user", "nobody") == 0
    assert capsys.readouterr() == ("", "nobody has no keys\n")


def test_the_region_and_the_profile_lead_to_the_stack(dynamo_keys: DynamoKeyDirectory) -> None:
    asked: list[tuple[str, ...]] = []

    def target(*where: str) -> Target:
        asked.append(where)
        return Target(dynamo_keys, "prod")

    arguments = ["list", "--user", "demo", "--stack", "dekr-prod"]
    main(arguments, target, NOW)
    main([*arguments, "--region", "eu-central-1", "--profile", "work"], target, NOW)
    assert asked == [("dekr-prod", "", ""), ("dekr-prod", "eu-central-1", "work")]


def test_a_key_that_does_not_exist_cannot_be_revoked(
    dynamo_keys: DynamoKeyDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dynamo_keys, "revoke", "--id", "fake-id") == 1
    assert capsys.readouterr().err == "error: there is no key with the id fake-id\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["create", "--tier", "8", "--user", "demo"], "must be a tier from 1 to 7, not '8'"),
        (["create", "--tier", "", "--user", "demo"], "must be a tier from 1 to 7, not ''"),
        (["create", "--tier", "1", "--user", ""], "must be 1 to 128 printable characters"),
        (["create", "--tier", "1", "--user", "demo", "--role", "boss"], "invalid choice: 'boss'"),
        (["create", "--tier", "1"], "required: --user"),
    ],
)
def test_what_is_wrong_is_said_and_no_key_is_made(
    dynamodb: "DynamoDBClient", capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(DynamoKeyDirectory(dynamodb, TABLE), *arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert dynamodb.scan(TableName=TABLE)["Count"] == 0


def test_the_local_cloud_is_found_by_what_it_wrote_down(tmp_path: Path) -> None:
    environment = {"DEKR_LOCAL_DIR": str(tmp_path)}
    with pytest.raises(NoStackError, match="make up"):
        local_target(environment)
    stack = {"aws": "http://127.0.0.1:4566", "outputs": {"KeysTable": "keys-of-the-stack"}}
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    target = local_target(environment)
    assert (target.env, target.directory.table) == ("local", "keys-of-the-stack")
    assert target.directory.client.meta.endpoint_url == "http://127.0.0.1:4566"


def test_a_deployed_stack_is_found_by_its_name(dynamodb: "DynamoDBClient") -> None:
    cloudformation = boto3.client("cloudformation")
    described = {"StackName": "dekr-prod", "CreationTime": NOW, "StackStatus": "CREATE_COMPLETE"}
    outputs = [{"OutputKey": "KeysTable", "OutputValue": TABLE}]
    parameters = [{"ParameterKey": "Environment", "ParameterValue": "prod"}]
    with Stubber(cloudformation) as stub:
        stack = {**described, "Outputs": outputs, "Parameters": parameters}
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "dekr-prod"})
        target = deployed_target("dekr-prod", cloudformation, dynamodb)
        stub.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": "another"})
        with pytest.raises(NoStackError, match="another"):
            deployed_target("another", cloudformation, dynamodb)
    assert (target.env, target.directory.table) == ("prod", TABLE)


def test_a_stack_that_does_not_exist_is_an_error_and_no_traceback(
    dynamo_keys: DynamoKeyDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    def target(name: str, *_: str) -> Target:
        cloudformation = boto3.client("cloudformation")
        with Stubber(cloudformation) as stub:
            stub.add_client_error("describe_stacks", "ValidationError", f"Stack with id {name} does not exist")
            return deployed_target(name, cloudformation, dynamo_keys.client)

    assert main(["list", "--user", "demo", "--stack", "nowhere"], target, NOW) == 1
    assert "Stack with id nowhere does not exist" in capsys.readouterr().err
