"""Run `sam deploy` of the built template on the emulated AWS, and add what the emulator leaves out.

SAM writes an HttpApi's routes and CORS rules into the API's OpenAPI body, which MiniStack ignores. They are read from
the deployed template and created through the API.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.stack.build import architecture
from local.stack.cloud import Cloud
from local.stack.folder import ROOT, TOOLS
from local.stack.launcher import Launcher
from local.stack.upstream import Upstream

STACK: Final = "dekr-local"
BUCKET: Final = "dekr-local-artifacts"
REDIS_URL_NAME: Final = "dekr-local-redis"
API: Final = "Api"
STREAM_API: Final = "StreamApi"
ALIAS: Final = "live"
ANY: Final = "x-amazon-apigateway-any-method"
"""The name of any method in the body that SAM writes."""

DEFAULT: Final = "$default"
"""The route of whatever no other route takes, as API Gateway names it. The body that SAM writes has it as a path; SAM puts a slash
before it only for an API with FailOnWarnings (``_update_default_path`` of its http_api_generator.py).
"""

ORIGINS: Final = ("http://localhost:3000", "http://127.0.0.1:3000")
"""The usual origins of a web application under development."""

_ALIAS: Final = re.compile(r"functions/\$\{(\w+)\}/invocations")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack: its outputs, and the id of its HTTP API."""

    outputs: Mapping[str, str]
    api: str
    stream_api: str


def deploy(
    launcher: Launcher,
    cloud: Cloud,
    template: Path,
    redis_url: str,
    upstream: Upstream,
    http: str,
    ws: str,
    environment: Mapping[str, str],
) -> Deployed:
    """Deploy the template, which callers will reach at the address ``http`` and clients of the stream at ``ws``, and create its
    routes. Raises StackError if the deployment fails.
    """
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    parameters = {
        "Environment": "local",
        "Architecture": architecture(),
        **_redis(cloud, redis_url),
        "PublicUrl": http,
        "StreamUrl": ws,
        "StreamEndpoint": ws.replace("ws://", "http://"),
        "PolygonBaseUrl": upstream.base_url,
        "PolygonStreamUrl": upstream.stream_url,
        "PolygonPerMinute": upstream.per_minute,
        "AllowedOrigins": ",".join(ORIGINS),
    }
    sam: list[str | Path] = [
        TOOLS / "sam/bin/sam",
        "deploy",
        "--config-env",
        "local",
        "--config-file",
        ROOT / "samconfig.toml",
    ]
    target: list[str | Path] = ["--template", template, "--stack-name", STACK, "--s3-bucket", BUCKET]
    overrides = ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
    launcher.finish("deploy", [*sam, *target, *overrides], {**environment, **cloud.environment()})

    formation = cloud.client("cloudformation")
    (stack,) = formation.describe_stacks(StackName=STACK)["Stacks"]
    resources = formation.describe_stack_resources(StackName=STACK)["StackResources"]
    ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    processed = formation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    body = processed["Resources"][API]["Properties"]["Body"]
    gateway = cloud.client("apigatewayv2")
    _create_routes(gateway, body["paths"], ids)
    _allow_origins(gateway, body["x-amazon-apigateway-cors"]["Fn::If"][1], ids[API])
    return Deployed(
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}, ids[API], ids[STREAM_API]
    )


def _redis(cloud: Cloud, url: str) -> dict[str, str]:
    """Return the parameter with the URL of the store; one with a password is put into a secret."""
    if "@" not in url:
        return {"RedisUrl": url}
    secret = cloud.client("secretsmanager").create_secret(Name=REDIS_URL_NAME, SecretString=url)
    return {"RedisUrlSecretArn": secret["ARN"]}


def _create_routes(gateway: Any, paths: Mapping[str, Any], ids: Mapping[str, str]) -> None:
    for path, operations in paths.items():
        for method, operation in operations.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            alias = _ALIAS.search(uri)
            assert alias is not None, f"{path} leads to no function"
            integration = gateway.create_integration(
                ApiId=ids[API],
                IntegrationType="AWS_PROXY",
                IntegrationUri=ids[alias[1]],
                PayloadFormatVersion="2.0",
            )
            any_or_one = "ANY" if method == ANY else method.upper()
            gateway.create_route(
                ApiId=ids[API],
                RouteKey=DEFAULT if path == DEFAULT else f"{any_or_one} {path}",
                Target=f"integrations/{integration['IntegrationId']}",
            )


def _allow_origins(gateway: Any, rules: Mapping[str, Any], api: str) -> None:
    configuration = {f"{name[0].upper()}{name[1:]}": value for name, value in rules.items()}
    gateway.update_api(ApiId=api, CorsConfiguration={**configuration, "AllowOrigins": list(ORIGINS)})
