"""`sam local invoke`: every function and the layer as built, in a container like Lambda's, against the local cloud."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from local.stack.build import architecture
from local.stack.folder import ROOT, TOOLS
from tests.e2e.bridge import reachable_from_containers
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S
from tests.template import functions

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1_200)]

FUNCTIONS: Final = {name: Path(properties["CodeUri"]).name for name, properties in functions().items()}
"""The template's functions, each with its folder."""

USER, ADMIN = "dk_local_replaced-by-the-tests", "dk_local_replaced-by-an-admin-key"
AT_ONCE: Final = 2
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "SAM_CLI_TELEMETRY": "0",
}

type Answer = dict[str, Any]
"""The JSON that a function returns."""


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


@pytest.fixture(scope="module")
def answers(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Answer]]]:
    """Each function's answer to its first event; two run at a time."""
    folder = tmp_path_factory.mktemp("invoke")
    said = cloud.said
    with (
        reachable_from_containers(said["aws"], said["sandbox"], said["redis"]) as (aws, polygon, redis),
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        variables = {
            "AWS_ENDPOINT_URL": aws,
            "KEYS_TABLE": said["outputs"]["KeysTable"],
            "POLYGON_SECRET_ARN": said["outputs"]["PolygonSecret"],
            "POLYGON_BASE_URL": polygon,
            "POLYGON_PER_MINUTE": "6000",
            "REDIS_URL": redis,
            "REDIS_AUTH": "none",
            "STREAM_TABLE": said["outputs"]["StreamTable"],
        }
        (folder / "variables.json").write_text(json.dumps({"Parameters": variables}))
        built = _template(cloud)
        yield {
            name: pool.submit(_invoke, name, _event(source, cloud), built, cloud, folder)
            for name, source in FUNCTIONS.items()
        }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_answers_in_a_container(answers: dict[str, Future[Answer]], function: str) -> None:
    answer = answers[function].result()

    if answer == {"statusCode": 200}:
        return  # the function of the stream's socket says everything through the socket
    if "statusCode" in answer:
        assert answer["statusCode"] == 200, answer["body"]
        assert json.loads(answer["body"])
    elif answer.get("line") == "run":
        assert answer["outcome"] in {"unheard", "held"}, answer  # nobody listens, or a relay of the cloud's own runs
    else:
        # What a schedule starts answers with its report.
        assert answer["done"] == "audited", answer


def _event(folder: str, cloud: LocalCloud) -> str:
    """A function's first recorded event, sent with keys of this cloud by a caller who takes plain text only."""
    first = min((ROOT / "events").glob(f"{folder}[.-]*json"), key=lambda file: file.stem)
    keys = {USER: cloud.said["api_keys"]["7"], ADMIN: cloud.said["admin_key"]}
    text = first.read_text()
    for placeholder, key in keys.items():
        text = text.replace(placeholder, key)
    sent = json.loads(text)
    sent.get("headers", {}).pop("accept-encoding", None)
    return json.dumps(sent)


def _invoke(function: str, event: str, built: Path, cloud: LocalCloud, folder: Path) -> Answer:
    sent = folder / f"{function}.json"
    sent.write_text(event)
    sam: list[str | Path] = [
        TOOLS / "sam/bin/sam",
        "local",
        "invoke",
        function,
        "--skip-pull-image",
        "--docker-network",
        "host",
    ]
    files: list[str | Path] = ["-t", built, "-e", sent, "--env-vars", folder / "variables.json"]
    overrides = ["--parameter-overrides", f"Architecture={architecture()} RedisUrl={cloud.said['redis']}"]
    done = subprocess.run(  # noqa: S603 - ours
        [*sam, *files, *overrides],
        env={**cloud.environment, **CREDENTIALS},
        capture_output=True,
        text=True,
        timeout=2 * HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: Answer = json.loads(done.stdout)
    return answer


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
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0  # noqa: S603 - docker
