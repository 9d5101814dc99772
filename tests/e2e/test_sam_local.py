"""`sam local invoke`: the functions and the layer as built, in a container like Lambda's, against the local cloud."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.stack.build import architecture
from local.stack.folder import ROOT, TOOLS
from tests.e2e.bridge import reachable_from_containers
from tests.e2e.stacks import LocalCloud

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    """The stand-in for the Lambda base image; made where Docker is, skipped elsewhere unless this is CI."""
    in_ci = os.environ.get("CI") == "true"
    if not in_ci and not _docker_answers():
        pytest.skip("no Docker daemon answers: `sam local invoke` was not tried (`make lambda-image` starts one)")
    made = subprocess.run(  # noqa: S603 - ours
        ["/bin/bash", ROOT / "local/lambda-base-image.sh"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr


def test_quote_in_a_container(cloud: LocalCloud, tmp_path: Path) -> None:
    answer = _invoke("QuoteFunction", "quote", cloud, tmp_path)

    assert answer["statusCode"] == 200, answer["body"]
    assert json.loads(answer["body"])["symbol"] == "AAPL"


def test_bars_in_a_container(cloud: LocalCloud, tmp_path: Path) -> None:
    answer = _invoke("BarsFunction", "bars", cloud, tmp_path)

    assert answer["statusCode"] == 200, answer["body"]
    assert len(json.loads(answer["body"])) == 10


def test_health_in_a_container(cloud: LocalCloud, tmp_path: Path) -> None:
    answer = _invoke("AdminFunction", "health", cloud, tmp_path)

    assert answer["statusCode"] == 200, answer["body"]


def _invoke(function: str, event: str, cloud: LocalCloud, folder: Path) -> dict[str, Any]:
    sent = json.loads((ROOT / f"events/{event}.json").read_text())
    if "x-api-key" in sent["headers"]:
        sent["headers"]["x-api-key"] = cloud.said["api_keys"]["7"]
    sent["headers"].pop("accept-encoding")
    (folder / "event.json").write_text(json.dumps(sent))
    sam: list[str | Path] = [
        TOOLS / "sam/bin/sam",
        "local",
        "invoke",
        function,
        "--skip-pull-image",
        "--docker-network",
        "host",
    ]
    files: list[str | Path] = [
        "-t",
        _template(cloud),
        "-e",
        folder / "event.json",
        "--env-vars",
        folder / "variables.json",
    ]
    overrides = ["--parameter-overrides", f"Architecture={architecture()} RedisUrl={cloud.said['redis']}"]
    with reachable_from_containers(cloud.said["aws"], cloud.said["sandbox"], cloud.said["redis"]) as (
        aws,
        polygon,
        redis,
    ):
        variables = {
            "AWS_ENDPOINT_URL": aws,
            "KEYS_TABLE": cloud.said["outputs"]["KeysTable"],
            "POLYGON_SECRET_ARN": cloud.said["outputs"]["PolygonSecret"],
            "POLYGON_BASE_URL": polygon,
            "POLYGON_PER_MINUTE": "6000",
            "REDIS_URL": redis,
            "REDIS_AUTH": "none",
        }
        (folder / "variables.json").write_text(json.dumps({"Parameters": variables}))
        done = subprocess.run(  # noqa: S603 - ours
            [*sam, *files, *overrides],
            env={**cloud.environment, **_CREDENTIALS},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "SAM_CLI_TELEMETRY": "0",
}


def _template(cloud: LocalCloud) -> Path:
    """The built template with AWS_ENDPOINT_URL declared: SAM sets only variables that a template names."""
    built = Path(cloud.said["template"])
    text = re.sub(
        r"^( +)KEYS_TABLE:", r"\1AWS_ENDPOINT_URL: unset\n\1KEYS_TABLE:", built.read_text(), flags=re.MULTILINE
    )
    changed = built.with_name("sam-local.yaml")
    changed.write_text(text)
    return changed


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0  # noqa: S603
