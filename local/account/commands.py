"""Deploy the service to an AWS account, test it, set its Polygon key, and take it down."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.account.sections import AccountError, Section
from local.account.smoke import ANSWER_S, smoke, smoke_stream
from local.stack.folder import ROOT, TOOLS

SAM: Final = TOOLS / "sam/bin/sam"


class Session(Protocol):
    """The part of a boto3 session that is used."""

    @property
    def region_name(self) -> str | None:
        """The region."""
        ...

    @property
    def client(self) -> Callable[..., Any]:
        """Makes a client of the service with this name."""
        ...


def run_sam(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run SAM where samconfig.toml is, with its output on the terminal. Return its exit status."""
    command: list[str | Path] = [SAM, *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603 - arguments, no shell


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account and region, as a boto3 session and the environment variables that make SAM use the same ones.

    ``sam`` runs SAM with arguments and an environment and returns its exit status; ``connect`` makes an HTTP client of an address;
    ``try_stream`` tests the stream at an address and raises AccountError.
    """

    session: Session
    environment: Mapping[str, str]
    sam: Callable[[Sequence[str], Mapping[str, str]], int] = run_sam
    connect: Callable[[str], httpx.Client] = lambda url: httpx.Client(base_url=url, timeout=ANSWER_S)
    try_stream: Callable[[str], None] = smoke_stream

    def deploy(self, section: Section) -> None:
        """Deploy what was built, ask nothing, test the result and say what is left to do. Raises AccountError."""
        self._identify()
        parameters = [f"{name}={value}" for name, value in section.parameters.items()]
        options = ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides", *parameters]
        self._sam("deploy", section, "--config-env", section.environment, *options)
        self.test(section)
        outputs = self._outputs(section)
        if not self._has_key(outputs["PolygonSecret"]):
            print(f"Next, give it your Polygon key: make polygon-key ENV={section.environment}")
        print(f"A key for a caller: make key TIER=5 USER=demo STACK={section.stack}")

    def test(self, section: Section) -> None:
        """Run the smoke test of a deployed stack. Raises AccountError."""
        outputs = self._outputs(section)
        url = outputs["ApiUrl"]
        with self.connect(url) as http:
            print(f"{section.stack} answers at {url}: healthy, and all of its {smoke(http)} routes are there.")
        self.try_stream(outputs["StreamUrl"])
        print(f"Its stream answers at {outputs['StreamUrl']}.")

    def set_polygon_key(self, section: Section, key: str) -> None:
        """Put the Polygon key into the stack's secret. The functions read it when they next need it. Raises AccountError."""
        if not key.strip():
            raise AccountError("No key was given.")
        secret = self._outputs(section)["PolygonSecret"]
        self.session.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key.strip())
        print(f"The key is in {secret}.")

    def destroy(self, section: Section) -> None:
        """Delete the stack, and name what stays. Raises AccountError."""
        outputs = self._outputs(section)
        self._sam("delete", section, "--no-prompts")
        print(f"{section.stack} is deleted, with its cache, its logs and the Polygon key that it created. What stays:")
        for output, held in (("KeysTable", "API keys"), ("StreamTable", "the relay's lease")):
            if output in outputs:
                print(f"  the table of {held}: aws dynamodb delete-table --table-name {outputs[output]}")
        print(
            "  SAM's bucket of uploads (the stack aws-sam-cli-managed-default), which all of the account's stacks share"
        )
        print("  secrets and a Redis that you brought yourself")

    def _identify(self) -> None:
        try:
            who = self.session.client("sts").get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise AccountError(
                f"AWS does not know who you are ({error}); say so with PROFILE=... and REGION=..."
            ) from error
        print(f"Account {who['Account']}, region {self.session.region_name}", flush=True)

    def _outputs(self, section: Section) -> dict[str, str]:
        try:
            (stack,) = self.session.client("cloudformation").describe_stacks(StackName=section.stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise AccountError(f"There is no stack {section.stack} in this account and region.") from error
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def _has_key(self, secret: str) -> bool:
        """Whether the secret was changed since the stack created it with a placeholder."""
        return len(self.session.client("secretsmanager").describe_secret(SecretId=secret)["VersionIdsToStages"]) > 1

    def _sam(self, command: str, section: Section, *options: str) -> None:
        sys.stdout.flush()
        where = ["--stack-name", section.stack, "--region", str(self.session.region_name)]
        if self.sam([command, *where, *options], self.environment) != 0:
            raise AccountError(f"`sam {command}` failed; its own words stand above.")
