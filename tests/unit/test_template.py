"""The template can be deployed by somebody who answers no question, keeps secrets out of the environment, and refuses early what
could not work.
"""

import json
import re
from typing import Any

import pytest

from local.stack.folder import ROOT
from tests.template import functions, holds, parameters, refusals, template

SUBNETS = {"SubnetIds": "subnet-0a,subnet-0b", "SecurityGroupIds": "sg-0c"}
URL = {"RedisUrl": "redis://10.0.0.1:6379"}
SECRET = {"RedisUrlSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:redis"}


def resource(name: str) -> Any:
    return template()["Resources"][name]


def of_type(kind: str) -> dict[str, Any]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


def takes(parameter: str, value: str) -> bool:
    return re.fullmatch(template()["Parameters"][parameter]["AllowedPattern"], value) is not None


def test_no_parameter_is_asked_for_without_end() -> None:
    """`sam deploy --guided` never takes an empty answer for one that is NoEcho; and each has a default."""
    assert [name for name, each in template()["Parameters"].items() if each.get("NoEcho")] == []
    assert [name for name, each in template()["Parameters"].items() if "Default" not in each] == []


@pytest.mark.parametrize("name", template()["Parameters"])
def test_each_default_is_allowed(name: str) -> None:
    parameter = template()["Parameters"][name]
    if "AllowedPattern" in parameter:
        assert takes(name, parameter["Default"])


def test_the_defaults_and_each_whole_setup_are_taken() -> None:
    assert refusals() == refusals(**SUBNETS) == refusals(**URL) == refusals(**SECRET) == []


@pytest.mark.parametrize("name", ["SubnetIds", "SecurityGroupIds"])
def test_a_network_is_given_as_a_whole(name: str) -> None:
    assert refusals(**{name: SUBNETS[name]}) == ["SubnetIds and SecurityGroupIds are given together or not at all."]


def test_there_is_one_redis() -> None:
    assert refusals(**URL, **SECRET) == ["RedisUrl and RedisUrlSecretArn are not given together."]


@pytest.mark.parametrize(("given", "own"), [({}, True), (URL, False), (SECRET, False)])
def test_a_cache_is_made_where_no_redis_is_given(given: dict[str, str], own: bool) -> None:
    assert holds({"Condition": "OwnCache"}, parameters(**given)) is own


def test_no_password_can_stand_in_the_environment() -> None:
    assert takes("RedisUrl", URL["RedisUrl"])
    assert not takes("RedisUrl", "redis://:secret@10.0.0.1:6379")
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["REDIS_SECRET_ARN"] == {"Ref": "RedisUrlSecretArn"}
    # The secret that cursors are signed with opens no data (docs/adr/0014).
    del variables["CURSOR_SECRET"]
    assert "resolve:" not in json.dumps(variables)


def test_every_role_that_connects_may_read_the_url() -> None:
    for name, role in of_type("AWS::IAM::Role").items():
        assert "RedisUrlSecretArn" in json.dumps(role["Properties"]["Policies"]), name


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("SubnetIds", "subnet-0a, subnet-0b"), ("SubnetIds", "vpc-0a"), ("SecurityGroupIds", "default")],
)
def test_lists_that_cannot_be_split_are_refused(name: str, wrong: str) -> None:
    assert takes(name, SUBNETS[name])
    assert not takes(name, wrong)


def test_another_network_makes_a_cache_of_another_name() -> None:
    in_vpc, public = resource("Cache")["Properties"]["ServerlessCacheName"]["Fn::If"][1:]
    assert "${CacheId}" in in_vpc["Fn::Sub"]
    assert "${CacheId}" not in public["Fn::Sub"]
    assert in_vpc != public


def test_both_ports_of_a_serverless_cache_are_named() -> None:
    """Writes go to 6379, and reads from replicas to 6380."""
    assert "6379 and 6380" in template()["Parameters"]["SecurityGroupIds"]["Description"]


def test_a_warning_about_path_parameters_fails_no_deployment() -> None:
    """SAM writes them without a schema, which API Gateway warns of when it imports the document."""
    assert "FailOnWarnings" not in resource("Api")["Properties"]


def test_no_metric_is_made_for_each_route() -> None:
    assert "DetailedMetricsEnabled" not in resource("Api")["Properties"]["DefaultRouteSettings"]


def test_a_first_deployment_that_fails_leaves_no_table() -> None:
    for table in of_type("AWS::DynamoDB::Table").values():
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_an_event_of_preferences_that_is_lost_is_kept_in_a_queue() -> None:
    destination = functions()["PreferencesFunction"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert destination == {"Type": "SQS", "Destination": {"Fn::GetAtt": ["LostPreferences", "Arn"]}}
    statements = [
        statement
        for policy in resource("AdminRole")["Properties"]["Policies"]
        if "PolicyDocument" in policy
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    assert {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": destination["Destination"]} in statements


STREAM_ROUTES = ["$connect", "$disconnect", "$default", "auth", "subscribe", "unsubscribe", "resume", "ping"]


@pytest.mark.parametrize("name", functions())
def test_every_function_has_an_event_that_it_can_be_tried_with(name: str) -> None:
    folder = functions()[name]["CodeUri"].rpartition("/")[2]
    assert list((ROOT / "events").glob(f"{folder}[.-]*json"))


def test_every_route_of_the_stream_leads_to_the_alias_of_the_conversation() -> None:
    routes = resource("StreamApi")["Properties"]["Routes"]
    assert list(routes) == STREAM_ROUTES
    assert all(route == {"FunctionArn": {"Ref": "StreamConnectFunction.Alias"}} for route in routes.values())


@pytest.mark.parametrize("name", ["StreamConnectFunction", "StreamRelayFunction"])
def test_what_a_function_of_the_stream_was_told_is_tried_once_and_not_after_a_minute(name: str) -> None:
    properties = functions()[name]
    assert properties["EventInvokeConfig"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    # SAM puts this on the alias, which all that invoke the function name.
    assert template()["Globals"]["Function"]["AutoPublishAlias"] == "live"


def test_a_conversation_ends_before_api_gateway_gives_up() -> None:
    """Its own error would be an object, which the vendor's Python client cannot read."""
    assert functions()["StreamConnectFunction"]["Timeout"] < 29


def test_a_relay_is_looked_for_every_minute_and_may_run_as_long_as_there_is() -> None:
    relay = functions()["StreamRelayFunction"]
    (event,) = relay["Events"].values()
    assert (event["Type"], event["Properties"]["ScheduleExpression"]) == ("ScheduleV2", "rate(1 minute)")
    assert relay["Timeout"] == 900


def test_no_concurrency_is_reserved_unless_somebody_says_so() -> None:
    reserved = functions()["StreamRelayFunction"]["ReservedConcurrentExecutions"]
    assert reserved["Fn::If"][0] == "WithRelayConcurrency"
    assert not holds({"Condition": "WithRelayConcurrency"}, parameters())
    assert holds({"Condition": "WithRelayConcurrency"}, parameters(RelayConcurrency="2"))
    assert not takes("RelayConcurrency", "1"), "two run while one hands over to the next"


def test_functions_of_the_stream_are_named_as_their_names_are_told() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    for variable, name in (("STREAM_CONNECT", "StreamConnectFunction"), ("STREAM_RELAY", "StreamRelayFunction")):
        assert variables[variable] == {"Fn::Sub": functions()[name]["FunctionName"]["Fn::Sub"] + ":live"}


@pytest.mark.parametrize("name", ["StreamRole", "RelayRole"])
def test_no_role_names_an_alias(name: str) -> None:
    """The alias needs the function and the function its role: that would be a circle."""
    assert ".Alias" not in json.dumps(resource(name))


def test_who_may_invoke_the_functions_of_the_stream() -> None:
    allowed = {
        policy["Properties"]["Roles"][0]["Ref"]: json.dumps(policy["Properties"]["PolicyDocument"])
        for policy in of_type("AWS::IAM::Policy").values()
    }
    # The relay starts no other: its schedule does.
    assert set(allowed) == {"StreamRole"}
    assert "StreamConnectFunction.Alias" in allowed["StreamRole"]
    assert "StreamRelayFunction.Alias" in allowed["StreamRole"]


@pytest.mark.parametrize("name", ["StreamRole", "RelayRole"])
def test_who_tells_connections_may_post_to_the_stage_and_close(name: str) -> None:
    (manage,) = (
        statement
        for policy in resource(name)["Properties"]["Policies"]
        if "PolicyDocument" in policy
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "execute-api:ManageConnections"
    )
    ends = [each["Fn::Sub"].partition("${StreamApi}")[2] for each in manage["Resource"]]
    assert ends == ["/stocks/POST/@connections/*", "/stocks/DELETE/@connections/*"]


@pytest.mark.parametrize(("given", "own"), [({}, True), ({"StreamUrl": "ws://127.0.0.1:8001/stocks"}, False)])
def test_clients_connect_to_the_api_unless_another_url_is_given(given: dict[str, str], own: bool) -> None:
    assert holds({"Condition": "OwnStreamUrl"}, parameters(**given)) is own
    told = template()["Globals"]["Function"]["Environment"]["Variables"]["STREAM_URL"]
    assert told == template()["Outputs"]["StreamUrl"]["Value"]
    condition, url, _ = told["Fn::If"]
    assert condition == "OwnStreamUrl"
    assert url["Fn::Sub"].endswith(f"/{resource('StreamApi')['Properties']['StageName']}")
